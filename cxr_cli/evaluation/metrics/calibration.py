"""How far scores are from being probabilities, over many weightings of the same images at once."""

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.confusion import Floats, ratio

BINS = 10


def are_probabilities(scores: NDArray[np.floating]) -> bool:
    """Return whether scores [N, C] lie in 0 ... 1 and sum to 1 for each image, to the second decimal."""
    in_range = bool(((scores >= 0) & (scores <= 1)).all())
    return in_range and bool((np.abs(scores.sum(1) - 1) <= 0.01).all())


def weighted_brier(truth: NDArray[np.floating], scores: NDArray[np.floating], weights: Floats) -> Floats:
    """Average the squared distance of scores from the truth, summed over what is scored.

    For two classes give the positive one alone (0 ... 1, as Brier's score is known in medicine), for more all
    of them (0 ... 2, Brier 1950).

    Args:
        truth, scores: [N, C], the truth 0 or 1.
        weights: [R, N].

    Returns:
        float64 [R].
    """
    errors = ((scores.astype(np.float64) - truth) ** 2).sum(1)
    return weighted_mean(errors, weights)


def weighted_calibration_error(
    happened: NDArray[np.bool_], chance: NDArray[np.floating], weights: Floats
) -> Floats:
    """Compute the expected calibration error over ten bins of equal width.

    The mean over images of |share of images in the bin for which it happened - mean chance in the bin|
    (Naeini et al. 2015).

    Args:
        happened: bool [N]: the image is positive; or, for more classes, the predicted class is the true one.
        chance: [N], 0 ... 1, the score that says so.
        weights: [R, N].

    Returns:
        float64 [R], 0 ... 1; NaN without weight.
    """
    bins = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    differences = np.zeros((len(chance), BINS))
    differences[np.arange(len(chance)), bins] = happened - chance.astype(np.float64)
    return ratio(np.abs(weights @ differences).sum(1), weights.sum(1))


def weighted_mean(values: NDArray[np.floating], weights: Floats) -> Floats:
    """Average [N] values under each weighting [R, N]; NaN without weight."""
    return ratio(weights @ values, weights.sum(1))
