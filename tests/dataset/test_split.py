"""Which patients train, validate and test."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_cli.artifacts import read_csv, write_csv
from cxr_cli.dataset.characteristics import MANIFEST_COLUMNS
from cxr_cli.dataset.split import (
    SplitCriteria,
    fold_subsets,
    make_split,
    open_split,
    patient_numbers,
    pixel_statistics,
    write_split,
)
from cxr_cli.dataset.store import Dataset, open_dataset
from cxr_cli.errors import BadInput, UsageFault

MakeDataset = Callable[..., Path]
Draw = tuple[list[str], list[str]]


def in_memory(labels: list[str], patients: list[str], **columns: list[str]) -> Dataset:
    """A dataset that is only a manifest, over films of one black pixel."""
    manifest = pd.DataFrame(dict.fromkeys(MANIFEST_COLUMNS, ""), index=range(len(labels)))
    manifest = manifest.assign(
        image_id=[f"{row:016x}" for row in range(len(labels))],
        row=range(len(labels)),
        label=labels,
        patient_id=patients,
        **columns,
    )
    return Dataset(Path("d"), np.zeros((len(labels), 1, 1), np.uint8), manifest, {"digest": "0" * 64})


@st.composite
def films_of_patients(draw: st.DrawFn) -> Draw:
    """Films with repeated and missing patient ids, patients with films of several classes."""
    patient = st.sampled_from(["", "", *(f"{number:03}" for number in range(12))])
    films = draw(st.lists(st.tuples(st.sampled_from("abc"), patient), min_size=9, max_size=80))
    return [label for label, _ in films], [patient for _, patient in films]


def leaks(table: pd.DataFrame, part: str) -> set[str]:
    """Patients, by id, with films in two parts; worked out without the code under test."""
    seen: dict[str, set[str]] = {}
    for film in table.to_dict("records"):
        if film["patient_id"] and film[part] != "":
            seen.setdefault(film["patient_id"], set()).add(film[part])
    return {patient for patient, parts in seen.items() if len(parts) > 1}


def split_or_refuse(dataset: Dataset, criteria: SplitCriteria) -> pd.DataFrame:
    """Split, or give the example up where a class has too few patients."""
    try:
        return make_split(dataset, criteria)
    except BadInput:
        assume(False)
        raise


shares = st.sampled_from([(0.2, 0.2), (0.1, 0.3), (0.3, 0.0), (0.0, 0.25), (None, 0.2)])


@given(films=films_of_patients(), wanted=shares, seed=st.integers(0, 1000))
def test_no_patient_is_in_two_subsets(
    films: Draw, wanted: tuple[float | None, float | None], seed: int
) -> None:
    table = split_or_refuse(in_memory(*films), SplitCriteria(val=wanted[0], test=wanted[1], seed=seed))
    assert leaks(table, "subset") == set()
    used = {"train", *(name for name, share in zip(("val", "test"), wanted, strict=True) if share)}
    assert set(table["subset"]) == used
    assert (table.groupby("subset")["label"].nunique() == len(set(films[0]))).all()
    assert table["label"].tolist() == films[0]


@given(films=films_of_patients(), folds=st.integers(3, 5), seed=st.integers(0, 1000))
def test_each_film_is_in_one_fold_and_no_patient_in_two(films: Draw, folds: int, seed: int) -> None:
    table = split_or_refuse(in_memory(*films), SplitCriteria(folds=folds, seed=seed))
    assert leaks(table, "fold") == set()
    assert set(table["fold"]) == {str(fold) for fold in range(folds)}
    assert set(table["subset"]) == {""}
    tested = np.zeros(len(table), int)
    for fold in range(folds):
        subsets = fold_subsets(table["fold"].to_numpy(np.int64), fold, folds)
        tested += subsets == "test"
        assert leaks(table.assign(subset=subsets), "subset") == set()
        assert set(subsets) == {"train", "val", "test"}
    assert tested.tolist() == [1] * len(table)


def test_one_fold_tests_and_the_next_round_the_circle_validates() -> None:
    folds = np.array([0, 1, 2, 3])
    assert fold_subsets(folds, 1, 4).tolist() == ["train", "test", "val", "train"]
    assert fold_subsets(folds, 3, 4).tolist() == ["val", "train", "train", "test"]


@given(films=films_of_patients(), seed=st.integers(0, 1000))
def test_a_seed_decides_the_split(films: Draw, seed: int) -> None:
    dataset = in_memory(*films)
    criteria = SplitCriteria(val=0.2, test=0.2, seed=seed)
    first = split_or_refuse(dataset, criteria)
    pd.testing.assert_frame_equal(first, make_split(dataset, criteria))


def test_other_seeds_give_other_splits() -> None:
    dataset = in_memory(["a", "b"] * 30, [f"{film // 2}" for film in range(60)])
    splits = {
        tuple(make_split(dataset, SplitCriteria(val=0.2, test=0.2, seed=seed))["subset"])
        for seed in range(10)
    }
    assert len(splits) == 10


def test_shares_are_met_for_every_class_to_within_two_films() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(90), rng.integers(1, 3, 90))
        table = make_split(
            in_memory([f"class {patient % 3}" for patient in patients], [f"p{each}" for each in patients]),
            SplitCriteria(val=0.15, test=0.25, seed=seed),
        )
        counts = pd.crosstab(table["label"], table["subset"])
        wanted = np.outer(counts.sum(axis=1), [0.25, 0.60, 0.15])
        assert counts.columns.tolist() == ["test", "train", "val"]
        assert np.abs(counts.to_numpy() - wanted).max() <= 2


def test_a_film_without_a_patient_id_is_a_patient_of_its_own() -> None:
    films = pd.DataFrame({"patient_id": ["7", "", "7", "", "07"], "image_id": ["7", "b", "c", "d", "e"]})
    numbers = patient_numbers(films)
    assert numbers[0] == numbers[2]
    assert len(set(numbers.tolist())) == 4


def test_a_patient_whose_id_looks_like_a_film_s_is_not_that_film() -> None:
    films = pd.DataFrame({"patient_id": ["film a", "", "a"], "image_id": ["x", "a", "y"]})
    assert len(set(patient_numbers(films).tolist())) == 3


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        (SplitCriteria(folds=2), "--folds 2: 3 or more"),
        (SplitCriteria(folds=3, val=0.2), "--folds goes without"),
        (SplitCriteria(folds=3, column="subset"), "--folds goes without"),
        (SplitCriteria(val=1.0), "--val 1.0: a share from 0"),
        (SplitCriteria(val=-0.1), "--val -0.1: a share from 0"),
        (SplitCriteria(val=float("nan")), "--val nan: a share from 0"),
        (SplitCriteria(val=0.5, test=0.5), "leave no film to train on"),
        (SplitCriteria(column="subset", test=0.2), "--from-column names the test films"),
    ],
)
def test_criteria_that_cannot_be_are_wrong_usage(criteria: SplitCriteria, told: str) -> None:
    with pytest.raises(UsageFault) as refusal:
        make_split(in_memory(["a", "b"] * 10, [""] * 20), criteria)
    assert told in str(refusal.value)


def test_a_class_with_too_few_patients_is_refused_by_name_and_number() -> None:
    dataset = in_memory(["rare", "rare", *"abababab"], ["7", "7", *[""] * 8])
    with pytest.raises(BadInput, match="class 'rare' has 1 patient, 3 are needed"):
        make_split(dataset, SplitCriteria(val=0.25, test=0.25))
    with pytest.raises(BadInput, match="class 'rare' has 1 patient, 4 are needed"):
        make_split(dataset, SplitCriteria(folds=4))


COLUMN = ["Training", "train", " TEST ", "test", "valid", "Validation", "", "train"]


def test_subsets_are_taken_from_a_column_in_the_spellings_in_use() -> None:
    dataset = in_memory(list("abababab"), ["1", "1", "2", "2", "3", "", "1", "4"], set=COLUMN)
    table = make_split(dataset, SplitCriteria(column="set"))
    assert table["subset"].tolist() == ["train", "train", "test", "test", "val", "val", "", "train"]


def test_a_column_that_puts_a_patient_into_two_subsets_is_refused() -> None:
    dataset = in_memory(list("abababab"), ["1", "1", "2", "2", "3", "", "1", "3"], set=COLUMN)
    with pytest.raises(BadInput) as refusal:
        make_split(dataset, SplitCriteria(column="set"))
    assert str(refusal.value) == (
        "d/manifest.csv: column 'set': 1 patient in more than one subset (films 0000000000000004 in val and "
        "0000000000000007 in train are of one patient); each patient belongs in one"
    )


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["train"] * 5 + ["holdout"], "column 'set' holds 'holdout'; known are train, val, test"),
        (["test"] * 6, "column 'set' names no training film"),
        ([""] * 6, "column 'set' names no training film"),
    ],
)
def test_a_column_that_is_no_split_is_refused(column: list[str], told: str) -> None:
    with pytest.raises(BadInput) as refusal:
        make_split(in_memory(list("ababab"), [""] * 6, set=column), SplitCriteria(column="set"))
    assert told in str(refusal.value)


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match="column 'nosuch' is not there; it has 'image_id', 'row'"):
        make_split(in_memory(list("ab"), ["", ""]), SplitCriteria(column="nosuch"))


@given(seed=st.integers(0, 1000))
def test_validation_films_are_drawn_from_a_column_s_training_films_by_patient(seed: int) -> None:
    patients = [f"p{film // 2}" for film in range(60)]
    column = ["train"] * 40 + ["test"] * 16 + [""] * 4
    dataset = in_memory(["a", "b", "b", "a"] * 15, patients, set=column)
    table = make_split(dataset, SplitCriteria(column="set", val=0.25, seed=seed))
    assert table["subset"][40:].tolist() == column[40:]
    assert table["subset"][:40].value_counts().to_dict() == {"train": 30, "val": 10}
    assert leaks(table, "subset") == set()


def test_a_column_with_validation_films_leaves_none_to_be_drawn() -> None:
    dataset = in_memory(list("ababab"), [""] * 6, set=["train"] * 4 + ["val", "test"])
    with pytest.raises(UsageFault, match="already names validation films"):
        make_split(dataset, SplitCriteria(column="set", val=0.2))


@given(
    films=st.integers(1, 6),
    side=st.integers(1, 9),
    seed=st.integers(0, 1000),
    brightest=st.sampled_from([1, 2, 256]),
)
def test_pixel_statistics_are_numpy_s(films: int, side: int, seed: int, brightest: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, brightest, (films, side, side), np.uint8)
    rows = np.flatnonzero(rng.random(films) < 0.6)
    assume(len(rows))
    values = images[rows].astype(np.float64) / 255
    pixels = pixel_statistics(images, rows)
    assert pixels.mean == pytest.approx(values.mean(), rel=1e-12)
    assert pixels.std == pytest.approx(values.std(), rel=1e-12, abs=1e-15)


def test_pixel_statistics_worked_by_hand() -> None:
    images = np.array([[[0, 255]], [[255, 255]], [[7, 7]]], np.uint8)
    pixels = pixel_statistics(images, np.array([0, 1]))
    assert (pixels.mean, pixels.std) == (0.75, pytest.approx(3**0.5 / 4))


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


def test_the_json_beside_a_split_says_how_it_was_made(small_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_dataset)
    table = write(dataset, SplitCriteria(val=0.2, test=0.2, seed=3), tmp_path / "split.csv")
    summary = json.loads((tmp_path / "split.json").read_text())
    assert summary["criteria"] == {"val": 0.2, "test": 0.2, "folds": None, "column": None, "seed": 3}
    assert (summary["films"], summary["films_without_patient_id"], summary["patients"]) == (60, 12, 36)
    assert summary["dataset_digest"] == dataset.digest
    assert list(summary["counts"]) == ["train", "val", "test"]
    counted = table.groupby(["subset", "label"]).size()
    assert {
        (subset, label): films for subset, of in summary["counts"].items() for label, films in of.items()
    } == counted.to_dict()


def test_each_fold_has_its_own_statistics_of_its_own_training_films(
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
    with pytest.raises(UsageFault, match="--fold"):
        open_split(tmp_path / "split.csv", dataset, fold)


@pytest.fixture
def opened(small_dataset: Path, tmp_path: Path) -> tuple[Path, Dataset]:
    """The path of a split of the small dataset, free to be changed, and the dataset."""
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(val=0.2, test=0.2), tmp_path / "split.csv")
    return tmp_path / "split.csv", dataset


def test_films_can_be_left_out_by_hand_and_the_statistics_follow(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    before = open_split(path, dataset)
    left_out = [film for subset in ("train", "test") for film in before.rows(subset)[:4]]
    table.loc[left_out, "subset"] = ""
    write_csv(path, table)
    after = open_split(path, dataset)
    assert after.rows("test").tolist() == before.rows("test")[4:].tolist()
    training = dataset.images[before.rows("train")[4:]].astype(np.float64) / 255
    assert after.pixels.mean == pytest.approx(training.mean(), rel=1e-12)
    assert after.pixels.std == pytest.approx(training.std(), rel=1e-12)
    assert after.pixels != before.pixels


def test_the_same_films_cropped_otherwise_have_statistics_of_their_own(opened: tuple[Path, Dataset]) -> None:
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
    monkeypatch.delattr("cxr_cli.dataset.split.pixel_statistics")
    assert open_split(path, dataset).pixels.std > 0


def test_a_split_edited_so_that_no_film_trains_is_refused(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    write_csv(path, table.assign(subset=table["subset"].replace("train", "")))
    with pytest.raises(BadInput, match="no film in subset 'train'"):
        open_split(path, dataset)


def test_a_table_is_not_written_over_its_own_json(small_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"named \.csv"):
        write(open_dataset(small_dataset), SplitCriteria(val=0.2), tmp_path / "split.json")
    assert list(tmp_path.iterdir()) == []


def test_a_subset_without_a_film_or_a_name_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    dataset = open_dataset(small_dataset)
    write(dataset, SplitCriteria(val=0.2), tmp_path / "split.csv")
    split = open_split(tmp_path / "split.csv", dataset)
    with pytest.raises(BadInput, match="no film in subset 'test'"):
        split.rows("test")
    with pytest.raises(UsageFault, match="--subset 'tset': known are train, val, test"):
        split.rows("tset")


def test_a_split_edited_so_that_it_leaks_is_refused(opened: tuple[Path, Dataset]) -> None:
    path, dataset = opened
    table = read_csv(path)
    film = table.index[(table["subset"] == "test") & (table["patient_id"] != "")][0]
    table.loc[film, "subset"] = "train"
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
    ("content", "told"),
    [
        (None, "no such file"),
        ("{}", "split.json"),
        ("[]", "an object is needed"),
        ('{"criteria": 1}', "split.json"),
    ],
)
def test_a_json_that_is_no_split_s_is_refused(
    opened: tuple[Path, Dataset], content: str | None, told: str
) -> None:
    path, dataset = opened
    path.with_suffix(".json").unlink()
    if content is not None:
        path.with_suffix(".json").write_text(content)
    with pytest.raises(BadInput, match=told):
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
