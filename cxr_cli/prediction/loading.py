"""Images for the device: batches of bytes, and their normalization under jit."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

RESIDENT_SHARE = 0.3
"""Share of the device's memory that resident images may take; the rest is for the model."""

FetchBatch = Callable[[NDArray[np.int64]], Array]
"""Maps rows [...] to images, uint8 [..., H, W], on the device."""


def image_source(images: NDArray[np.uint8]) -> FetchBatch:
    """Choose where batches come from: the device's own memory if all images fit there, else the memory map.

    On a CPU nothing is gained by a copy. On a GPU, 14,000 images of 224 pixels take 0.7 GB.

    Args:
        images: uint8 [N, H, W], usually a memory map.
    """
    device = jax.devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit", 0) if device.platform != "cpu" else 0
    if images.nbytes > limit * RESIDENT_SHARE:
        return lambda rows: jnp.asarray(images[rows])
    resident = jax.device_put(images)
    gather = jax.jit(lambda resident, rows: jnp.take(resident, rows, axis=0))
    return lambda rows: gather(resident, jnp.asarray(rows))


def normalize(images: Array, mean: float, std: float) -> Array:
    """Turn gray images uint8 [..., H, W] into float32 [..., H, W, 1]: gray / 255, minus mean, over std."""
    return ((images.astype(jnp.float32) / 255.0 - mean) / std)[..., None]
