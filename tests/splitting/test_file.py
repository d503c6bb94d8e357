"""split.csv and split.json: written, read back, edited by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_cli.artifacts import read_csv, read_record, write_csv, write_record
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.splitting.criteria import SplitCriteria
from cxr_cli.splitting.file import near_duplicate_pairs, open_split, write_split
from cxr_cli.splitting.near_duplicates import NearDuplicate
from cxr_cli.splitting.split import make_split

MakeDataset = Callable[..., Path]


def write(dataset: Dataset, criteria: SplitCriteria, path: Path) -> pd.DataFrame:
    table = make_split(dataset, criteria)
    write_split(dataset, criteria, table, path)
    return table


def test_a_split_reads_back_as_it_was_made(small_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_dataset)
    table = write(dataset, SplitCriteria(val=0.2, test=0.2, seed=3), tmp_path / "split.csv")
    split = open_split(tmp_path / "split.csv", dataset)
    assert split.subsets.tolist() == table["subset"].tolist()
    assert split.classes == ("covid19", "normal", "pneumonia")
    assert [split.classes[number] for number in split.labels] == table["label"].tolist()
    assert split.rows("val").tolist() == np.flatnonzero(table["subset"] == "val").tolist()
    training = dataset.images[split.rows("train")].astype(np.float64) / 255
    assert split.pixels.mean == pytest.approx(training.mean(), rel=1e-12)
    assert split.pixels.std == pytest.approx(training.std(), rel=1e-12)


def test_a_split_saved_by_a_spreadsheet_reads_alike(small_dataset: Path, tmp_path: Path) -> None:
    dataset, path = open_dataset(small_dataset), tmp_path / "split.csv"
    table = write(dataset, SplitCriteria(val=0.2, test=0.2, seed=3), path)
    path.write_bytes(path.read_text("utf-8").replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"))
    assert open_split(path, dataset).subsets.tolist() == table["subset"].tolist()


def test_the_json_beside_a_split_says_how_it_was_made(small_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_dataset)
    table = write(dataset, SplitCriteria(val=0.2, test=0.2, seed=3), tmp_path / "split.csv")
    summary = json.loads((tmp_path / "split.json").read_text())
    given = {name: value for name, value in summary["criteria"].items() if value not in (None, False)}
    assert given == {"val": 0.2, "test": 0.2, "seed": 3}
    assert (summary["images"], summary["images_without_patient_id"], summary["patients"]) == (60, 12, 36)
    assert summary["dataset_digest"] == dataset.digest
    assert list(summary["counts"]) == ["train", "val", "test"]
    counted = table.groupby(["subset", "label"]).size()
    assert {
        (subset, label): images for subset, of in summary["counts"].items() for label, images in of.items()
    } == counted.to_dict()


def test_each_fold_has_its_own_statistics_of_its_own_training_images(
    small_dataset: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(folds=4), tmp_path / "split.csv")
    tested = []
    for fold in range(4):
        split = open_split(tmp_path / "split.csv", dataset, fold)
        training = dataset.images[split.rows("train")].astype(np.float64) / 255
        assert split.pixels.mean == pytest.approx(training.mean(), rel=1e-12)
        assert split.pixels.std == pytest.approx(training.std(), rel=1e-12)
        tested += split.rows("test").tolist()
    assert sorted(tested) == list(range(60))


@pytest.mark.parametrize(("folds", "fold"), [(3, None), (3, 3), (3, -1), (None, 0)])
def test_a_fold_that_is_not_there_is_wrong_usage(
    small_dataset: Path, tmp_path: Path, folds: int | None, fold: int | None
) -> None:
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(folds=folds), tmp_path / "split.csv")
    with pytest.raises(InvalidSetting, match="`fold`"):
        open_split(tmp_path / "split.csv", dataset, fold)


@pytest.fixture
def opened(small_dataset: Path, tmp_path: Path) -> tuple[Path, Dataset]:
    """The path of a split of the small dataset, free to be changed, and the dataset."""
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(val=0.2, test=0.2), tmp_path / "split.csv")
    return tmp_path / "split.csv", dataset


def test_images_can_be_left_out_by_hand_and_the_statistics_follow(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    before = open_split(path, dataset)
    left_out = [image for subset in ("train", "test") for image in before.rows(subset)[:4]]
    table.loc[left_out, "subset"] = ""
    write_csv(path, table)
    after = open_split(path, dataset)
    assert after.rows("test").tolist() == before.rows("test")[4:].tolist()
    training = dataset.images[before.rows("train")[4:]].astype(np.float64) / 255
    assert after.pixels.mean == pytest.approx(training.mean(), rel=1e-12)
    assert after.pixels.std == pytest.approx(training.std(), rel=1e-12)
    assert after.pixels != before.pixels


def test_the_same_images_cropped_otherwise_have_statistics_of_their_own(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    cropped = replace(
        dataset, images=dataset.images[:, 4:-4, 4:-4], info={**dataset.info, "digest": "f" * 64}
    )
    split = open_split(path, cropped)
    training = cropped.images[split.rows("train")].astype(np.float64) / 255
    assert split.pixels.mean == pytest.approx(training.mean(), rel=1e-12)


def test_statistics_are_not_computed_again_without_need(
    opened: tuple[Path, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dataset = opened
    monkeypatch.delattr("cxr_cli.splitting.file.pixel_statistics")
    assert open_split(path, dataset).pixels.std > 0


def test_a_split_edited_so_that_no_image_trains_is_refused(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    write_csv(path, table.assign(subset=table["subset"].replace("train", "")))
    with pytest.raises(BadInput, match="no image in subset 'train'"):
        open_split(path, dataset)


def test_a_table_is_not_written_over_its_own_json(small_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"named \.csv"):
        write(open_dataset(small_dataset), SplitCriteria(val=0.2), tmp_path / "split.json")
    assert list(tmp_path.iterdir()) == []


def test_a_subset_without_a_image_or_a_name_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(val=0.2), tmp_path / "split.csv")
    split = open_split(tmp_path / "split.csv", dataset)
    with pytest.raises(BadInput, match="no image in subset 'test'"):
        split.rows("test")
    with pytest.raises(InvalidSetting, match="`subset` 'tset': known are train, val, test"):
        split.rows("tset")


def test_a_split_edited_so_that_it_leaks_is_refused(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    image = table.index[(table["subset"] == "test") & (table["patient_id"] != "")][0]
    table.loc[image, "subset"] = "train"
    write_csv(path, table)
    with pytest.raises(BadInput, match="1 patient in more than one subset"):
        open_split(path, dataset)


@pytest.mark.parametrize("column", ["patient_id", "label"])
def test_patients_and_labels_cannot_be_edited_in_a_split(opened: tuple[Path, Dataset], column: str) -> None:
    path, dataset = opened
    write_csv(path, read_csv(path).assign(**{column: ""}))
    with pytest.raises(BadInput, match=f"column '{column}' is not the manifest's"):
        open_split(path, dataset)


def test_a_subset_of_another_name_is_refused(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    write_csv(path, table.assign(subset=table["subset"].replace("val", "holdout")))
    with pytest.raises(BadInput, match="holds 'holdout'"):
        open_split(path, dataset)


def test_the_split_of_another_dataset_is_refused(
    opened: tuple[Path, Dataset], make_dataset: MakeDataset, tmp_path: Path
) -> None:
    other = open_dataset(make_dataset(tmp_path / "other", ["a", "b"] * 5, [""] * 10))
    with pytest.raises(BadInput, match=r"is not a split of .*other"):
        open_split(opened[0], other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("{}", "split.json"),
        ("[]", "an object is needed"),
        ('{"criteria": 1}', "split.json"),
    ],
)
def test_a_json_that_is_no_split_s_is_refused(
    opened: tuple[Path, Dataset], content: str | None, message: str
) -> None:
    path, dataset = opened
    path.with_suffix(".json").unlink()
    if content is not None:
        path.with_suffix(".json").write_text(content)
    with pytest.raises(BadInput, match=message):
        open_split(path, dataset)


@pytest.mark.parametrize("fold", ["first", "7", ""])
def test_a_fold_that_was_edited_into_nonsense_is_refused(
    small_dataset: Path, tmp_path: Path, fold: str
) -> None:
    dataset = open_dataset(small_dataset)
    table = write(dataset, SplitCriteria(folds=3), tmp_path / "split.csv")
    write_csv(tmp_path / "split.csv", table.assign(fold=[fold, *table["fold"][1:]]))
    with pytest.raises(BadInput, match=f"column 'fold' holds '{fold}'; known are 0 to 2"):
        open_split(tmp_path / "split.csv", dataset, 0)


@pytest.fixture
def near_duplicates(small_dataset: Path) -> list[NearDuplicate]:
    """Two images of the small dataset that are said to be near-duplicates; of two patients, normal."""
    return [NearDuplicate((14, 30), 0.98765, False)]


def test_patients_who_share_an_image_are_one_when_the_split_is_read(
    small_dataset: Path, tmp_path: Path, near_duplicates: list[NearDuplicate]
) -> None:
    dataset = open_dataset(small_dataset)
    criteria = SplitCriteria(val=0.2, test=0.2, near_duplicates=True)
    same = near_duplicate_pairs(dataset, near_duplicates)
    write_split(
        dataset, criteria, make_split(dataset, criteria, same), tmp_path / "split.csv", near_duplicates
    )
    summary = json.loads((tmp_path / "split.json").read_text())
    ids = dataset.manifest["image_id"]
    assert summary["near_duplicates"] == [
        {"images": [ids[14], ids[30]], "correlation": 0.9877, "mirrored": False}
    ]
    assert summary["patients"] == 35
    split = open_split(tmp_path / "split.csv", dataset)
    assert len(set(split.patients[[14, 15, 30, 31]])) == 1
    assert len(set(split.patients)) == 35


def test_a_split_edited_so_that_an_image_is_in_two_subsets_is_refused(
    small_dataset: Path, tmp_path: Path, near_duplicates: list[NearDuplicate]
) -> None:
    dataset = open_dataset(small_dataset)
    path, criteria = tmp_path / "split.csv", SplitCriteria(val=0.2, test=0.2, near_duplicates=True)
    write_split(
        dataset,
        criteria,
        make_split(dataset, criteria, near_duplicate_pairs(dataset, near_duplicates)),
        path,
        near_duplicates,
    )
    table = read_csv(path)
    other = next(name for name in ("train", "test") if name != table["subset"][14])
    table.loc[[14, 15], "subset"] = other
    write_csv(path, table)
    with pytest.raises(BadInput, match="1 group of patients who share an image in more than one subset"):
        open_split(path, dataset)


def test_a_split_from_before_near_duplicates_were_looked_for_still_opens(
    opened: tuple[Path, Dataset],
) -> None:
    path, dataset = opened
    summary = read_record(path.with_suffix(".json"))
    del summary["near_duplicates"]
    write_record(path.with_suffix(".json"), summary)
    write_csv(path, read_csv(path).drop(columns="reason"))
    assert len(set(open_split(path, dataset).patients)) == 36
