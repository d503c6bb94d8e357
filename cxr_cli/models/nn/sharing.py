"""What a layer does image by image, where the images of a batch are divided among devices.

XLA divides all else by itself. A loop over the images it would run on every device, over all of them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import PartitionSpec

BATCH = "batch"
"""The axis of a mesh of devices along which the images of a batch are divided."""


def sum_over_images(function: Callable[[Any], Array], batch: Any) -> Array:
    """Apply a function to one image after the other, and sum what it returns.

    Args:
        function: maps what `batch` has of an image to an array.
        batch: a tree of arrays [B,...], divided among the devices of the mesh that this is traced under, if
            there is one.
    """

    def of_this_device(batch: Any) -> Array:
        return jnp.sum(lax.map(function, batch), 0)

    if BATCH not in jax.sharding.get_abstract_mesh().axis_names:
        return of_this_device(batch)
    summed: Array = jax.shard_map(
        lambda batch: lax.psum(of_this_device(batch), BATCH),
        in_specs=(PartitionSpec(BATCH),),
        out_specs=PartitionSpec(),
    )(batch)
    return summed
