"""How many images a training step can take at once, and how much it may keep of them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.network import Network, Variables, backbone_of
from cxr_cli.prediction.batches import own_memory
from cxr_cli.prediction.devices import highest
from cxr_cli.prediction.forward import Scaling
from cxr_cli.training.step import Batch, RowLoss, summed_loss

# What a step takes in addition to the values kept for the backward pass. Measured on a CPU: COVID-Net with a
# batch of 16 takes 1.05 times these and its parameters' four copies; the rest is for what this does not see.
RESERVE = 1.3
# Parameters, gradients, and two moments of Adam.
COPIES = 4
SHARE = 0.7


class Fit(NamedTuple):
    """How training is fitted to the device's memory.

    Attributes:
        micro_batch: images that go through the model at once.
        rematerialize: whether its blocks are computed twice.
        resident: whether all images are kept on the device; None for where they fit, see `image_source`.
    """

    micro_batch: int
    rematerialize: bool
    resident: bool | None = None


def fit_batch(
    network: Network, variables: Variables, scaling: Scaling, row_loss: RowLoss, size: int, batch_size: int
) -> Fit:
    """Find how the device's memory holds a batch: plainly, else rematerialized, else divided too.

    Rematerialized, a step is the same to rounding; divided, batch normalization takes other statistics. So
    the batch is divided only where nothing else helps, into the largest of its divisors that fit.

    Args:
        network, variables: the model; only the shapes of its arrays matter.
        scaling, row_loss: of the step.
        size: height and width of an image in pixels.
        batch_size: images of the whole batch.
    """
    room = SHARE * device_memory() - COPIES * _bytes(variables)
    step = (network, variables, scaling, row_loss, size, 2)
    if RESERVE * bytes_kept(*step) / 2 * batch_size <= room:
        return Fit(batch_size, False)
    again = bytes_kept(*step, rematerialize=True) + largest_block(network, variables, size, 2)
    fitting = room / (RESERVE * again / 2)
    divisors = [count for count in range(1, batch_size + 1) if batch_size % count == 0]
    return Fit(max(count for count in divisors if count == 1 or count <= fitting), True)


def bytes_kept(
    network: Network,
    variables: Variables,
    scaling: Scaling,
    row_loss: RowLoss,
    size: int,
    images: int,
    rematerialize: bool = False,
    answers: int | None = None,
) -> int:
    """Return how many bytes the forward pass keeps for the backward pass, its parameters aside.

    Nothing is computed or compiled: JAX traces both passes for their shapes. `answers` is how many targets
    there are, where it is not one an image.
    """
    loss = summed_loss(network, scaling, row_loss, rematerialize)

    def empty() -> Batch:
        keys = jax.random.split(jax.random.key(0), images)
        targets = jnp.zeros(images if answers is None else answers, jnp.int32)
        return Batch(jnp.zeros((images, size, size)), targets, jnp.ones(targets.shape, bool), keys)

    def kept(params: Any, stats: Any, batch: Batch) -> Any:
        return jax.vjp(lambda params: loss(params, stats, batch)[0], params)[1]

    return max(0, _bytes(jax.eval_shape(kept, *variables, jax.eval_shape(empty))) - _bytes(variables.params))


def step_memory(
    network: Network,
    variables: Variables,
    scaling: Scaling,
    row_loss: RowLoss,
    size: int,
    images: int,
    answers: int,
    rematerialize: bool,
) -> int:
    """Estimate the bytes that a step takes; see `fit_batch` and `bytes_kept`."""
    kept = bytes_kept(network, variables, scaling, row_loss, size, images, rematerialize, answers)
    if rematerialize:
        kept += largest_block(network, variables, size, images)
    return int(COPIES * _bytes(variables) + RESERVE * kept)


def largest_block(network: Network, variables: Variables, size: int, images: int) -> int:
    """Return the most bytes that one block's forward pass keeps, as it does when it runs a second time."""

    def kept(variables: Variables, x: Array) -> list[Any]:
        layers = backbone_of(network.bind(variables)).layers()
        passes = []
        for name, number in ((name, n) for name, blocks in layers.items() for n in range(len(blocks))):

            def apply(params: Any, x: Array, name: str = name, number: int = number) -> Any:
                backbone = backbone_of(network.bind(Variables(params, variables.stats)))
                block = backbone.block_alone(name, number, jnp.ones(images, bool))
                return block(nnx.state(backbone, nnx.BatchStat), x)

            x, backward, _ = jax.vjp(apply, variables.params, x, has_aux=True)
            passes.append(backward)
        return passes

    x = jax.eval_shape(lambda: jnp.zeros((images, size, size, 1)))
    return max(map(_bytes, jax.eval_shape(kept, variables, x)))


def device_memory() -> int:
    """Return the bytes of a device; on a CPU what the machine has, or Slurm grants of it.

    Of several processes that of the smallest counts: all run the same program.
    """
    return -int(highest(-own_memory())[0])


def _bytes(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
