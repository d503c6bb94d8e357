"""Batches of one size, the last one padded."""

import numpy as np
from numpy.typing import NDArray


def in_batches(places: NDArray[np.int64], batch_size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Cut `places` [N, ...] into batches of one size, the last padded with the first place and masked.

    Returns:
        places [steps, batch_size, ...] and mask bool [steps, batch_size], False where padded.
    """
    steps = -(-len(places) // batch_size)
    mask = np.arange(steps * batch_size) < len(places)
    padded = np.concatenate([places, np.repeat(places[:1], steps * batch_size - len(places), 0)])
    return padded.reshape(steps, batch_size, *places.shape[1:]), mask.reshape(steps, batch_size)
