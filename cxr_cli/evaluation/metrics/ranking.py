"""Metrics of how scores rank images, over many weightings of the same images at once.

A weighting says how often each image counts: bootstrap multiplicities, or 0 and 1 for a stratum. Images are
sorted once for all of them; each metric equals scikit-learn's with those sample weights.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.confusion import Floats, ratio

RankingFunction = Callable[[NDArray[np.bool_], NDArray[np.floating], Floats], Floats]


def weighted_auc(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats) -> Floats:
    """Compute the area under the ROC curve: the chance that a positive image scores above a negative one.

    Images of the same score count half (Mann and Whitney).

    Args:
        positive: bool [N].
        scores: [N], any scale, higher is more positive.
        weights: [R, N], 0 or more.

    Returns:
        float64 [R], 0 ... 1; NaN where one class has no weight.
    """
    positives, negatives = _weight_by_score(positive, scores, weights)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(1) * negatives.sum(1)
    return ratio((positives * below).sum(1), pairs)


def weighted_average_precision(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats
) -> Floats:
    """Compute the average precision: the sum over thresholds of precision times gain in sensitivity.

    Images of the same score come in together, and nothing is interpolated.

    Args, returns: as `weighted_auc`; NaN where no positive image has weight.
    """
    positives, negatives = _weight_by_score(positive, scores, weights)
    hits = np.cumsum(positives[:, ::-1], axis=1)
    called = hits + np.cumsum(negatives[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return ratio((positives[:, ::-1] * precision).sum(1), hits[:, -1])


def one_vs_rest(
    function: RankingFunction, labels: NDArray[np.int64], scores: NDArray[np.floating], weights: Floats
) -> Floats:
    """Compute a metric of each class against all others.

    Args:
        function: such as `weighted_auc`.
        labels: int [N], class numbers.
        scores: [N, C].
        weights: [R, N].

    Returns:
        float64 [R, C].
    """
    return np.stack(
        [function(labels == number, scores[:, number], weights) for number in range(scores.shape[1])], axis=1
    )


class RocCurve(NamedTuple):
    """Rates [K] from (0, 0) to (1, 1)."""

    false_positives: Floats
    true_positives: Floats


def roc_points(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> RocCurve | None:
    """Compute the ROC curve's corners; None where one class has no image."""
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import roc_curve  # loading it takes longer than most commands that have no curve

    false_positives, true_positives, _ = roc_curve(positive, scores)
    return RocCurve(false_positives, true_positives)


def weighted_roc_value(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats, false_positives: Floats
) -> Floats:
    """Read the sensitivity off the ROC curve at a false positive rate, under each weighting.

    Between its corners the curve is a straight line, as the AUC has it.

    Args:
        positive: bool [N].
        scores: [N].
        weights: [R, N].
        false_positives: [R], 1 - specificity.

    Returns:
        float64 [R]; NaN where a class has no weight.
    """
    positives, negatives = _weight_by_score(positive, scores, weights)
    reached = np.cumsum(positives[:, ::-1], axis=1)
    spent = np.cumsum(negatives[:, ::-1], axis=1)
    found = np.full(len(weights), np.nan)
    for row in np.flatnonzero((reached[:, -1] > 0) & (spent[:, -1] > 0)):
        across, up = (
            np.append(0.0, spent[row] / spent[row, -1]),
            np.append(0.0, reached[row] / reached[row, -1]),
        )
        # Of several sensitivities at one rate the highest, as on the curve's upper corner.
        last = np.append(np.diff(across) > 0, True)
        found[row] = np.interp(false_positives[row], across[last], up[last])
    return found


def _weight_by_score(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats
) -> tuple[Floats, Floats]:
    """Sum the weights of positive and of negative images at each distinct score, rising: two of [R, S]."""
    if scores.size == 0:
        return np.zeros((len(weights), 1)), np.zeros((len(weights), 1))
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    ordered, is_positive = np.asarray(weights, np.float64)[:, order], positive[order]
    every = np.add.reduceat(ordered, starts, axis=1)
    positives = np.add.reduceat(ordered * is_positive, starts, axis=1)
    return positives, every - positives
