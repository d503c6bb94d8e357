"""One training step as a pure jitted function."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array

from cxr_cli.inference.films import normalise
from cxr_cli.inference.forward import Scaling
from cxr_cli.inference.precision import matmul_precision, to_compute_type
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.losses import masked_mean


class TrainState(NamedTuple):
    """What a step changes; buffers are donated.

    Attributes:
        variables: the network's arrays.
        optimizer: optax's state.
        totals: float32 [3], this epoch's sums of loss x weight, of right answers x weight, and of weight.
    """

    variables: Variables
    optimizer: Any
    totals: Array


class Answers(NamedTuple):
    """What a loss says of each row (film or pair): loss, whether the answer was right, and its weight."""

    loss: Array
    correct: Array
    weight: Array


RowLoss = Callable[[Any, Array, Array, Array, Array], Answers]
"""Maps (module, normalised films, targets, mask, dropout key) to the answers."""

TrainStep = Callable[[TrainState, Array, Array, Array, Array], tuple[TrainState, Array]]
"""Maps (state, films uint8, targets, mask, key) to the next state and this step's mean loss."""


def new_totals() -> Array:
    """Return the sums of an epoch that has not begun."""
    return jnp.zeros(3, jnp.float32)


def train_step(
    network: Network, scaling: Scaling, row_loss: RowLoss, optimizer: optax.GradientTransformation
) -> TrainStep:
    """Make the training step: forward, backward, update, and the epoch's sums, in one program."""

    @partial(jax.jit, donate_argnums=0)
    def step(
        state: TrainState, films: Array, targets: Array, mask: Array, key: Array
    ) -> tuple[TrainState, Array]:
        def loss(params: dict[str, Any]) -> tuple[Array, tuple[Answers, Any]]:
            cast = to_compute_type(params, scaling.precision)
            x = to_compute_type(normalise(films, scaling.mean, scaling.std), scaling.precision)
            module = network.bind(Variables(cast, state.variables.stats))
            answers = row_loss(module, x, targets, mask, key)
            stats = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param)))
            return masked_mean(answers.loss, answers.weight), (answers, stats)

        with matmul_precision(scaling.precision):
            gradient = jax.value_and_grad(loss, has_aux=True)
            (mean_loss, (answers, stats)), gradients = gradient(state.variables.params)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.variables.params)
        params = optax.apply_updates(state.variables.params, updates)
        weight = answers.weight
        sums = [jnp.sum(answers.loss * weight), jnp.sum(answers.correct * weight), jnp.sum(weight)]
        after = TrainState(Variables(params, stats), optimizer_state, state.totals + jnp.stack(sums))
        return after, mean_loss

    return step
