"""How many films a training step can take at once."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cxr_cli.inference.forward import Scaling
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.step import Batch, RowLoss, summed_loss

# What a step takes beside the values kept for the backward pass. Measured on a CPU: COVID-Net with a batch of
# 16 takes 1.05 times these and its parameters' four copies; the rest is for what this does not see.
RESERVE = 1.3
# Parameters, gradients, and two moments of Adam.
COPIES = 4
SHARE = 0.7


def micro_batch_for(
    network: Network, variables: Variables, scaling: Scaling, row_loss: RowLoss, size: int, batch_size: int
) -> int:
    """Return the largest divisor of a batch whose films the device's memory holds at once.

    Args:
        network, variables: the net; only the shapes of its arrays matter.
        scaling, row_loss: of the step.
        size: height and width of a film in pixels.
        batch_size: films of the whole batch.

    Returns:
        From 1 to `batch_size`; `batch_size` means that the whole batch fits.
    """
    fixed = COPIES * _bytes(variables)
    a_film = RESERVE * bytes_kept(network, variables, scaling, row_loss, size, 2) / 2
    fitting = (SHARE * device_memory() - fixed) / a_film
    divisors = [count for count in range(1, batch_size + 1) if batch_size % count == 0]
    return max(count for count in divisors if count == 1 or count <= fitting)


def bytes_kept(
    network: Network, variables: Variables, scaling: Scaling, row_loss: RowLoss, size: int, films: int
) -> int:
    """Return how many bytes the forward pass keeps for the backward pass, its parameters aside.

    Nothing is computed or compiled: JAX traces both passes for their shapes.
    """
    loss = summed_loss(network, scaling, row_loss)

    def empty() -> Batch:
        keys = jax.random.split(jax.random.key(0), films)
        return Batch(jnp.zeros((films, size, size)), jnp.zeros(films, jnp.int32), jnp.ones(films, bool), keys)

    def kept(params: Any, stats: Any, batch: Batch) -> Any:
        return jax.vjp(lambda params: loss(params, stats, batch)[0], params)[1]

    return max(0, _bytes(jax.eval_shape(kept, *variables, jax.eval_shape(empty))) - _bytes(variables.params))


def device_memory() -> int:
    """Return the bytes of the default device; on a CPU what the machine has, or Slurm grants of it."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return int((device.memory_stats() or {})["bytes_limit"])
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    granted = int(os.environ.get("SLURM_MEM_PER_NODE", "0")) * 2**20
    return min(machine, granted) if granted else machine


def _bytes(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
