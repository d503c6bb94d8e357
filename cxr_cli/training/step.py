"""One training step as a pure jitted function."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array

from cxr_cli.models.network import Network, Variables
from cxr_cli.models.nn.compiler_options import compiler_options
from cxr_cli.models.stages import stage_numbers
from cxr_cli.prediction.devices import ONE_DEVICE, Devices
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import normalize
from cxr_cli.prediction.precision import matmul_precision, to_compute_type
from cxr_cli.training.augment import NO_AUGMENTATION, Augmentation, augment
from cxr_cli.training.average import moving_average

Program = TypeVar("Program", bound=Callable[..., Any])


class TrainState(NamedTuple):
    """What a step changes; buffers are donated.

    Attributes:
        variables: the network's arrays.
        optimizer: optax's state.
        average: of the variables over the steps; the empty tuple where none is kept.
        steps: int32 [], done so far.
        totals: float32 [3], this epoch's sums of loss x weight, of right answers x weight, and of weight.
    """

    variables: Variables
    optimizer: Any
    average: Variables | tuple[()]
    steps: Array
    totals: Array

    @property
    def judged(self) -> Variables:
        """The variables that are validated, selected and saved: the average where one is kept."""
        return self.average if isinstance(self.average, Variables) else self.variables


class Answers(NamedTuple):
    """What a loss says of each row (image or pair): loss, whether the answer was right, and its weight."""

    loss: Array
    correct: Array
    weight: Array


RowLoss = Callable[[Any, Array, Array, Array, Array], Answers]
"""Maps (module, normalized images, targets, mask, dropout keys [images]) to the answers."""

TrainStep = Callable[[TrainState, Array, Array, Array, Array], tuple[TrainState, Array]]
"""Maps (state, images uint8, targets, mask, key) to the next state and this step's mean loss."""


@dataclass(frozen=True)
class StepSettings:
    """What a step does beside loss and update.

    Attributes:
        augmentation: of the images.
        micro_batch: images at once, whose gradients are summed over the batch; 0 for the whole batch.
        ema: share that the average keeps of itself; 0 keeps no average.
        rematerialize: keep less for the backward pass, and recompute it there; see `Backbone`.
    """

    augmentation: Augmentation = NO_AUGMENTATION
    micro_batch: int = 0
    ema: float = 0.0
    rematerialize: bool = False


def new_state(
    variables: Variables, optimizer: optax.GradientTransformation, settings: StepSettings
) -> TrainState:
    """Return the state before the first step."""
    # A copy, for the buffers of both are donated.
    average = jax.tree.map(jnp.copy, variables) if settings.ema else ()
    steps = jnp.zeros((), jnp.int32)
    return TrainState(variables, optimizer.init(variables.params), average, steps, new_totals())


def new_totals() -> Array:
    """Return the sums of an epoch that has not begun."""
    return jnp.zeros(3, jnp.float32)


def compiled_for(devices: Devices) -> Callable[[Program], Program]:
    """Return how programs of training are compiled: the state, their first argument, is donated."""
    how: Any = partial(
        jax.jit,
        donate_argnums=0,
        out_shardings=devices.everywhere,
        compiler_options=compiler_options(),
    )
    return cast(Callable[[Program], Program], how)


def train_step(
    network: Network,
    scaling: Scaling,
    row_loss: RowLoss,
    optimizer: optax.GradientTransformation,
    settings: StepSettings,
    devices: Devices = ONE_DEVICE,
) -> TrainStep:
    """Make the training step: augmentation, forward, backward, update and the epoch's sums, in one program.

    Rematerialized, the step is the same to rounding. With micro-batches the gradient is that of the whole
    batch too; but batch normalization, where a model has it, takes the statistics of each micro-batch by
    itself, as it does in other frameworks. Where devices divide the batch, the statistics are still those of
    all its images.
    """
    loss_of = summed_loss(network, scaling, row_loss, settings.rematerialize)
    gradient = jax.value_and_grad(loss_of, has_aux=True)

    @compiled_for(devices)
    def step(
        state: TrainState, images: Array, targets: Array, mask: Array, key: Array
    ) -> tuple[TrainState, Array]:
        augment_keys, dropout_keys = jax.random.split(key, (2, len(images)))
        batch = Batch(augment(images, augment_keys, settings.augmentation), targets, mask, dropout_keys)
        params, stats = state.variables
        with matmul_precision(scaling.precision), devices.tracing():
            if settings.micro_batch:
                stats, gradients, sums = _accumulate(gradient, params, stats, batch, settings.micro_batch)
            else:
                (_, (stats, sums)), gradients = gradient(params, stats, batch)
        loss, _, weight = sums
        gradients = jax.tree.map(lambda leaf: leaf / weight, gradients)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, params)
        variables = Variables(optax.apply_updates(params, updates), stats)
        average = state.average
        if isinstance(average, Variables):
            average = moving_average(average, variables, settings.ema, state.steps)
        after = TrainState(variables, optimizer_state, average, state.steps + 1, state.totals + sums)
        return after, loss / weight

    return step


class Batch(NamedTuple):
    """A step's images [B,H,W], 0 ... 255, with targets, mask and dropout keys [B]."""

    images: Array
    targets: Array
    mask: Array
    keys: Array


Summed = Callable[[Any, Any, Batch], tuple[Array, tuple[Any, Array]]]


def summed_loss(network: Network, scaling: Scaling, row_loss: RowLoss, rematerialize: bool = False) -> Summed:
    """Make the function from (params, stats, batch) to sum(loss x weight), new stats and the three sums."""

    def function(params: Any, stats: Any, batch: Batch) -> tuple[Array, tuple[Any, Array]]:
        learning = _stop_frozen(network, params)
        cast = to_compute_type(learning, scaling.precision)
        x = to_compute_type(normalize(batch.images, scaling.mean, scaling.std), scaling.precision)
        module = network.bind(Variables(cast, stats), rematerialize)
        loss, correct, weight = row_loss(module, x, batch.targets, batch.mask, batch.keys)
        moved = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param)))
        sums = jnp.stack([jnp.sum(loss * weight), jnp.sum(correct * weight), jnp.sum(weight)])
        return sums[0], (moved, sums)

    return function


def _stop_frozen(network: Network, params: Any) -> Any:
    """Let no gradient reach the frozen stages: what would compute it is then never run."""
    if network.frozen == 0:
        return params
    stages = stage_numbers(params, network.stages)
    return jax.tree.map(
        lambda leaf, stage: jax.lax.stop_gradient(leaf) if stage < network.frozen else leaf, params, stages
    )


def _accumulate(
    gradient: Callable[..., Any], params: Any, stats: Any, batch: Batch, size: int
) -> tuple[Any, Any, Array]:
    """Sum gradients over micro-batches of `size` images, one after the other: (stats, gradients, sums)."""
    # Every so many images, so that each device has its share of each part.
    parts = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]).swapaxes(0, 1), batch)

    def one(carry: tuple[Any, Any, Array], part: Batch) -> tuple[tuple[Any, Any, Array], None]:
        stats, gradients, sums = carry
        (_, (stats, more_sums)), more = gradient(params, stats, part)
        return (stats, jax.tree.map(jnp.add, gradients, more), sums + more_sums), None

    begin = (stats, jax.tree.map(jnp.zeros_like, params), new_totals())
    after, _ = jax.lax.scan(one, begin, parts)
    return after
