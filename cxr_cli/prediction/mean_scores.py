"""The mean of several models' scores, and what it predicts: of an ensemble, of seeds, of compared models."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.operating_point import called


class MeanScores(NamedTuple):
    """Scores of N images of C classes, averaged over models.

    Attributes:
        values: the means [N, C], in the models' own precision.
        spread: their standard deviation over the models [N, C], NaN of a single one.
        threshold: of the positive class's mean score, [N]; None where the highest score decides.
        predicted: int [N], class numbers.
    """

    values: NDArray[np.floating]
    spread: NDArray[np.floating]
    threshold: NDArray[np.float64] | None
    predicted: NDArray[np.int64]


def mean_scores(
    scores: Sequence[NDArray[np.floating]],
    positive: int | None = None,
    thresholds: Sequence[float | NDArray[np.float64] | None] = (),
) -> MeanScores:
    """Average the scores of models.

    The threshold is the mean of theirs: each was chosen on validation images of its own, which other models
    may have been trained on. Where one has none, the highest mean score decides.

    Args:
        scores: [N, C] of each model.
        positive: of two classes, the number of the one that thresholds are of.
        thresholds: of each model, of all images or of each [N]; empty where there are none.
    """
    every = np.stack(scores)
    values = every.mean(0, dtype=np.float64).astype(every.dtype)
    several = len(scores) > 1
    spread = every.std(0, ddof=1, dtype=np.float64) if several else np.full(values.shape, np.nan)
    mean = mean_threshold([None if of is None else np.broadcast_to(of, len(values)) for of in thresholds])
    if positive is None or mean is None:
        return MeanScores(values, spread.astype(every.dtype), None, values.argmax(1))
    return MeanScores(values, spread.astype(every.dtype), mean, called(values, positive, mean))


def mean_threshold(thresholds: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    """Average thresholds, one an image or model; None where one is missing, or there is none."""
    known = [of for of in thresholds if of is not None]
    return np.asarray(np.mean(known, axis=0)) if known and len(known) == len(thresholds) else None
