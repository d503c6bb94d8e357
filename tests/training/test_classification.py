"""The single net's epochs, and its validation."""

from collections.abc import Callable

import numpy as np
import pytest
from jax import Array
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss

from cxr_cli.inference.films import FetchBatch, normalise
from cxr_cli.inference.forward import Scaling
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.classification import Classification

Net = tuple[Network, Variables]
# 40, 40 and 20 films of the classes.
TRAIN = np.array([row for row in range(120) if row % 3 != 2 or row < 60])
VAL = np.arange(120, 150)
MakeTask = Callable[..., Classification]


@pytest.fixture
def make_task(single: Net, scaling: Scaling, fetch: FetchBatch, labels: NDArray[np.int64]) -> MakeTask:
    def make(batch_size: int = 16, seed: int = 0) -> Classification:
        return Classification(single[0], scaling, fetch, labels, TRAIN, VAL, batch_size, seed)

    return make


def test_an_epoch_has_the_rarest_class_whole_and_as_many_of_each_other(
    make_task: MakeTask, labels: NDArray[np.int64]
) -> None:
    plan = make_task().plan(1)
    assert plan.rows.shape == plan.targets.shape == plan.mask.shape == (4, 16)
    np.testing.assert_array_equal(plan.targets, labels[plan.rows])
    shown = plan.rows[plan.mask]
    assert len(set(shown)) == len(shown) == 60
    assert set(shown) <= set(TRAIN)
    assert np.bincount(labels[shown]).tolist() == [20, 20, 20]
    assert set(range(2, 60, 3)) <= set(shown)


def test_epochs_are_drawn_anew_from_seed_and_number_alone(make_task: MakeTask) -> None:
    def rows(epoch: int, seed: int = 0) -> list[list[int]]:
        return make_task(seed=seed).plan(epoch).rows.tolist()

    assert rows(3) == rows(3)
    assert len({str(rows(epoch, seed)) for epoch in (1, 2, 3) for seed in (0, 1)}) == 6


def test_validation_is_over_every_film(
    make_task: MakeTask, single: Net, fetch: FetchBatch, labels: NDArray[np.int64]
) -> None:
    network, variables = single
    found = make_task().validate(variables, 1)
    module = network.bind(variables)
    logits = np.asarray(module.head(module.features(normalise(fetch(VAL), 0.4, 0.2))))
    expected = log_loss(labels[VAL], softmax(logits.astype(np.float64), axis=1))
    assert found.loss == pytest.approx(expected, rel=1e-4)
    assert found.accuracy == accuracy_score(labels[VAL], logits.argmax(1))


def test_validation_is_one_pass_a_film(
    single: Net, scaling: Scaling, fetch: FetchBatch, labels: NDArray[np.int64]
) -> None:
    fetched: list[int] = []

    def counting(rows: NDArray[np.int64]) -> Array:
        fetched.extend(rows)
        return fetch(rows)

    task = Classification(single[0], scaling, counting, labels, TRAIN, VAL, 16, 0)
    task.validate(single[1], 1)
    assert fetched == VAL.tolist()
