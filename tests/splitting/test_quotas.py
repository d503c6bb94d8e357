"""Training and validation images sampled by numbers of each class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.splitting.criteria import parse_class_counts
from cxr_cli.splitting.quotas import Sampled, counts_by_class, sample_by_counts

CLASSES = ["negative", "positive"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (None, None),
        ("375", 375),
        (" 0 ", 0),
        ("positive=45,negative=90", {"positive": 45, "negative": 90}),
        ("No Finding = 3 , a=b=4", {"No Finding": 3, "a=b": 4}),
        ('"effusion, left"=3,"x=y"=4', {"effusion, left": 3, "x=y": 4}),
    ],
)
def test_numbers_are_read(text: str | None, counts: object) -> None:
    assert parse_class_counts("train_per_class", text) == counts


@pytest.mark.parametrize("text", ["", "many", "-3", "1.5", "a=", "=3", "a=1,", "a=1,a=2", "a=1,3"])
def test_what_are_no_numbers_is_wrong_usage(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"`val_per_class` .*: one number, or one per class"):
        parse_class_counts("val_per_class", text)


def test_numbers_are_laid_out_by_class() -> None:
    assert counts_by_class("o", 7, CLASSES).tolist() == [7, 7]
    assert counts_by_class("o", {"positive": 1, "negative": 2}, CLASSES).tolist() == [2, 1]


def tally(sampled: Sampled, labels: np.ndarray) -> dict[str, list[int]]:
    """Images kept by part and class."""
    return {
        part: np.bincount(labels[sampled.kept & (sampled.parts == part)], minlength=2).tolist()
        for part in ("train", "val")
    }


def parted(sampled: Sampled, patients: np.ndarray) -> bool:
    """Whether a patient is in more than one part."""
    return any(len(set(sampled.parts[patients == patient])) > 1 for patient in np.unique(patients))


def test_the_paper_s_numbers_are_met_by_whole_patients_with_no_image_to_spare() -> None:
    """420 and 465 images, 750 to train on, 135 to validate on: 3.1 of the pneumoperitoneum paper."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [420, 465])
    patients = np.concatenate([np.sort(rng.integers(0, 300, 420)), 300 + np.sort(rng.integers(0, 300, 465))])
    sampled = sample_by_counts(patients, labels, CLASSES, np.array([[375, 375], [90, 45]]), rng)
    assert tally(sampled, labels) == {"train": [375, 375], "val": [90, 45]}
    assert sampled.kept.all()
    assert not parted(sampled, patients)


@given(
    images=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=1, max_size=40),
    wanted=st.lists(st.integers(0, 6), min_size=4, max_size=4),
    seed=st.integers(0, 99),
)
def test_numbers_are_met_or_refused_and_no_patient_is_in_two_parts(
    images: list[tuple[int, int]], wanted: list[int], seed: int
) -> None:
    patients, labels = np.array(images).T
    numbers = np.array(wanted).reshape(2, 2)
    try:
        sampled = sample_by_counts(patients, labels, CLASSES, numbers, np.random.default_rng(seed))
    except BadInput:
        return
    assert tally(sampled, labels) == {"train": numbers[0].tolist(), "val": numbers[1].tolist()}
    assert not parted(sampled, patients)
    assert sampled.kept[sampled.parts == ""].all()


def test_who_is_sampled_is_chance() -> None:
    patients, labels = np.arange(40), np.repeat([0, 1], 20)
    times = np.zeros(40)
    for seed in range(200):
        sampled = sample_by_counts(patients, labels, CLASSES, np.full((2, 2), 5), np.random.default_rng(seed))
        times += sampled.parts == "train"
    assert times.sum() == 200 * 10
    assert times.min() > 25  # 50 expected, a standard deviation of 6
    assert times.max() < 75


def test_images_beyond_the_number_of_a_patient_who_cannot_be_taken_whole_are_left_out() -> None:
    patients, labels = np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 0, 0, 0, 1])
    sampled = sample_by_counts(
        patients, labels, CLASSES, np.array([[2, 1], [1, 0]]), np.random.default_rng(0)
    )
    assert tally(sampled, labels) == {"train": [2, 1], "val": [1, 0]}
    assert np.flatnonzero(~sampled.kept).max() < 6
    assert (~sampled.kept).sum() == 3


def test_too_few_images_are_told() -> None:
    with pytest.raises(BadInput) as refusal:
        sample_by_counts(
            np.arange(4),
            np.array([0, 0, 0, 1]),
            CLASSES,
            np.array([[1, 1], [1, 1]]),
            np.random.default_rng(0),
        )
    assert str(refusal.value) == (
        "class 'positive': 2 images are wanted (1 for train, 1 for val), 1 are available"
    )


def test_numbers_that_whole_patients_do_not_give_are_told_with_those_that_they_do() -> None:
    patients, labels = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 0, 1])
    with pytest.raises(BadInput) as refusal:
        sample_by_counts(patients, labels, CLASSES, np.array([[3, 1], [1, 0]]), np.random.default_rng(0))
    assert str(refusal.value) == (
        "class 'negative': 1 images for val cannot be made up of whole patients, 0 can, beside 4 for train; "
        "ask for that"
    )
