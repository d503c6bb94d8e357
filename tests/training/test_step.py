"""The training step: padded rows count for nothing, and sums add up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax import Array
from numpy.typing import NDArray

from cxr_cli.models.backbone import Backbone, Block
from cxr_cli.models.network import Network, Variables
from cxr_cli.models.nn.layers import Conv, Dense, dropout
from cxr_cli.models.nn.normalization import BatchNorm
from cxr_cli.models.stages import freeze_statistics
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import normalize
from cxr_cli.training.augment import Augmentation
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.losses import softmax_cross_entropy
from cxr_cli.training.siamese import in_batch_loss, pair_loss
from cxr_cli.training.step import Answers, RowLoss, StepSettings, TrainState, TrainStep, train_step
from cxr_cli.training.step import new_state as state_before_training

KEY = jax.random.key(0)
Built = tuple[Network, Variables]


PLAIN = StepSettings()
plain_loss = classification_loss(np.ones(3, np.float32), 0.0)


def without_dropout(module: Any, images: Array, targets: Array, mask: Array, keys: Array) -> Answers:
    return plain_loss(module, images, targets, mask, None)  # type: ignore[arg-type]


def gradient_step(network: Network, scaling: Scaling, row_loss: RowLoss) -> TrainStep:
    """Make a step that takes the gradient itself from the parameters."""
    return train_step(network, scaling, row_loss, optax.sgd(1.0), PLAIN)


def run(step: TrainStep, variables: Variables, *batch: Any) -> tuple[TrainState, float]:
    own = jax.tree.map(lambda leaf: leaf.copy(), variables)  # the step takes its state's arrays over
    state = state_before_training(own, optax.sgd(1.0), PLAIN)
    after, loss = step(state, *map(jnp.asarray, batch), KEY)
    return after, float(loss)


def assert_same_gradient(one: TrainState, other: TrainState) -> None:
    def close(a: Array, b: Array) -> None:
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)

    jax.tree.map(close, one.variables.params, other.variables.params)
    np.testing.assert_allclose(one.totals, other.totals, rtol=1e-5)


def test_a_padded_batch_gives_the_gradient_of_the_images_alone(
    single: Built, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(single[0], scaling, without_dropout)
    alone, loss = run(step, single[1], images[:5], labels[:5], np.ones(5, bool))
    padded, padded_loss = run(step, single[1], images[:8], labels[:8], np.arange(8) < 5)
    assert padded_loss == pytest.approx(loss, rel=1e-5)
    assert float(padded.totals[2]) == 5
    assert_same_gradient(padded, alone)
    # The images that were masked would have changed it.
    whole, _ = run(step, single[1], images[:8], labels[:8], np.ones(8, bool))
    bias = [state.variables.params["classifier"]["bias"] for state in (whole, alone)]
    assert float(jnp.abs(bias[0] - bias[1]).max()) > 1e-3


def test_a_padded_batch_of_pairs_gives_the_gradient_of_the_pairs_alone(
    siamese: Built, scaling: Scaling, images: NDArray[np.uint8]
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


def test_masked_images_are_in_no_pair_of_their_batch(
    siamese: Built, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(siamese[0], scaling, in_batch_loss)
    alone, loss = run(step, siamese[1], images[:6], labels[:6], np.ones(6, bool))
    padded, padded_loss = run(step, siamese[1], images[:8], labels[:8], np.arange(8) < 6)
    assert padded_loss == pytest.approx(loss, rel=1e-5)
    assert_same_gradient(padded, alone)


def test_what_stands_in_masked_rows_changes_no_bit(
    single: Built, scaling: Scaling, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    step = gradient_step(single[0], scaling, plain_loss)
    mask = np.arange(8) < 5
    one, _ = run(step, single[1], images[:8], labels[:8], mask)
    others = np.concatenate([images[:5], images[90:93]]), np.concatenate([labels[:5], [2, 2, 2]])
    other, _ = run(step, single[1], *others, mask)
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_sums_add_up_over_an_epochs_steps(
    single: Built,
    scaling: Scaling,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    step = train_step(single[0], scaling, without_dropout, optax.adam(1e-3), PLAIN)
    state = new_state(single[1])
    expected = np.zeros(3)
    for rows, known in ((np.arange(8), 8), (np.arange(8, 16), 3)):
        module = single[0].bind(state.variables)
        logits = module.head(module.features(normalize(jnp.asarray(images[rows]), 0.4, 0.2)))
        losses = softmax_cross_entropy(logits, jnp.asarray(labels[rows]))[:known]
        hits = (np.asarray(logits).argmax(1) == labels[rows])[:known]
        expected += [float(losses.sum()), hits.sum(), known]
        batch = images[rows], labels[rows], np.arange(8) < known
        state, mean_loss = step(state, *map(jnp.asarray, batch), KEY)
        assert float(mean_loss) == pytest.approx(float(losses.mean()), rel=1e-4)
    np.testing.assert_allclose(state.totals, expected, rtol=1e-4)


def test_steps_learn(
    single: Built,
    scaling: Scaling,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    step = train_step(single[0], scaling, without_dropout, optax.adam(1e-2), PLAIN)
    state, batch = new_state(single[1]), [jnp.asarray(part) for part in (images[:8], labels[:8], [True] * 8)]
    losses = []
    for _ in range(60):
        state, loss = step(state, *batch, KEY)
        losses.append(float(loss))
    assert losses[-1] < 0.2 * losses[0]


def test_bfloat16_keeps_float32_parameters(
    single: Built,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    new_state: Callable[[Variables], TrainState],
) -> None:
    batch = [jnp.asarray(part) for part in (images[:8], labels[:8], [True] * 8)]

    def after(precision: str) -> tuple[TrainState, Array]:
        step = train_step(single[0], Scaling(0.4, 0.2, precision), without_dropout, optax.adam(1e-3), PLAIN)
        return step(new_state(single[1]), *batch, KEY)

    (exact, exact_loss), (rough, rough_loss) = after("float32"), after("bfloat16")
    assert {leaf.dtype for leaf in jax.tree.leaves(rough.variables)} == {jnp.dtype(jnp.float32)}
    assert rough_loss.dtype == jnp.float32
    assert float(rough_loss) == pytest.approx(float(exact_loss), rel=0.05)
    assert float(rough_loss) != float(exact_loss)
    assert jax.tree.structure(rough) == jax.tree.structure(exact)


class Normalized(Backbone):
    """A convolution with batch normalization, and a dropout before the classifier."""

    STAGES = (("conv", "norm"), ("classifier",))
    embedding_size = 4

    def __init__(self, rng: np.random.Generator) -> None:
        self.conv = Conv(1, 4, 3, stride=2, lowering="native", rng=rng)
        self.norm = BatchNorm(4)
        self.classifier = Dense(4, 3, rng=rng)

    def layers(self) -> dict[str, tuple[Block, ...]]:
        return {"conv": (lambda x, mask: nnx.relu(self.norm(self.conv(x), mask)),)}

    def embedding(self, features: Array, keys: Array | None = None) -> Array:  # noqa: ARG002
        return features.mean((1, 2))

    def head(self, features: Array, keys: Array | None = None) -> Array:
        return self.classifier(dropout(self.embedding(features), 0.5, keys))


def normalized(frozen: int = 0) -> Built:
    module = Normalized(np.random.default_rng(0))
    freeze_statistics(module, module.STAGES[:frozen])
    graph, params, stats = nnx.split(module, nnx.Param, ...)
    network = Network(graph, module.STAGES, frozen)
    return network, Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


def one_step(
    built: Built,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    known: int,
    settings: StepSettings = PLAIN,
    optimizer: optax.GradientTransformation = optax.sgd(1.0),  # noqa: B008 - holds no state
) -> TrainState:
    network, variables = built
    own = jax.tree.map(lambda leaf: leaf.copy(), variables)
    step = train_step(network, Scaling(0.4, 0.2, "float32"), plain_loss, optimizer, settings)
    batch = jnp.asarray(images), jnp.asarray(labels), jnp.arange(len(images)) < known
    return step(state_before_training(own, optimizer, settings), *batch, KEY)[0]


@pytest.mark.parametrize("micro_batch", [2, 4, 8])
def test_micro_batches_give_the_gradient_of_the_whole_batch(
    single: Built, images: NDArray[np.uint8], labels: NDArray[np.int64], micro_batch: int
) -> None:
    """With augmentation and dropout too, for both are drawn image by image; the last batches are padding."""
    augmentation = Augmentation("both", 15.0, 0.1, 0.1, 0.1)
    whole = one_step(single, images[:16], labels[:16], 11, StepSettings(augmentation))
    parts = one_step(single, images[:16], labels[:16], 11, StepSettings(augmentation, micro_batch))
    assert_same_gradient(parts, whole)
    assert float(whole.totals[2]) == 11


def test_micro_batches_give_the_same_with_batch_normalization_that_is_frozen(
    images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    network = normalized(frozen=1)
    whole = one_step(network, images[:8], labels[:8], 8)
    assert_same_gradient(one_step(network, images[:8], labels[:8], 8, StepSettings(micro_batch=4)), whole)
    for state in (whole, one_step(network, images[:8], labels[:8], 8, StepSettings(micro_batch=4))):
        np.testing.assert_array_equal(
            state.variables.params["conv"]["kernel"], network[1].params["conv"]["kernel"]
        )
        np.testing.assert_array_equal(state.variables.stats["norm"]["mean"], np.zeros(4))
        assert (state.variables.params["classifier"]["bias"] != 0).all()


def test_a_rematerialized_step_is_the_same_and_moves_statistics_once(
    images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    settings = [StepSettings(rematerialize=twice) for twice in (False, True)]
    plain, again = (one_step(normalized(), images[:8], labels[:8], 5, one) for one in settings)
    assert_same_gradient(again, plain)
    for name, before in normalized()[1].stats["norm"].items():
        np.testing.assert_allclose(
            again.variables.stats["norm"][name], plain.variables.stats["norm"][name], 1e-5
        )
        assert (before != plain.variables.stats["norm"][name]).all()


def test_padded_images_do_not_enter_the_batch_statistics(
    images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    network = normalized()
    alone, padded = (one_step(network, images[:count], labels[:count], 5) for count in (5, 8))
    for name in ("mean", "var"):
        before, after = network[1].stats["norm"][name], alone.variables.stats["norm"][name]
        np.testing.assert_allclose(padded.variables.stats["norm"][name], after, rtol=1e-5)
        assert (before != after).all()


def test_the_average_is_kept_beside_the_network_and_is_what_is_judged(
    images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    network = normalized()
    after = one_step(network, images[:8], labels[:8], 8, StepSettings(ema=0.99))
    assert int(after.steps) == 1
    # One tenth of the first model is left after the first step.
    expected = jax.tree.map(lambda before, now: 0.1 * before + 0.9 * now, network[1], after.variables)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), after.judged, expected)
    plain = one_step(network, images[:8], labels[:8], 8)
    jax.tree.map(np.testing.assert_array_equal, plain.judged, plain.variables)
    jax.tree.map(np.testing.assert_array_equal, plain.variables, after.variables)
