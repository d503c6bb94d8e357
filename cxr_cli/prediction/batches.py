"""How many images go through a model at once, and batches of one size, the last one padded."""

import os

import jax
import numpy as np
from numpy.typing import NDArray

FASTEST = {"cpu": 16}
"""Images at once by the kind of device. On a CPU 8 to 32 are equally fast, and fewer slower."""
FASTEST_ELSEWHERE = 128
FORWARD_BYTES = 500
"""Memory of a forward pass for each pixel of its images; XLA takes 93 (Inception v3) to 430 (ResNeXt101)."""
BACKWARD_BYTES = 10 * FORWARD_BYTES
"""The same where feature maps are kept for derivatives."""
SHARE = 0.25
"""Of the memory; the rest is for weights, images and others."""


def inference_batch(count: int, size: int, bytes_per_pixel: int = FORWARD_BYTES, devices: int = 1) -> int:
    """Choose how many images of a call go through the model at once: the call's only program is of that size.

    It is one of few sizes, so that other calls find their program compiled: powers of two up to a quarter of
    what the device takes, then quarters. So few images are hardly padded, nor are more in several batches.

    Args:
        count: images of the call.
        size: their height and width in pixels.
        bytes_per_pixel: memory that the program takes.
        devices: that divide the images among them.
    """
    if devices > 1:
        return devices * inference_batch(-(-count // devices), size, bytes_per_pixel)
    fitting = SHARE * own_memory() / (bytes_per_pixel * size**2)
    most = min(FASTEST.get(jax.default_backend(), FASTEST_ELSEWHERE), max(1, int(fitting)))
    most = 1 << (most.bit_length() - 1)
    needed = -(-count // -(-count // most))
    quarter = max(1, most // 4)
    return 1 << (needed - 1).bit_length() if needed <= quarter else -(-needed // quarter) * quarter


def own_memory() -> int:
    """Return the bytes of this process's device; on a CPU what the machine has, or Slurm grants of it."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        return int((device.memory_stats() or {})["bytes_limit"])
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    granted = int(os.environ.get("SLURM_MEM_PER_NODE", "0")) * 2**20
    return min(machine, granted) if granted else machine


def in_batches(places: NDArray[np.int64], batch_size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Cut `places` [N, ...] into batches of one size, the last padded with the first place and masked.

    Returns:
        places [steps, batch_size, ...] and mask bool [steps, batch_size], False where padded.
    """
    steps = -(-len(places) // batch_size)
    mask = np.arange(steps * batch_size) < len(places)
    padded = np.concatenate([places, np.repeat(places[:1], steps * batch_size - len(places), 0)])
    return padded.reshape(steps, batch_size, *places.shape[1:]), mask.reshape(steps, batch_size)
