"""Comparing vectors in blocks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.prediction.similarity import Differences, differences_function
from cxr_cli.runs.model_store import TrainedRun


@pytest.fixture(scope="module")
def differences(siamese: TrainedRun) -> Differences:
    return differences_function(siamese.network, numbers_at_a_time=6 * 7 * 10)  # 10 rows with 7 references


def vectors(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((*shape, 6)).astype(np.float32)


def directly(run: TrainedRun, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    params = run.variables.params
    alpha, bias = np.asarray(params["alpha"], np.float64), float(params["bias"])
    return (np.abs(x.astype(np.float64) - y) * alpha).sum(-1) + bias


@pytest.mark.parametrize("count", [1, 10, 11, 25, 75])
@pytest.mark.parametrize("references", [1, 7])
def test_each_with_every_reference(
    siamese: TrainedRun, differences: Differences, count: int, references: int
) -> None:
    x, y = vectors(0, count, 1), vectors(1, 1, references)
    found = differences(siamese.variables, x, y)
    assert (found.shape, found.dtype) == ((count, references), np.float32)
    np.testing.assert_allclose(found, directly(siamese, x, y), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 20, 63])
def test_each_with_its_own_references(siamese: TrainedRun, differences: Differences, count: int) -> None:
    x, y = vectors(0, count, 1), vectors(1, count, 3)
    found = differences(siamese.variables, x, y)
    assert found.shape == (count, 3)
    np.testing.assert_allclose(found, directly(siamese, x, y), rtol=1e-5, atol=1e-5)


def test_either_side_may_come_first(siamese: TrainedRun, differences: Differences) -> None:
    x, y = vectors(0, 20, 1), vectors(1, 1, 30)
    one = differences(siamese.variables, x, y)
    other = differences(siamese.variables, y.reshape(30, 1, 6), x.reshape(1, 20, 6))
    np.testing.assert_array_equal(one, other.T)
