"""Statistics of pixels, by which images are normalized."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and population standard deviation of pixels on the 0 ... 1 scale."""

    mean: float
    std: float


def pixel_statistics(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> PixelStatistics:
    """Compute the exact mean and population standard deviation of the images' pixels, on the 0 ... 1 scale.

    Exact because the 256 gray values are counted and summed as integers.

    Args:
        images: uint8 [N, H, W].
        rows: the images to count.
    """
    histogram = np.zeros(256, np.int64)
    for row in rows:
        histogram += np.bincount(images[row].ravel(), minlength=256)
    values = np.arange(256)
    count, total, squares = (int((histogram * values**power).sum()) for power in (0, 1, 2))
    variance = (squares * count - total**2) / count**2
    return PixelStatistics(mean=total / count / 255, std=variance**0.5 / 255)


def mean_image(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Average images pixel by pixel, to the nearest gray value: uint8 [H, W].

    Args:
        images: uint8 [N, H, W].
        rows: the images to average.
    """
    total = np.zeros(images.shape[1:], np.int64)
    for row in rows:
        total += images[row]
    return np.rint(total / len(rows)).astype(np.uint8)
