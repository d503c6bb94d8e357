"""The siamese model's epochs of pairs, their losses, and three-way validation."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss

from cxr_cli.errors import BadInput
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import FetchBatch, normalize
from cxr_cli.runs.settings import SiameseConfig
from cxr_cli.training.siamese import Comparison, in_batch_loss, pair_loss
from cxr_cli.training.tasks import TaskImages

Network = tuple[Network, Variables]
CLASSES = ("covid19", "normal", "pneumonia")
# 22, 22 and 15 images of the classes.
TRAIN = np.array([row for row in range(66) if row % 3 != 2 or row < 45])
ALL = np.arange(150)
# Six images a patient, two of each class.
PATIENTS = ALL // 6
KEY: Any = None
MakeTask = Callable[..., Comparison]


@pytest.fixture
def make_task(
    siamese: Network, scaling: Scaling, fetch: FetchBatch, task_images: Callable[..., TaskImages]
) -> MakeTask:
    def make(
        val: NDArray[np.int64] = ALL, seed: int = 0, fetch: FetchBatch = fetch, **changed: Any
    ) -> Comparison:
        settings = {"pairs": 100, "pairing": "random", "trials": 129, **changed}
        batch_size = settings.pop("batch_size", 8)
        images = task_images(TRAIN, val, fetch)
        return Comparison(siamese[0], scaling, images, SiameseConfig(**settings), batch_size, seed)

    return make


def test_random_pairs_are_half_same_and_even_over_the_classes(
    make_task: MakeTask, labels: NDArray[np.int64]
) -> None:
    plan = make_task().plan(1)
    assert plan.rows.shape == (13, 16)
    assert plan.targets.shape == plan.mask.shape == (13, 8)
    assert plan.mask.sum() == 100
    # Firsts stand before seconds.
    pairs = np.stack([plan.rows[:, :8], plan.rows[:, 8:]], axis=-1)[plan.mask]
    assert set(pairs.ravel()) <= set(TRAIN)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 100
    different = labels[pairs[:, 0]] != labels[pairs[:, 1]]
    np.testing.assert_array_equal(plan.targets[plan.mask], different)
    assert different.sum() == 50
    counts = Counter(frozenset(pair) for pair in labels[pairs].tolist())
    assert len(counts) == 6
    assert set(counts.values()) == {16, 17}
    assert set(range(2, 45, 3)) <= set(pairs.ravel())


def test_in_batch_epochs_have_even_batches_and_enough_pairs(
    make_task: MakeTask, labels: NDArray[np.int64]
) -> None:
    plan = make_task(pairing="in-batch").plan(1)
    # A batch of 8 has 28 pairs: 4 batches have 112.
    assert plan.rows.shape == plan.targets.shape == plan.mask.shape == (4, 8)
    assert plan.mask.all()
    np.testing.assert_array_equal(plan.targets, labels[plan.rows])
    for batch in plan.rows:
        assert len(set(batch)) == 8
        assert set(batch) <= set(TRAIN)
        assert sorted(np.bincount(labels[batch])) == [2, 3, 3]


def test_a_batch_is_no_larger_than_the_balanced_images(make_task: MakeTask) -> None:
    assert make_task(pairing="in-batch", batch_size=500).plan(1).rows.shape == (1, 3 * 15)


@pytest.mark.parametrize("pairing", ["random", "in-batch"])
def test_epochs_are_drawn_anew_from_seed_and_number_alone(make_task: MakeTask, pairing: str) -> None:
    def rows(epoch: int, seed: int = 0) -> str:
        return str(make_task(pairing=pairing, seed=seed).plan(epoch).rows.tolist())

    assert rows(2) == rows(2)
    assert len({rows(epoch, seed) for epoch in (1, 2, 3) for seed in (0, 1)}) == 6


class Vectors(nnx.Module):
    """Takes images for vectors, and their weighted distance for the logit of "different"."""

    def embed(self, images: Array, mask: Array) -> Array:
        assert mask.shape == images.shape[:1]
        return images

    def difference(self, x: Array, y: Array) -> Array:
        return jnp.abs(x - y) @ jnp.array([1.0, 2.0]) - 3.0


def drawn_vectors(count: int) -> Array:
    return jnp.asarray(np.random.default_rng(0).normal(0, 1.5, (count, 2)), jnp.float32)


def logit(x: Array, y: Array) -> float:
    return float(abs(x[0] - y[0]) + 2 * abs(x[1] - y[1]) - 3)


def test_the_loss_of_pairs_compares_firsts_with_seconds() -> None:
    images, targets = drawn_vectors(12), np.array([1, 0, 1, 1, 0, 0])
    answers = pair_loss(Vectors(), images, jnp.asarray(targets), jnp.arange(6) < 5, KEY)
    for i in range(6):
        expected = logit(images[i], images[i + 6])
        loss = log_loss([targets[i]], [expit(expected)], labels=[0, 1])
        assert float(answers.loss[i]) == pytest.approx(loss, rel=1e-4)
        assert bool(answers.correct[i]) == ((expected > 0) == targets[i])
    assert answers.weight.tolist() == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("masked", [0, 2])
def test_the_loss_of_a_batch_is_that_of_all_its_pairs_with_same_and_different_even(masked: int) -> None:
    images, classes = drawn_vectors(8), np.array([0, 1, 2, 0, 1, 2, 0, 1])
    mask = np.arange(8) < 8 - masked
    answers = in_batch_loss(Vectors(), images, jnp.asarray(classes), jnp.asarray(mask), KEY)
    losses: dict[bool, list[float]] = {True: [], False: []}
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for i, j in combinations(range(8 - masked), 2):
        different = bool(classes[i] != classes[j])
        expected = logit(images[i], images[j])
        losses[different].append(log_loss([different], [expit(expected)], labels=[False, True]))
        hits[different].append((expected > 0) == different)
    weight = np.asarray(answers.weight)
    assert (weight > 0).sum() == len(losses[True]) + len(losses[False])
    found = (np.asarray(answers.loss) * weight).sum() / weight.sum()
    assert found == pytest.approx((np.mean(losses[True]) + np.mean(losses[False])) / 2, rel=1e-4)
    accuracy = (np.asarray(answers.correct) * weight).sum() / weight.sum()
    assert accuracy == pytest.approx((np.mean(hits[True]) + np.mean(hits[False])) / 2, rel=1e-5)
    # An epoch's mean over batches counts pairs, whatever their weights.
    assert weight.sum() == pytest.approx((weight > 0).sum(), rel=1e-5)


def test_three_way_validation_equals_comparing_the_images_trial_by_trial(
    make_task: MakeTask, siamese: Network, fetch: FetchBatch, labels: NDArray[np.int64]
) -> None:
    network, variables = siamese
    task = make_task(trials=20)
    found = task.validate(variables, 1)
    module = network.bind(variables)
    hits, same, different = [], [], []
    for anchor, references in zip(*task.trials, strict=True):
        assert labels[references].tolist() == [0, 1, 2]
        assert PATIENTS[anchor] not in PATIENTS[references]
        first, second = (
            normalize(fetch(rows), 0.4, 0.2) for rows in (np.repeat(anchor, 3), np.asarray(references))
        )
        probability = expit(np.asarray(module(first, second), np.float64))
        hits.append(probability.argmin() == labels[anchor])
        for number in range(3):
            kind = different if number != labels[anchor] else same
            kind.append(-np.log(probability[number] if number != labels[anchor] else 1 - probability[number]))
    assert found.accuracy == pytest.approx(np.mean(hits))
    assert found.loss == pytest.approx((np.mean(same) + np.mean(different)) / 2, rel=1e-4)


def test_129_trials_cost_one_pass_a_image(make_task: MakeTask, siamese: Network, fetch: FetchBatch) -> None:
    fetched: list[int] = []

    def counting(rows: NDArray[np.int64]) -> Array:
        fetched.extend(rows.tolist())
        return fetch(rows)

    val = np.arange(135)
    task = make_task(fetch=counting, val=val)
    assert task.trials.references.shape == (129, 3)
    task.validate(siamese[1], 1)
    assert set(fetched) == set(val)
    # One for the images' size, and the last batch is padded; three comparisons a trial would be 774 images.
    assert len(fetched) == 1 + 9 * 16


def test_trials_are_the_same_each_epoch_and_others_for_another_seed(make_task: MakeTask) -> None:
    def trials(seed: int) -> str:
        task = make_task(seed=seed)
        return str([part.tolist() for part in task.trials])

    assert trials(0) == trials(0)
    assert trials(0) != trials(1)


def test_more_trials_than_the_validation_images_allow_are_refused(make_task: MakeTask) -> None:
    with pytest.raises(BadInput, match="has 10 images, 129 trials need 43; `trials` 30 is the most"):
        make_task(val=np.arange(30))
