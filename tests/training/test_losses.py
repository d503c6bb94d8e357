"""Losses against constants worked out by hand and against scikit-learn."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from cxr_cli.training.losses import binary_cross_entropy, softmax_cross_entropy


@pytest.mark.parametrize(
    ("logits", "label", "loss"),
    [
        ([0.0, 0.0, 0.0], 1, math.log(3)),
        ([math.log(2), 0.0], 0, math.log(3 / 2)),  # probabilities 2/3 and 1/3
        ([math.log(2), 0.0], 1, math.log(3)),
        ([5.0, 5.0 + math.log(3)], 0, math.log(4)),
        ([1e4, -1e4, 0.0], 0, 0.0),
        ([1e4, -1e4, 0.0], 1, 2e4),
    ],
)
def test_softmax_cross_entropy_worked_out_by_hand(logits: list[float], label: int, loss: float) -> None:
    found = softmax_cross_entropy(jnp.array([logits]), jnp.array([label]))
    assert found.shape == (1,)
    assert float(found[0]) == pytest.approx(loss, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("logit", "target", "loss"),
    [
        (0.0, 0, math.log(2)),
        (0.0, 1, math.log(2)),
        (math.log(3), 1, math.log(4 / 3)),  # probability 3/4
        (math.log(3), 0, math.log(4)),
        (1e4, 1, 0.0),
        (1e4, 0, 1e4),
        (-1e4, 1, 1e4),
        (-1e4, 0, 0.0),
    ],
)
def test_binary_cross_entropy_worked_out_by_hand(logit: float, target: int, loss: float) -> None:
    for kind in (float, bool):
        found = binary_cross_entropy(jnp.array(logit), jnp.array(kind(target)))
        assert float(found) == pytest.approx(loss, rel=1e-6, abs=1e-6)


def test_losses_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (50, 4)), rng.integers(0, 4, 50)
    found = softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels)).mean()
    expected = log_loss(labels, softmax(logits, axis=1), labels=range(4))
    assert float(found) == pytest.approx(expected, rel=1e-5)
    targets = rng.integers(0, 2, 50)
    found = binary_cross_entropy(jnp.asarray(logits[:, 0]), jnp.asarray(targets)).mean()
    assert float(found) == pytest.approx(log_loss(targets, expit(logits[:, 0])), rel=1e-5)


@pytest.mark.parametrize("logit", [-1e4, -80.0, 80.0, 1e4])
def test_gradients_stay_finite(logit: float) -> None:
    softmax_gradient = jax.grad(lambda x: softmax_cross_entropy(x[None], jnp.array([0]))[0])
    found = softmax_gradient(jnp.array([logit, 0.0]))
    np.testing.assert_allclose(found, [expit(logit) - 1, 1 - expit(logit)], atol=1e-6)
    for target in (0.0, 1.0):
        gradient = jax.grad(binary_cross_entropy)(jnp.array(logit), jnp.array(target))
        assert float(gradient) == pytest.approx(expit(logit) - target, abs=1e-6)


def test_losses_are_float32_from_bfloat16_logits() -> None:
    logits = jnp.array([[1.0, 2.0]], jnp.bfloat16)
    assert softmax_cross_entropy(logits, jnp.array([0])).dtype == jnp.float32
    assert binary_cross_entropy(logits, jnp.array([[1, 0]])).dtype == jnp.float32


def test_a_smoothed_label_is_shared_by_all_classes() -> None:
    # Targets 0.1, 0.1 and 0.8; the logits' softmax is 1/6, 2/6 and 3/6.
    logits = jnp.log(jnp.array([[1.0, 2.0, 3.0]]))
    expected = -(0.1 * math.log(1 / 6) + 0.1 * math.log(2 / 6) + 0.8 * math.log(3 / 6))
    found = softmax_cross_entropy(logits, jnp.array([2]), smoothing=0.3)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
