"""The DATASET folder: growing, being cut off, being opened."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.artifacts import digest_file, read_csv
from cxr_cli.dataset.store import (
    GrowingDataset,
    is_finished,
    open_dataset,
    read_plan,
    record_of,
    rejected_by_reason,
)
from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import MANIFEST_COLUMNS

SIZE = 8
PLAN = {"size": SIZE}
COLUMNS = (*MANIFEST_COLUMNS, "reason")


def pixels(value: int) -> np.ndarray:
    return np.full((SIZE, SIZE), value, np.uint8)


def record(name: str) -> dict[str, str]:
    return {
        "image_id": name,
        "source": f"{name}.png",
        "label": "normal",
        "patient_id": "007",
        "reason": "cough",
    }


def finished(folder: Path) -> Path:
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        dataset.add_image(pixels(10), record("a"))
        dataset.add_rejected("x.png", "duplicate of a.png, under another label")
        dataset.add_image(pixels(20), record("b"))
        dataset.add_rejected("y.png", "too small: 3 x 3 pixels")
        dataset.add_rejected("z.png", "duplicate of b: (1).png")
        dataset.finish(COLUMNS, {"settings": PLAN, "counts": {"images": 2}})
    return folder


def test_a_finished_dataset_opens_as_it_was_written(tmp_path: Path) -> None:
    dataset = open_dataset(finished(tmp_path / "d"))
    assert dataset.images.shape == (2, SIZE, SIZE)
    assert isinstance(dataset.images, np.memmap)
    assert [int(image[0, 0]) for image in dataset.images] == [10, 20]
    assert list(dataset.manifest.columns) == list(COLUMNS)
    assert dataset.manifest["row"].tolist() == [0, 1]
    assert dataset.manifest["patient_id"].tolist() == ["007", "007"]
    assert dataset.manifest["sex"].tolist() == ["", ""]
    assert dataset.digest == digest_file(tmp_path / "d" / "images.npy")
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        "images.npy",
        "manifest.csv",
        "rejected.csv",
        "dataset.json",
    }


def test_images_are_read_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_dataset(finished(tmp_path / "d")).images[0, 0, 0] = 1


def test_rejected_inputs_are_listed_and_counted_by_kind(tmp_path: Path) -> None:
    folder = finished(tmp_path / "d")
    assert read_csv(folder / "rejected.csv").to_numpy().tolist()[1] == ["y.png", "too small: 3 x 3 pixels"]
    assert rejected_by_reason(folder) == {"duplicate": 2, "too small": 1}


def test_work_goes_on_after_the_last_whole_entry(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        dataset.add_image(pixels(1), record("a"))
        dataset.add_rejected("x.png", "damaged")
        dataset.add_image(pixels(2), record("b"))
    assert not is_finished(folder)
    assert read_plan(folder / record_of(folder)) == PLAN
    with (folder / "progress.jsonl").open("a") as journal, (folder / "images.partial.npy").open("ab") as rows:
        journal.write('{"image": {"image_id": "to')
        rows.write(b"torn")
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        assert (len(dataset.images), len(dataset.rejected), dataset.inputs) == (2, 1, 3)
        dataset.add_image(pixels(3), record("c"))
        dataset.finish(COLUMNS, {"settings": PLAN})
    assert open_dataset(folder).images[:, 0, 0].tolist() == [1, 2, 3]
    assert open_dataset(folder).manifest["image_id"].tolist() == ["a", "b", "c"]


def test_an_entry_whose_pixels_are_lost_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        for name in "abc":
            dataset.add_image(pixels(ord(name)), record(name))
    rows = folder / "images.partial.npy"
    rows.write_bytes(rows.read_bytes()[: -SIZE * SIZE - 1])
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        assert [image["image_id"] for image in dataset.images] == ["a"]


@pytest.mark.parametrize("cut_off_before", ["images.npy", "dataset.json"])
def test_finishing_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_off_before: str
) -> None:
    folder = tmp_path / "d"

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    function = {"images.npy": "os.fsync", "dataset.json": "write_json"}[cut_off_before]
    with monkeypatch.context() as patch:
        patch.setattr(f"cxr_cli.dataset.store.{function}", fail)
        with pytest.raises(KeyboardInterrupt):
            finished(folder)
    with pytest.raises(BadInput, match="unfinished"):
        open_dataset(folder)
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        assert dataset.inputs == 5
        dataset.finish(COLUMNS, {"settings": PLAN})
    assert open_dataset(folder).images[:, 0, 0].tolist() == [10, 20]


def test_a_folder_at_work_is_left_to_the_first_process(tmp_path: Path) -> None:
    with GrowingDataset(tmp_path / "d", SIZE, PLAN) as dataset:
        dataset.add_image(pixels(1), record("a"))
        with pytest.raises(BadInput, match="another process is at work on it"):
            GrowingDataset(tmp_path / "d", SIZE, PLAN)
        dataset.add_image(pixels(2), record("b"))
    with GrowingDataset(tmp_path / "d", SIZE, PLAN) as dataset:
        assert dataset.inputs == 2


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    with GrowingDataset(tmp_path / "d", SIZE, PLAN) as dataset:
        dataset.add_rejected("x.png", "damaged")
        dataset.discard()
    assert list(tmp_path.iterdir()) == []


def test_plans_of_folders(tmp_path: Path) -> None:
    assert record_of(tmp_path / "new") == "dataset.json"
    assert not is_finished(tmp_path / "new")
    folder = finished(tmp_path / "d")
    assert is_finished(folder)
    assert read_plan(folder / record_of(folder)) == PLAN
    (folder / "dataset.json").write_text("{}")
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
    (folder / "dataset.json").write_text(json.dumps({"settings": PLAN}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_info, "no dataset.json"),
        (drop_images, "images.npy: no such file"),
        (drop_last_row, "manifest.csv has 1 rows, images.npy 2"),
        (drop_column, "no column 'patient_id'"),
        (cut_images, "images.npy: cannot be read"),
        (other_images, "float32"),
        (no_digest, "no field 'digest'"),
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
