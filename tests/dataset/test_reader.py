"""Opening a DATASET folder, and refusing what is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_dataset import PLAN, SIZE, finished

from cxr_cli.artifacts import write_record
from cxr_cli.dataset.reader import is_finished, open_dataset, read_plan, record_of
from cxr_cli.errors import BadInput


def test_plans_of_folders(tmp_path: Path) -> None:
    assert record_of(tmp_path / "new") == "dataset.json"
    assert not is_finished(tmp_path / "new")
    folder = finished(tmp_path / "d")
    assert is_finished(folder)
    assert read_plan(folder / record_of(folder)) == PLAN
    write_record(folder / "dataset.json", {})
    with pytest.raises(BadInput, match="holds no settings of a dataset; name a new folder"):
        read_plan(folder / record_of(folder))


def drop_info(folder: Path) -> None:
    (folder / "dataset.json").unlink()


def drop_images(folder: Path) -> None:
    (folder / "images.npy").unlink()


def drop_last_row(folder: Path) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(manifest.read_text().splitlines()[:-1]) + "\n")


def drop_column(folder: Path) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("patient_id", "patient"))


def cut_images(folder: Path) -> None:
    images = folder / "images.npy"
    images.write_bytes(images.read_bytes()[:-1])


def other_images(folder: Path) -> None:
    np.save(folder / "images.npy", np.zeros((2, SIZE, SIZE), np.float32))


def no_digest(folder: Path) -> None:
    write_record(folder / "dataset.json", {"settings": PLAN})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_info, "no dataset.json"),
        (drop_images, "images.npy: no such file"),
        (drop_last_row, "manifest.csv has 1 rows, images.npy 2"),
        (drop_column, "no column 'patient_id'"),
        (cut_images, "images.npy: cannot be read"),
        (other_images, "float32"),
        (no_digest, "missing required field `digest`"),
    ],
)
def test_an_inconsistent_dataset_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    folder = finished(tmp_path / "d")
    spoil(folder)
    with pytest.raises(BadInput, match=message):
        open_dataset(folder)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        open_dataset(tmp_path / "gone")
