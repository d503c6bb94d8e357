"""The DATASET folder: growing, and being cut off."""

from pathlib import Path

import numpy as np
import pytest
from small_dataset import COLUMNS, PLAN, SIZE, finished, pixels, record

from cxr_cli.artifacts import digest_file, read_csv
from cxr_cli.dataset.reader import is_finished, open_dataset, read_plan, record_of, rejected_by_reason
from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.errors import BadInput


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

    function = {"images.npy": "os.fsync", "dataset.json": "write_record"}[cut_off_before]
    with monkeypatch.context() as patch:
        patch.setattr(f"cxr_cli.dataset.writer.{function}", fail)
        with pytest.raises(KeyboardInterrupt):
            finished(folder)
    with pytest.raises(BadInput, match="unfinished"):
        open_dataset(folder)
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        assert dataset.inputs == 5
        dataset.finish(COLUMNS, {"settings": PLAN})
    assert open_dataset(folder).images[:, 0, 0].tolist() == [10, 20]


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    with GrowingDataset(tmp_path / "d", SIZE, PLAN) as dataset:
        dataset.add_rejected("x.png", "damaged")
        dataset.discard()
    assert list((tmp_path / "d").iterdir()) == []
