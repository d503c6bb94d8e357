"""Rank correlation of maps, against SciPy's, and the verdicts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from cxr_cli.explain.similarity import (
    between_images,
    judge_forgetting,
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
    found = between_images(maps, np.array([0, 0, 1]), np.random.default_rng(0))
    assert found.tolist() == pytest.approx([-1, -1, -1])
    alone = between_images(maps, np.array([0, 0, 0]), np.random.default_rng(0))
    assert np.isnan(alone).all()


def test_the_largest_difference_is_a_share_of_the_images_own_heat() -> None:
    maps = np.array([[[0, 4]], [[0, 100]], [[0, 0]]], np.float32)
    again = np.array([[[1, 4]], [[0, 99]], [[0, 0]]], np.float32)
    assert largest_difference(maps, again) == pytest.approx(0.25)
    assert largest_difference(maps, maps) == 0


def test_the_mean_leaves_out_what_is_unknown() -> None:
    assert mean_of_known(np.array([1.0, np.nan, 2.0])) == 1.5
    assert mean_of_known(np.array([np.nan])) is None


@pytest.mark.parametrize(
    ("correlations", "verdict"),
    [
        (np.full((2, 1, 3), 1.0), "no explanation: the maps stay"),
        (np.full((2, 1, 3), np.nan), "no explanation: the maps are flat"),
        (np.array([[[0.1]], [[0.6]]]), "weak"),
        (np.array([[[0.4, np.nan]], [[0.2, np.nan]]]), "sound"),
    ],
)
def test_maps_that_do_not_change_are_no_explanation(correlations: np.ndarray, verdict: str) -> None:
    assert judge_forgetting(correlations).startswith(verdict)
