"""What each image adds to a metric: its derivative by the image's weight.

Summed over the images of a patient, these vary as the metric does over samples of patients (the infinitesimal
jackknife: Efron & Tibshirani 1993, ch. 21), without sampling any.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.confusion import Floats


def share_influence(counted: NDArray[np.bool_], hits: NDArray[np.bool_]) -> Floats:
    """Of the share of hits among the images that are counted: [N]; NaN where none is.

    Args:
        counted, hits: bool [N].
    """
    images = int(counted.sum())
    if images == 0:
        return np.full(len(counted), np.nan)
    right = counted & hits
    return np.asarray((right - counted * (right.sum() / images)) / images)


class AreaInfluence(NamedTuple):
    """AUCs [M], and what each image adds to each of them [M, N]; NaN where a class has no image."""

    values: Floats
    influences: Floats


def area_influence(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> AreaInfluence:
    """Of the AUC of each model.

    An image adds how far its placement is from the mean of its class, over the number of the class.

    Args:
        positive: bool [N].
        scores: [M, N], a row a model.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return AreaInfluence(np.full(len(scores), np.nan), np.full(scores.shape, np.nan))
    values, influences = np.empty(len(scores)), np.empty(scores.shape)
    for row, of_model in enumerate(scores):
        placed = placements(positive, of_model)
        values[row] = placed[positive].mean()
        influences[row] = (placed - values[row]) / np.where(positive, positives, negatives)
    return AreaInfluence(values, influences)


def placements(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> Floats:
    """Compute the share of the other class's images that each is rightly ranked against, ties half.

    Source: DeLong, DeLong & Clarke-Pearson 1988.

    Args:
        positive: bool [N].
        scores: [N].

    Returns:
        [N]; NaN where a class has no image.
    """
    if positive.all() or not positive.any():
        return np.full(len(positive), np.nan)
    _, place = np.unique(scores, return_inverse=True)
    below = _share_below(place[~positive], place), _share_below(place[positive], place)
    return np.where(positive, below[0], 1 - below[1])


def _share_below(others: NDArray[np.int64], place: NDArray[np.int64]) -> Floats:
    """Share of the others' places that are below each place, ties half."""
    counts = np.bincount(others, minlength=int(place.max()) + 1)
    below = np.cumsum(counts) - counts / 2
    return np.asarray((below / len(others))[place])


class PrecisionInfluence(NamedTuple):
    """What each image adds to an average precision [N], and how far that tends to be above the truth."""

    influences: Floats
    bias: float


def average_precision_influence(
    positive: NDArray[np.bool_], scores: NDArray[np.floating]
) -> PrecisionInfluence:
    """Of the average precision, and its bias: a positive image is itself among those called at its score.

    Args:
        positive: bool [N].
        scores: [N].
    """
    positives = int(positive.sum())
    if positives == 0:
        return PrecisionInfluence(np.full(len(positive), np.nan), np.nan)
    # By distinct score, falling.
    _, place = np.unique(-scores, return_inverse=True)
    found = np.bincount(place, positive)
    called = np.cumsum(np.bincount(place))
    precision = np.cumsum(found) / called
    value = float((found * precision).sum() / positives)
    # An image is called at all scores up to its own, and changes the precision at each of them.
    own = np.cumsum((found / called)[::-1])[::-1]
    lost = np.cumsum((found * precision / called)[::-1])[::-1]
    influences = (positive * (precision - value + own)[place] - lost[place]) / positives
    return PrecisionInfluence(influences, float((found * (1 - precision) / called).sum() / positives))
