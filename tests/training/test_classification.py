"""The single model's epochs, and its validation."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, roc_auc_score

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import FetchBatch, normalize
from cxr_cli.training.classification import Classification, class_weights, classification_loss
from cxr_cli.training.losses import binary_cross_entropy
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.step import Answers
from cxr_cli.training.tasks import TaskImages

Network = tuple[Network, Variables]
# 40, 40 and 20 images of the classes.
TRAIN = np.array([row for row in range(120) if row % 3 != 2 or row < 60])
VAL = np.arange(120, 150)
MakeTask = Callable[..., Classification]


@pytest.fixture
def make_task(single: Network, scaling: Scaling, task_images: Callable[..., TaskImages]) -> MakeTask:
    def make(name: str = "single", seed: int = 0, **overrides: Any) -> Classification:
        recipe = named_recipe(name, {"batch_size": 16, **overrides})
        return Classification(single[0], scaling, task_images(TRAIN, VAL), recipe, seed)

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


def test_validation_is_over_every_image(
    make_task: MakeTask, single: Network, fetch: FetchBatch, labels: NDArray[np.int64]
) -> None:
    network, variables = single
    found = make_task().validate(variables, 1)
    module = network.bind(variables)
    logits = np.asarray(module.head(module.features(normalize(fetch(VAL), 0.4, 0.2))))
    expected = log_loss(labels[VAL], softmax(logits.astype(np.float64), axis=1))
    assert found.loss == pytest.approx(expected, rel=1e-4)
    assert found.accuracy == accuracy_score(labels[VAL], logits.argmax(1))
    auc = roc_auc_score(labels[VAL], softmax(logits, axis=1), multi_class="ovr")
    assert found.auc == pytest.approx(auc, rel=1e-6)
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels[VAL], logits.argmax(1)))
    assert found.macro_f1 == pytest.approx(f1_score(labels[VAL], logits.argmax(1), average="macro"))


def test_validation_is_one_pass_of_each_image(
    single: Network, scaling: Scaling, fetch: FetchBatch, task_images: Callable[..., TaskImages]
) -> None:
    fetched: list[int] = []

    def counting(rows: NDArray[np.int64]) -> Array:
        fetched.extend(rows)
        return fetch(rows)

    images = task_images(TRAIN, VAL, counting)
    task = Classification(single[0], scaling, images, named_recipe("single", {}), 0)
    task.validate(single[1], 1)
    # One is looked at for its size, and a last batch may be padded with it.
    assert fetched[1:][: len(VAL)] == VAL.tolist()
    assert set(fetched[1 + len(VAL) :]) <= {VAL[0]}


def test_an_epoch_of_all_images_has_each_once(make_task: MakeTask) -> None:
    plan = make_task("finetune").plan(1)
    assert plan.rows.shape == (7, 16)
    assert sorted(plan.rows[plan.mask]) == TRAIN.tolist()
    assert plan.rows.tolist() != make_task("finetune").plan(2).rows.tolist()


@pytest.mark.parametrize(
    ("setting", "weights"),
    [
        ("none", [1.0, 1.0, 1.0]),
        ("balanced", [8 / 3, 8 / 9, 2 / 3]),  # 8 images; 3 classes of 1, 3 and 4
        ("b=2.5", [1.0, 2.5, 1.0]),
        ("c=0.5,a=3", [3.0, 1.0, 0.5]),
        ("a=b=2", [1.0, 1.0, 1.0, 2.0]),
        ('"a=b"=2,"c, d"=3', [1.0, 1.0, 1.0, 2.0, 3.0]),
    ],
)
def test_class_weights_are_as_set(setting: str, weights: list[float]) -> None:
    classes = ("a", "b", "c", "a=b", "c, d")[: len(weights)]
    labels = np.array([0, 1, 1, 1, 2, 2, 2, 2])
    np.testing.assert_allclose(class_weights(setting, labels, classes), weights, rtol=1e-6)


@pytest.mark.parametrize("setting", ["even", "d=1", "a=", "a=0", "a=-1", "a=inf", "a=x", "a=1,", ""])
def test_class_weights_that_cannot_be_are_refused(setting: str) -> None:
    with pytest.raises(InvalidSetting, match="`class_weights` "):
        class_weights(setting, np.array([0, 1]), ("a", "b"))


class TwoHeads:
    """Answers with given logits, those of a head and of an auxiliary one."""

    def __init__(self, *logits: list[list[float]]) -> None:
        self.logits = logits

    def training_logits(self, images: Array, mask: Array, keys: Array) -> tuple[Array, ...]:  # noqa: ARG002
        return tuple(map(jnp.asarray, self.logits))


def answers(weights: list[float], smoothing: float, *logits: list[list[float]]) -> Answers:
    targets, mask = jnp.array([1, 0]), jnp.array([True, False])
    loss = classification_loss(np.array(weights, np.float32), smoothing)
    return loss(TwoHeads(*logits), jnp.zeros((2, 1, 1, 1)), targets, mask, jnp.zeros(2))


def test_a_image_counts_as_its_class_does() -> None:
    np.testing.assert_allclose(answers([2.0, 3.0], 0.0, [[0.0, 0.0], [0.0, 0.0]]).weight, [3.0, 0.0])


def test_an_auxiliary_head_counts_four_tenths() -> None:
    found = answers([1.0, 1.0], 0.0, [[0.0, 0.0], [0.0, 0.0]], [[0.0, math.log(3)], [0.0, 0.0]])
    np.testing.assert_allclose(
        found.loss, [math.log(2) + 0.4 * math.log(4 / 3), 1.4 * math.log(2)], rtol=1e-6
    )


def test_one_logit_is_binary_cross_entropy() -> None:
    logits = [[1.5], [-0.3]]
    found = answers([1.0, 1.0], 0.0, logits)
    expected = binary_cross_entropy(jnp.array([1.5, -0.3]), jnp.array([1, 0]))
    np.testing.assert_allclose(found.loss, expected, rtol=1e-6)
    assert found.correct.tolist() == [True, True]
