"""Patients into parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.splitting.allocation import (
    UNALLOCATED,
    add_patients,
    allocate_patients,
    class_counts,
    sample_patients,
)


def test_images_are_counted_by_patient_and_class() -> None:
    patients, labels = np.array([0, 2, 2, 1, 2]), np.array([1, 0, 0, 1, 1])
    assert class_counts(patients, labels).tolist() == [[0, 1], [0, 1], [2, 1]]


def test_patients_alike_are_divided_exactly() -> None:
    counts = np.repeat([[2, 0], [0, 2]], [10, 30], axis=0)
    parts = allocate_patients(counts, np.array([0.6, 0.2, 0.2]), np.random.default_rng(0))
    assert [counts[parts == part].sum(0).tolist() for part in range(3)] == [[12, 36], [4, 12], [4, 12]]


def test_a_class_as_rare_as_there_are_parts_reaches_every_part() -> None:
    counts = np.repeat([[1, 0], [0, 1]], [3, 97], axis=0)
    for seed in range(50):
        parts = allocate_patients(counts, np.array([0.6, 0.2, 0.2]), np.random.default_rng(seed))
        assert [int(counts[parts == part, 0].sum()) for part in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("most_images", [1, 2, 4])
@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.75, 0.1, 0.15), (0.2, 0.2, 0.2, 0.2, 0.2)])
def test_each_part_has_its_share_of_each_class_to_within_one_patient(
    most_images: int, shares: tuple[float, ...]
) -> None:
    wanted = np.array(shares)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        images = rng.integers(1, most_images + 1, rng.integers(10, 80))
        patients = np.repeat(np.arange(len(images)), images)
        # Every fifth image or so is of another class than its patient's first.
        labels = np.where(rng.random(len(patients)) < 0.8, patients % 3, rng.integers(0, 3, len(patients)))
        counts = class_counts(patients, labels)
        parts = allocate_patients(counts, wanted, rng)
        found = np.stack([counts[parts == part].sum(0) for part in range(len(wanted))])
        assert np.abs(found - wanted[:, None] * counts.sum(0)).max() < most_images + 1


@given(
    counts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30).filter(
        lambda rows: all(map(any, rows)) and all(map(any, zip(*rows, strict=True)))
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_patient_goes_to_one_part_and_a_seed_decides_which(
    counts: list[tuple[int, int]], seed: int
) -> None:
    shares = np.array([0.5, 0.3, 0.2])
    first, again = (
        allocate_patients(np.array(counts), shares, np.random.default_rng(seed)) for _ in range(2)
    )
    assert first.shape == (len(counts),)
    assert set(first.tolist()) <= {0, 1, 2}
    assert first.tolist() == again.tolist()


def test_no_patient_is_bound_to_a_part() -> None:
    counts = np.repeat([[1, 0], [0, 3]], [12, 12], axis=0)
    draws = np.stack(
        [allocate_patients(counts, np.array([0.5, 0.5]), np.random.default_rng(seed)) for seed in range(200)]
    )
    # 200 fair draws: 0.5 +- 5 standard errors
    assert np.abs(draws.mean(0) - 0.5).max() < 0.18


def test_patients_are_sampled_until_the_numbers_are_met_exactly() -> None:
    counts = np.repeat([[1, 0], [3, 0], [0, 2], [1, 1]], [20, 10, 20, 5], axis=0)
    wanted = np.array([[15, 10], [4, 3]])
    for seed in range(20):
        parts = sample_patients(counts, wanted, np.random.default_rng(seed))
        assert [counts[parts == part].sum(0).tolist() for part in (0, 1)] == wanted.tolist()


def test_numbers_that_take_all_images_are_met_where_patients_with_few_fill_the_differences() -> None:
    counts = np.repeat([[5], [4], [3], [2], [1]], [9, 9, 9, 9, 3], axis=0)
    wanted = np.array([[100], [29]])
    assert counts.sum() == wanted.sum()
    for seed in range(20):
        parts = sample_patients(counts, wanted, np.random.default_rng(seed))
        assert [int(counts[parts == part].sum()) for part in (0, 1)] == [100, 29]


def test_numbers_that_cannot_be_met_are_come_close_to_and_never_passed() -> None:
    counts = np.full((10, 1), 2)
    parts = sample_patients(counts, np.array([[7], [3]]), np.random.default_rng(0))
    assert [int(counts[parts == part].sum()) for part in (0, 1)] == [6, 2]


def test_more_patients_are_sampled_those_of_least_surplus_first() -> None:
    counts = np.array([[2, 0], [3, 0], [2, 0], [2, 4], [0, 9]])
    parts = np.array([0, UNALLOCATED, UNALLOCATED, UNALLOCATED, UNALLOCATED])
    more = add_patients(counts, np.array([[3, 0], [0, 1]]), parts)
    assert more.tolist() == [0, UNALLOCATED, 0, 1, UNALLOCATED]
