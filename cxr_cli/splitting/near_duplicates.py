"""Near-duplicates: images of two patients that are the same or nearly the same."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Detail = NDArray[np.float32]


class DetailScale(NamedTuple):
    """How the detail of an image is compared, lengths in pixels of the reduced image.

    Attributes:
        size: side that the image is reduced to.
        smooth: standard deviation of the Gaussian whose smoothed image is subtracted.
        surround: standard deviation of the Gaussian over which contrast is equalized.
    """

    size: int
    smooth: float
    surround: float


COARSE = DetailScale(size=32, smooth=1.0, surround=3.0)
FINE = DetailScale(size=64, smooth=1.5, surround=4.0)
NEAR_DUPLICATE = 0.6
"""Fine correlation from which two real images count as near-duplicates.

Of 555,000 pairs of real images of two patients the highest has 0.47, among them many that share a black
border; of 144 copies decoded, windowed, inverted and bordered otherwise the lowest has 0.73.
"""
CERTAIN = 0.95
"""Fine correlation from which any two images do, however alike those of a dataset are."""
UNRELATED = 6.0
"""Standard deviations above the median of unrelated pairs from which a pair may be near-duplicates."""
SAMPLED_PAIRS = 1000
"""Pairs by which it is measured how alike unrelated images of a dataset are."""
COARSER = 0.1
"""How much less two images need to correlate coarsely to be compared finely."""
PLAY = 2
"""Pixels of the fine image by which one image may be shifted against the other."""
FAINT = 0.5
"""Gray values of local contrast below which there is nothing to compare: noise of rounding."""
BLOCK = 256
"""Images compared with all others at a time: bounds the memory."""


class NearDuplicate(NamedTuple):
    """Two images of two patients that are near-duplicates.

    Attributes:
        rows: of the dataset, ascending.
        correlation: of their detail, -1 ... 1; negative where one is the other's negative.
        mirrored: whether one is the other, left and right exchanged.
    """

    rows: tuple[int, int]
    correlation: float
    mirrored: bool


def find_near_duplicates(images: NDArray[np.uint8], patients: NDArray[np.int64]) -> list[NearDuplicate]:
    """Find the pairs of images of two patients that are the same or nearly the same.

    Chest images are all alike in their large shapes, and those of one archive in their borders; what
    distinguishes two of them is fine detail. So images are compared by detail alone, its contrast equalized
    over the image. That survives windowing, inversion, borders, JPEG and another size, but no shift beyond 2
    % of the side, rotation beyond 2 degrees, or zoom beyond 2%. All pairs are compared coarsely, plain and
    mirrored, then those that may be near-duplicates finely.

    Images made alike, such as phantoms, are alike in detail too; `near_duplicate_threshold` rises for them.

    Args:
        images: uint8 [N, H, W], gray; may be a memory map.
        patients: int [N], patient number of each image.

    Returns:
        The pairs, in the order of rows. An image without any detail is nobody's near-duplicate.
    """
    threshold = near_duplicate_threshold(images, patients)
    rows = np.arange(len(images))
    coarse, fine = _coarse_details(images, rows), _fine_details(images, rows)
    found: dict[tuple[int, int], NearDuplicate] = {}
    for mirrored, pairs in _candidates(coarse, patients, threshold - COARSER):
        for one, other in pairs.tolist():
            pair = NearDuplicate((one, other), _correlation(fine[one], fine[other], mirrored), mirrored)
            before = found.get(pair.rows)
            better = before is None or abs(pair.correlation) > abs(before.correlation)
            if abs(pair.correlation) >= threshold and better:
                found[pair.rows] = pair
    return [found[rows] for rows in sorted(found)]


def near_duplicate_threshold(images: NDArray[np.uint8], patients: NDArray[np.int64]) -> float:
    """Measure from which fine correlation two images of this dataset count as near-duplicates.

    `NEAR_DUPLICATE` for real images; more, up to `CERTAIN`, where randomly chosen pairs are more alike.

    Args:
        images: uint8 [N, H, W].
        patients: int [N], patient number of each image.
    """
    # Always the same pairs: the result must not depend on a seed.
    pairs = np.random.default_rng(0).integers(0, len(images), (SAMPLED_PAIRS, 2))
    pairs = pairs[patients[pairs[:, 0]] != patients[pairs[:, 1]]]
    if not len(pairs):
        return NEAR_DUPLICATE
    rows, places = np.unique(pairs, return_inverse=True)
    fine = _fine_details(images, rows)
    correlations = np.abs([_correlation(fine[one], fine[other]) for one, other in places.reshape(-1, 2)])
    median = np.median(correlations)
    deviation = 1.4826 * np.median(np.abs(correlations - median))  # of a normal distribution
    return float(np.clip(median + UNRELATED * deviation, NEAR_DUPLICATE, CERTAIN))


def _candidates(
    coarse: Detail, patients: NDArray[np.int64], threshold: float
) -> Iterator[tuple[bool, NDArray[np.int64]]]:
    """Yield pairs of rows [M, 2] of two patients that look alike coarsely, and whether one is mirrored."""
    # What is symmetric and what is antisymmetric is multiplied once, for plain and mirrored pairs alike.
    half, flipped = COARSE.size // 2, coarse[:, :, ::-1]
    even, odd = (
        (part[:, :, :half] / np.sqrt(np.float32(2))).reshape(len(coarse), -1)
        for part in (coarse + flipped, coarse - flipped)
    )
    for start in range(0, len(coarse), BLOCK):
        alike, unlike = (part[start : start + BLOCK] @ part[start:].T for part in (even, odd))
        others = patients[start : start + BLOCK, None] != patients[None, start:]
        for mirrored, correlations in ((False, alike + unlike), (True, alike - unlike)):
            pairs = np.argwhere((np.abs(correlations) >= threshold) & others) + start
            yield mirrored, pairs[pairs[:, 0] < pairs[:, 1]]


def _correlation(one: NDArray[np.float16], other: NDArray[np.float16], mirrored: bool = False) -> float:
    """Correlate fine details [S, S] in the shift, up to `PLAY`, in which they agree or oppose most."""
    middle = other[PLAY:-PLAY, PLAY:-PLAY].astype(np.float32)
    whole = (one[:, ::-1] if mirrored else one).astype(np.float32)
    if not whole.any() or not middle.any():
        return 0.0
    correlations = cv2.matchTemplate(whole, middle, cv2.TM_CCOEFF_NORMED)
    return float(np.clip(correlations.flat[np.abs(correlations).argmax()], -1, 1))


def _coarse_details(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Detail:
    """Reduce images to their coarse detail: float32 [M, S, S], of mean 0 and length 1, or 0."""
    details = np.empty((len(rows), COARSE.size, COARSE.size), np.float32)
    for place, row in enumerate(rows):
        details[place] = _detail(np.asarray(images[row]), COARSE)
    details -= details.mean((1, 2), keepdims=True)
    lengths = np.sqrt(np.einsum("ijk,ijk->i", details, details))[:, None, None]
    details /= np.where(lengths > 0, lengths, 1)
    return details


def _fine_details(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.float16]:
    """Reduce images to their fine detail: float16 [M, S, S], -1 ... 1, in half the memory of float32."""
    details = np.empty((len(rows), FINE.size, FINE.size), np.float16)
    for place, row in enumerate(rows):
        details[place] = _detail(np.asarray(images[row]), FINE)
    return details


def _detail(image: NDArray[np.uint8], scale: DetailScale) -> Detail:
    reduced = cv2.resize(image.astype(np.float32), (scale.size, scale.size), interpolation=cv2.INTER_AREA)
    detail = reduced - cv2.GaussianBlur(reduced, (0, 0), scale.smooth)
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), scale.surround))
    # Clipped, so that no edge of a border or a marker outweighs the anatomy.
    return np.clip(detail / (contrast + FAINT), -1, 1).astype(np.float32)
