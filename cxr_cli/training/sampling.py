"""Which images an epoch shows, drawn from (seed, epoch) alone, so that a resumed run continues alike."""

import numpy as np
from numpy.typing import NDArray


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of one epoch; epochs of one seed are independent of each other."""
    return np.random.default_rng([seed, epoch])


def balanced_epoch(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw every image of the rarest class and as many of each other class, in random order.

    Source: "Siamesifying the COVID-Net", section 3.1.

    Args:
        labels: int [N], class numbers.
        rng: the draw.

    Returns:
        int [classes x rarest], places in `labels`, none twice.
    """
    classes, counts = np.unique(labels, return_counts=True)
    drawn = [rng.choice(np.flatnonzero(labels == name), counts.min(), replace=False) for name in classes]
    return rng.permutation(np.concatenate(drawn))
