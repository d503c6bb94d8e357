"""Similarity of maps: rank correlation against SciPy's, and the largest difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from cxr_cli.explain.similarity import (
    between_patients,
    largest_difference,
    mean_of_known,
    rank_correlation,
)

MAPS = arrays(np.float32, (2, 3, 3), elements=st.integers(0, 5).map(float))


@given(maps=MAPS, others=MAPS)
def test_the_rank_correlation_is_spearmans(maps: np.ndarray, others: np.ndarray) -> None:
    for found, first, second in zip(rank_correlation(maps, others), maps, others, strict=True):
        if np.ptp(first) == 0:
            assert np.isnan(found)
        elif np.ptp(second) == 0:
            assert found == 0
        else:
            assert found == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic, abs=1e-9)


def test_another_patients_image_is_compared_with() -> None:
    maps = np.array([[[0, 1]], [[0, 1]], [[1, 0]]], np.float32)
    found = between_patients(maps, np.array([0, 0, 1]), np.random.default_rng(0))
    assert found.tolist() == pytest.approx([-1, -1, -1])
    alone = between_patients(maps, np.array([0, 0, 0]), np.random.default_rng(0))
    assert np.isnan(alone).all()


def test_the_largest_difference_is_a_share_of_the_images_largest_value() -> None:
    maps = np.array([[[0, 4]], [[0, 100]], [[0, 0]]], np.float32)
    again = np.array([[[1, 4]], [[0, 99]], [[0, 0]]], np.float32)
    assert largest_difference(maps, again) == pytest.approx(0.25)
    assert largest_difference(maps, maps) == 0


def test_the_mean_leaves_out_what_is_unknown() -> None:
    assert mean_of_known(np.array([1.0, np.nan, 2.0])) == 1.5
    assert mean_of_known(np.array([np.nan])) is None
