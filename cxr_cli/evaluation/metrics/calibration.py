"""How far scores are from being probabilities, over many weightings of the same images at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cxr_cli.evaluation.metrics.confusion import Floats, ratio

BINS = 10
CLIP = 1e-7
"""How near to 0 and 1 a score may come in log odds."""
NEWTON_STEPS = 50
LONGEST_STEP = 2.0
CONVERGED = 1e-10
SETTLED = 1e-6
WELL_CONDITIONED = 1e12


def are_probabilities(scores: NDArray[np.floating]) -> bool:
    """Return whether scores [N, C] lie in 0 ... 1 and sum to 1 for each image, to the second decimal."""
    in_range = bool(((scores >= 0) & (scores <= 1)).all())
    return in_range and bool((np.abs(scores.sum(1) - 1) <= 0.01).all())


def squared_errors(truth: NDArray[np.floating], scores: NDArray[np.floating]) -> Floats:
    """Compute the squared distance of scores from the truth, summed over what is scored: float64 [N].

    Its mean is Brier's score.

    For two classes give the positive one alone (0 ... 1, as Brier's score is known in medicine), for more all
    of them (0 ... 2, Brier 1950).

    Args:
        truth, scores: [N, C], the truth 0 or 1.
    """
    return np.asarray(((scores.astype(np.float64) - truth) ** 2).sum(1))


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


class LogisticFit(NamedTuple):
    """Logit of the true chance = intercept + slope * logit of the score: [R] each, NaN where unknown."""

    intercept: Floats
    slope: Floats


def log_odds(chance: NDArray[np.floating]) -> Floats:
    """Take the logit of scores, those of 0 and 1 a little inside."""
    return np.asarray(logit(np.clip(chance.astype(np.float64), CLIP, 1 - CLIP)))


def weighted_calibration_slope(
    happened: NDArray[np.bool_], chance: NDArray[np.floating], weights: Floats
) -> LogisticFit:
    """Fit the logistic recalibration of scores: slope 1 and intercept 0 where they are calibrated.

    A slope below 1 means scores that are too extreme (Cox 1958; Van Calster et al. 2019, BMC Medicine
    17:230, "weak calibration").

    Args:
        happened: bool [N].
        chance: [N], 0 ... 1.
        weights: [R, N].
    """
    odds = log_odds(chance)
    intercept, slope = np.zeros(len(weights)), np.ones(len(weights))
    known = _has_both(happened, weights) & (np.ptp(odds) > 0 if odds.size else False)
    for _ in range(NEWTON_STEPS):
        fitted = expit(intercept[:, None] + slope[:, None] * odds)
        residual, spread = weights * (happened - fitted), weights * fitted * (1 - fitted)
        first, second = residual.sum(1), residual @ odds
        a, b, c = spread.sum(1), spread @ odds, spread @ odds**2
        with np.errstate(invalid="ignore", divide="ignore"):
            determinant = a * c - b**2
            newton = np.stack([c * first - b * second, a * second - b * first]) / determinant
        steps = np.nan_to_num(newton, nan=0.0, posinf=0.0, neginf=0.0)
        # A shorter step where Newton's is long: far from the optimum it overshoots.
        steps *= LONGEST_STEP / np.maximum(np.abs(steps).max(0), LONGEST_STEP)
        intercept, slope = intercept + steps[0], slope + steps[1]
        if np.abs(steps).max(initial=0) < CONVERGED:
            break
    # Not so where scores divide the classes perfectly: the slope grows without end.
    settled = known & np.isfinite(newton).all(0) & (np.abs(steps) < SETTLED).all(0)
    return LogisticFit(np.where(settled, intercept, np.nan), np.where(settled, slope, np.nan))


def weighted_calibration_intercept(
    happened: NDArray[np.bool_], chance: NDArray[np.floating], weights: Floats
) -> Floats:
    """Fit the intercept with a slope of 1, calibration in the large: above 0 where scores are too low.

    Args:
        happened: bool [N].
        chance: [N], 0 ... 1.
        weights: [R, N].

    Returns:
        float64 [R], on the scale of log odds; NaN where one class has no weight.
    """
    odds = log_odds(chance)
    intercept = np.zeros(len(weights))
    for _ in range(NEWTON_STEPS):
        fitted = expit(intercept[:, None] + odds)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = (weights * (happened - fitted)).sum(1) / (weights * fitted * (1 - fitted)).sum(1)
        step = np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        intercept = intercept + step
        if np.nanmax(np.abs(step), initial=0) < CONVERGED:
            break
    return np.where(_has_both(happened, weights), intercept, np.nan)


def _has_both(happened: NDArray[np.bool_], weights: Floats) -> NDArray[np.bool_]:
    return np.asarray(((weights @ happened) > 0) & ((weights @ ~happened) > 0))


def calibration_errors(
    happened: NDArray[np.bool_], chance: NDArray[np.floating], patients: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Compute standard errors by patient: of the intercept with slope 1, and of both, fitted together.

    The jackknife over patients in one step: how far the fit moves without each of them. That is the sandwich
    estimator with patients as clusters, corrected for leverage (Bell & McCaffrey 2002, Survey Methodology
    28:169).

    Returns:
        Of the intercept alone, and of intercept and slope; NaN where there is no fit.
    """
    ones = np.ones((1, len(happened)))
    odds = log_odds(chance)
    alone = weighted_calibration_intercept(happened, chance, ones)[0]
    both = weighted_calibration_slope(happened, chance, ones)
    design = np.stack([np.ones(len(odds)), odds], axis=1)
    of_alone = _jackknife(happened, expit(alone + odds), design[:, :1], patients)
    of_both = _jackknife(happened, expit(both.intercept[0] + both.slope[0] * odds), design, patients)
    return float(of_alone[0]), float(of_both[0]), float(of_both[1])


def _jackknife(
    happened: NDArray[np.bool_], fitted: Floats, design: Floats, patients: NDArray[np.int64]
) -> Floats:
    if np.isnan(fitted).any():
        return np.full(design.shape[1], np.nan)
    _, patient = np.unique(patients, return_inverse=True)

    def by_patient(values: Floats) -> Floats:
        return np.stack([np.bincount(patient, column) for column in values.T], axis=1)

    summed = by_patient((happened - fitted)[:, None] * design)
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(-1, size**2)
    information = by_patient(products * (fitted * (1 - fitted))[:, None]).reshape(-1, size, size)
    without = information.sum(0) - information
    # Rounding where scores nearly divide the classes, or a patient alone holds the fit.
    if not (np.linalg.cond(without) < WELL_CONDITIONED).all():
        return np.full(size, np.nan)
    moved = np.linalg.solve(without, summed[:, :, None])[:, :, 0]
    return np.asarray(np.sqrt((moved**2).sum(0) * (len(moved) - 1) / len(moved)))


def weighted_mean(values: NDArray[np.floating], weights: Floats) -> Floats:
    """Average [N] values under each weighting [R, N]; NaN without weight."""
    return ratio(weights @ values, weights.sum(1))
