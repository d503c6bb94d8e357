"""The training step: padded rows count for nothing, and sums add up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import Array
from numpy.typing import NDArray

from cxr_cli.inference.films import normalise
from cxr_cli.inference.forward import Scaling
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.comparison import in_batch_loss, pair_loss
from cxr_cli.training.losses import softmax_cross_entropy
from cxr_cli.training.optimizer import adam
from cxr_cli.training.step import Answers, RowLoss, TrainState, TrainStep, new_totals, train_step

KEY = jax.random.key(0)
Net = tuple[Network, Variables]


def without_dropout(module: Any, films: Array, targets: Array, mask: Array, key: Array) -> Answers:
    return classification_loss(module, films, targets, mask, None)


def gradient_step(net: Network, scaling: Scaling, row_loss: RowLoss) -> TrainStep:
    """Make a step that takes the gradient itself from the parameters."""
    return train_step(net, scaling, row_loss, optax.sgd(1.0))


def run(step: TrainStep, variables: Variables, *batch: Any) -> tuple[TrainState, float]:
    own = jax.tree.map(lambda leaf: leaf.copy(), variables)  # the step takes its state's arrays over
    state = TrainState(own, optax.sgd(1.0).init(own.params), new_totals())
    after, loss = step(state, *map(jnp.asarray, batch), KEY)
    return after, float(loss)


def assert_same_gradient(one: TrainState, other: TrainState) -> None:
    def close(a: Array, b: Array) -> None:
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)

    jax.tree.map(close, one.variables.params, other.variables.params)
    np.testing.assert_allclose(one.totals, other.totals, rtol=1e-5)


def test_a_padded_batch_gives_the_gradient_of_the_films_alone(
    single: Net, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(single[0], scaling, without_dropout)
    alone, loss = run(step, single[1], images[:5], labels[:5], np.ones(5, bool))
    padded, padded_loss = run(step, single[1], images[:8], labels[:8], np.arange(8) < 5)
    assert padded_loss == pytest.approx(loss, rel=1e-5)
    assert float(padded.totals[2]) == 5
    assert_same_gradient(padded, alone)
    # The films that were masked would have changed it.
    whole, _ = run(step, single[1], images[:8], labels[:8], np.ones(8, bool))
    bias = [state.variables.params["classifier"]["bias"] for state in (whole, alone)]
    assert float(jnp.abs(bias[0] - bias[1]).max()) > 1e-3


def test_a_padded_batch_of_pairs_gives_the_gradient_of_the_pairs_alone(
    siamese: Net, scaling: Scaling, images: NDArray[np.uint8]
) -> None:
    step = gradient_step(siamese[0], scaling, pair_loss)
    different = np.array([1, 0, 1, 0])
    first, second = images[:4], images[20:24]
    alone, loss = run(
        step, siamese[1], np.concatenate([first[:3], second[:3]]), different[:3], np.ones(3, bool)
    )
    padded, padded_loss = run(step, siamese[1], np.concatenate([first, second]), different, np.arange(4) < 3)
    assert padded_loss == pytest.approx(loss, rel=1e-5)
    assert_same_gradient(padded, alone)


def test_masked_films_are_in_no_pair_of_their_batch(
    siamese: Net, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(siamese[0], scaling, in_batch_loss)
    alone, loss = run(step, siamese[1], images[:6], labels[:6], np.ones(6, bool))
    padded, padded_loss = run(step, siamese[1], images[:8], labels[:8], np.arange(8) < 6)
    assert padded_loss == pytest.approx(loss, rel=1e-5)
    assert_same_gradient(padded, alone)


def test_what_stands_in_masked_rows_changes_no_bit(
    single: Net, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(single[0], scaling, classification_loss)
    mask = np.arange(8) < 5
    one, _ = run(step, single[1], images[:8], labels[:8], mask)
    others = np.concatenate([images[:5], images[90:93]]), np.concatenate([labels[:5], [2, 2, 2]])
    other, _ = run(step, single[1], *others, mask)
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_sums_add_up_over_an_epochs_steps(
    single: Net,
    scaling: Scaling,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    step = train_step(single[0], scaling, without_dropout, adam(1e-3))
    state = new_state(single[1])
    expected = np.zeros(3)
    for rows, known in ((np.arange(8), 8), (np.arange(8, 16), 3)):
        module = single[0].bind(state.variables)
        logits = module.head(module.features(normalise(jnp.asarray(images[rows]), 0.4, 0.2)))
        losses = softmax_cross_entropy(logits, jnp.asarray(labels[rows]))[:known]
        hits = (np.asarray(logits).argmax(1) == labels[rows])[:known]
        expected += [float(losses.sum()), hits.sum(), known]
        batch = images[rows], labels[rows], np.arange(8) < known
        state, mean_loss = step(state, *map(jnp.asarray, batch), KEY)
        assert float(mean_loss) == pytest.approx(float(losses.mean()), rel=1e-4)
    np.testing.assert_allclose(state.totals, expected, rtol=1e-4)


def test_steps_learn(
    single: Net,
    scaling: Scaling,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    step = train_step(single[0], scaling, without_dropout, adam(1e-2))
    state, batch = new_state(single[1]), [jnp.asarray(part) for part in (images[:8], labels[:8], [True] * 8)]
    losses = []
    for _ in range(60):
        state, loss = step(state, *batch, KEY)
        losses.append(float(loss))
    assert losses[-1] < 0.2 * losses[0]


def test_bfloat16_keeps_float32_parameters(
    single: Net,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    batch = [jnp.asarray(part) for part in (images[:8], labels[:8], [True] * 8)]

    def after(precision: str) -> tuple[TrainState, Array]:
        step = train_step(single[0], Scaling(0.4, 0.2, precision), without_dropout, adam(1e-3))
        return step(new_state(single[1]), *batch, KEY)

    (exact, exact_loss), (rough, rough_loss) = after("float32"), after("bfloat16")
    assert {leaf.dtype for leaf in jax.tree.leaves(rough.variables)} == {jnp.dtype(jnp.float32)}
    assert rough_loss.dtype == jnp.float32
    assert float(rough_loss) == pytest.approx(float(exact_loss), rel=0.05)
    assert float(rough_loss) != float(exact_loss)
    assert jax.tree.structure(rough) == jax.tree.structure(exact)
