"""Which patients train, validate and test."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.splitting.criteria import SplitCriteria
from cxr_cli.splitting.file import fold_subsets
from cxr_cli.splitting.split import make_split

MakeDataset = Callable[..., Path]
Draw = tuple[list[str], list[str]]


def in_memory(labels: list[str], patients: list[str], **columns: list[str]) -> Dataset:
    """A dataset that is only a manifest, over images of one black pixel."""
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
def images_of_patients(draw: st.DrawFn) -> Draw:
    """Images with repeated and missing patient ids, patients with images of several classes."""
    patient = st.sampled_from(["", "", *(f"{number:03}" for number in range(12))])
    images = draw(st.lists(st.tuples(st.sampled_from("abc"), patient), min_size=9, max_size=80))
    return [label for label, _ in images], [patient for _, patient in images]


def leaks(table: pd.DataFrame, part: str) -> set[str]:
    """Patients, by id, with images in two parts; worked out without the code under test."""
    seen: dict[str, set[str]] = {}
    for image in table.to_dict("records"):
        if image["patient_id"] and image[part] != "":
            seen.setdefault(image["patient_id"], set()).add(image[part])
    return {patient for patient, parts in seen.items() if len(parts) > 1}


def split_or_refuse(dataset: Dataset, criteria: SplitCriteria) -> pd.DataFrame:
    """Split, or give the example up where a class has too few patients."""
    try:
        return make_split(dataset, criteria)
    except BadInput:
        assume(False)
        raise


shares = st.sampled_from([(0.2, 0.2), (0.1, 0.3), (0.3, 0.0), (0.0, 0.25), (None, 0.2)])


@given(images=images_of_patients(), wanted=shares, seed=st.integers(0, 1000))
def test_no_patient_is_in_two_subsets(
    images: Draw, wanted: tuple[float | None, float | None], seed: int
) -> None:
    table = split_or_refuse(in_memory(*images), SplitCriteria(val=wanted[0], test=wanted[1], seed=seed))
    assert leaks(table, "subset") == set()
    used = {"train", *(name for name, share in zip(("val", "test"), wanted, strict=True) if share)}
    assert set(table["subset"]) == used
    assert (table.groupby("subset")["label"].nunique() == len(set(images[0]))).all()
    assert table["label"].tolist() == images[0]


@given(images=images_of_patients(), folds=st.integers(3, 5), seed=st.integers(0, 1000))
def test_each_image_is_in_one_fold_and_no_patient_in_two(images: Draw, folds: int, seed: int) -> None:
    table = split_or_refuse(in_memory(*images), SplitCriteria(folds=folds, seed=seed))
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


@given(images=images_of_patients(), seed=st.integers(0, 1000))
def test_a_seed_decides_the_split(images: Draw, seed: int) -> None:
    dataset = in_memory(*images)
    criteria = SplitCriteria(val=0.2, test=0.2, seed=seed)
    first = split_or_refuse(dataset, criteria)
    pd.testing.assert_frame_equal(first, make_split(dataset, criteria))


def test_other_seeds_give_other_splits() -> None:
    dataset = in_memory(["a", "b"] * 30, [f"{image // 2}" for image in range(60)])
    splits = {
        tuple(make_split(dataset, SplitCriteria(val=0.2, test=0.2, seed=seed))["subset"])
        for seed in range(10)
    }
    assert len(splits) == 10


def test_shares_are_met_for_every_class_to_within_two_images() -> None:
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


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        (SplitCriteria(folds=2), "`folds` 2: 3 or more"),
        (SplitCriteria(folds=3, val=0.2), "`folds`: divides all images: it cannot be combined with `val`"),
        (
            SplitCriteria(folds=3, from_column="subset"),
            "`folds`: divides all images: it cannot be combined with `from_column`",
        ),
        (SplitCriteria(folds=3, train_where="row > 1"), "it cannot be combined with `train_where`"),
        (SplitCriteria(folds=3, train_per_class=1), "it cannot be combined with `train_per_class`"),
        (
            SplitCriteria(from_column="label", train_where="row > 1"),
            "`from_column`: names the training images: it",
        ),
        (
            SplitCriteria(from_column="label", train_per_class=1),
            "it cannot be combined with `train_per_class`",
        ),
        (SplitCriteria(train_where="row > 1", test=0.2), "`train_where`: makes all other patients test: it"),
        (SplitCriteria(train_per_class=1, test=0.2), "`train_per_class`: makes all other patients test: it"),
        (SplitCriteria(train_per_class=1, val=0.2), "`train_per_class`: goes with `val_per_class`: it"),
        (SplitCriteria(val_per_class=1), "`val_per_class`: needs `train_per_class`"),
        (SplitCriteria(train_per_class={"a": 1}), "`train_per_class`: no number for class 'b'; write b=0"),
        (SplitCriteria(train_per_class={"a": 1, "c": 1}), "no class 'c'; there are 'a', 'b'"),
        (SplitCriteria(train_per_class={"a": 1, "b": 0}), "`train_per_class`: no image of class 'b'; 1 or"),
        (SplitCriteria(val=1.0), "`val` 1.0: a share from 0"),
        (SplitCriteria(val=-0.1), "`val` -0.1: a share from 0"),
        (SplitCriteria(val=float("nan")), "`val` nan: a share from 0"),
        (SplitCriteria(val=0.5, test=0.5), "leaves no image to train on"),
        (SplitCriteria(from_column="subset", test=0.2), "`from_column`: names the test images"),
    ],
)
def test_criteria_that_cannot_be_are_wrong_usage(criteria: SplitCriteria, message: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        make_split(in_memory(["a", "b"] * 10, [""] * 20), criteria)
    assert message in str(refusal.value)


def test_a_class_with_too_few_patients_is_refused_by_name_and_number() -> None:
    dataset = in_memory(["rare", "rare", *"abababab"], ["7", "7", *[""] * 8])
    with pytest.raises(BadInput, match="class 'rare' has 1 patient, 3 are needed"):
        make_split(dataset, SplitCriteria(val=0.25, test=0.25))
    with pytest.raises(BadInput, match="class 'rare' has 1 patient, 4 are needed"):
        make_split(dataset, SplitCriteria(folds=4))


COLUMN = ["Training", "train", " TEST ", "test", "valid", "Validation", "NaN", "train"]


def test_subsets_are_taken_from_a_column_in_the_spellings_in_use() -> None:
    dataset = in_memory(list("abababab"), ["1", "1", "2", "2", "3", "", "1", "4"], set=COLUMN)
    table = make_split(dataset, SplitCriteria(from_column="set"))
    assert table["subset"].tolist() == ["train", "train", "test", "test", "val", "val", "", "train"]


def test_a_column_that_puts_a_patient_into_two_subsets_is_refused() -> None:
    dataset = in_memory(list("abababab"), ["1", "1", "2", "2", "3", "", "1", "3"], set=COLUMN)
    with pytest.raises(BadInput) as refusal:
        make_split(dataset, SplitCriteria(from_column="set"))
    assert str(refusal.value) == (
        "d/manifest.csv: column 'set': 1 patient in more than one subset (images 0000000000000004 in val and "
        "0000000000000007 in train are of one patient); each patient belongs in one"
    )


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["train"] * 5 + ["holdout"], "column 'set' holds 'holdout'; known are train, val, test"),
        (["test"] * 6, "column 'set' names no training image"),
        ([""] * 6, "column 'set' names no training image"),
    ],
)
def test_a_column_that_is_no_split_is_refused(column: list[str], message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        make_split(in_memory(list("ababab"), [""] * 6, set=column), SplitCriteria(from_column="set"))
    assert message in str(refusal.value)


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match="column 'nosuch' is not there; it has 'image_id', 'row'"):
        make_split(in_memory(list("ab"), ["", ""]), SplitCriteria(from_column="nosuch"))


@given(seed=st.integers(0, 1000))
def test_validation_images_are_drawn_from_a_column_s_training_images_by_patient(seed: int) -> None:
    patients = [f"p{image // 2}" for image in range(60)]
    column = ["train"] * 40 + ["test"] * 16 + [""] * 4
    dataset = in_memory(["a", "b", "b", "a"] * 15, patients, set=column)
    table = make_split(dataset, SplitCriteria(from_column="set", val=0.25, seed=seed))
    assert table["subset"][40:].tolist() == column[40:]
    assert table["subset"][:40].value_counts().to_dict() == {"train": 30, "val": 10}
    assert leaks(table, "subset") == set()


def test_a_column_with_validation_images_leaves_none_to_be_drawn() -> None:
    dataset = in_memory(list("ababab"), [""] * 6, set=["train"] * 4 + ["val", "test"])
    with pytest.raises(InvalidSetting, match="already names validation images"):
        make_split(dataset, SplitCriteria(from_column="set", val=0.2))


INSTITUTION = ["Main", "Other"]


@st.composite
def archives(draw: st.DrawFn) -> Dataset:
    """Images of two classes and two institutions; a patient may have images of either."""
    images = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.integers(0, 14), st.sampled_from(INSTITUTION)),
            min_size=12,
            max_size=60,
        )
    )
    labels, patients, institutions = map(list, zip(*images, strict=True))
    return in_memory(labels, [f"p{patient}" for patient in patients], institution=institutions)


@settings(max_examples=40)
@given(archive=archives(), by_numbers=st.booleans(), seed=st.integers(0, 1000))
def test_train_and_val_meet_the_condition_and_all_other_patients_are_test(
    archive: Dataset, by_numbers: bool, seed: int
) -> None:
    where = "institution == 'Main'"
    numbers = {"train_per_class": 2, "val_per_class": 1} if by_numbers else {"val": 0.3}
    table = split_or_refuse(archive, SplitCriteria(train_where=where, seed=seed, **numbers))
    assert leaks(table, "subset") == set()
    used = table["subset"].isin(["train", "val"])
    main = archive.manifest["institution"] == "Main"
    assert main[used].all()
    if by_numbers:
        counts = pd.crosstab(table["subset"], table["label"])
        classes = archive.manifest["label"].nunique()
        assert counts.loc["train"].tolist() == [2] * classes
        assert counts.loc["val"].tolist() == [1] * classes
    drawn = set(table["patient_id"][used])
    assert (table["subset"][~table["patient_id"].isin(drawn)] == "test").all()
    assert ((table["subset"] == "") == (table["patient_id"].isin(drawn) & ~used)).all()
    assert ((table["reason"] != "") == (table["subset"] == "")).all()
    if not by_numbers:
        assert (table["subset"][main] != "test").all()


def test_why_images_are_left_out_is_said() -> None:
    archive = in_memory(
        list("aaaaabb"), ["1", "1", "1", "2", "2", "3", "4"], n=["1", "1", "0", "1", "0", "1", "1"]
    )
    criteria = SplitCriteria(train_where="n == 1", train_per_class=1, val_per_class={"a": 1, "b": 0})
    table = make_split(archive, criteria)
    first = table["subset"][:2].max()  # of the patient with one image too many
    assert first in ("train", "val")
    assert table["reason"].value_counts().to_dict() == {
        "": 4,
        "does not meet train_where (patient in train)": 1,
        "does not meet train_where (patient in val)": 1,
        f"beyond the number wanted (patient in {first})": 1,
    }


def test_numbers_without_a_condition_are_drawn_from_all_images() -> None:
    table = make_split(in_memory(list("ab") * 10, [""] * 20), SplitCriteria(train_per_class=4))
    assert pd.crosstab(table["subset"], table["label"]).to_dict("index") == {
        "test": {"a": 6, "b": 6},
        "train": {"a": 4, "b": 4},
    }


def test_a_condition_that_no_image_meets_is_refused() -> None:
    with pytest.raises(BadInput, match="`train_where`: none of 4 images meets 'row > 9'"):
        make_split(in_memory(list("abab"), [""] * 4), SplitCriteria(train_where="row > 9", val=0.2))


def test_a_condition_that_no_image_of_a_class_meets_is_refused() -> None:
    with pytest.raises(BadInput, match="`train_where`: no image of class 'b' meets 'row < 4'"):
        make_split(in_memory(list("aaaabbb"), [""] * 7), SplitCriteria(train_where="row < 4", val=0.2))


@pytest.mark.parametrize(
    "criteria",
    [
        SplitCriteria(val=0.2, test=0.2),
        SplitCriteria(folds=3),
        SplitCriteria(train_where="row >= 0", val=0.3),
        SplitCriteria(train_per_class=4, val_per_class=6),
    ],
)
def test_patients_who_share_an_image_are_kept_together(criteria: SplitCriteria) -> None:
    archive = in_memory(list("ab") * 20, [f"{image}" for image in range(40)])
    ids = archive.manifest["image_id"]
    same = [(ids[image], ids[image + 20]) for image in range(20)]
    part = "subset" if criteria.folds is None else "fold"
    apart = 0
    for seed in range(5):
        table = make_split(archive, replace(criteria, seed=seed), same)
        assert table[part][:20].tolist() == table[part][20:].tolist()
        alone = make_split(archive, replace(criteria, seed=seed))
        apart += alone[part][:20].tolist() != alone[part][20:].tolist()
    assert apart == 5


def test_a_column_that_parts_a_picture_is_refused() -> None:
    archive = in_memory(list("abab"), ["1", "2", "3", "4"], set=["train", "train", "test", "test"])
    ids = archive.manifest["image_id"]
    make_split(archive, SplitCriteria(from_column="set"), [(ids[0], ids[1])])
    with pytest.raises(BadInput, match="1 group of patients who share an image in more than one subset"):
        make_split(archive, SplitCriteria(from_column="set"), [(ids[0], ids[2])])
