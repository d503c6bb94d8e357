"""Recalibration of scores: fitted on validation images, applied to others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.choices import CalibrationMethod
from cxr_cli.evaluation.metrics.calibration import CLIP, log_odds
from cxr_cli.evaluation.metrics.confusion import Floats


@dataclass(frozen=True)
class Calibration:
    """A map from scores to probabilities.

    Attributes:
        method: temperature scaling (Guo et al. 2017, ICML: one number), Platt's (1999: a slope and an
            intercept for each class), or isotonic regression (Zadrozny & Elkan 2002, KDD: a rising function
            for each class).
        parameters: by name; of each class in turn, but for the temperature.
        images: validation images that it was fitted on.
    """

    method: CalibrationMethod
    parameters: Mapping[str, list[Any]]
    images: int

    def apply(self, scores: NDArray[np.floating]) -> NDArray[np.float32]:
        """Turn scores [N, C] of 0 ... 1 into probabilities float32 [N, C] that sum to 1."""
        return np.asarray(APPLY[self.method](scores.astype(np.float64), self.parameters), np.float32)

    def as_json(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {"method": self.method, "fitted_on": "val", "images": self.images, **self.parameters}


def fit_calibration(
    method: CalibrationMethod, scores: NDArray[np.floating], labels: NDArray[np.int64]
) -> Calibration:
    """Fit a calibration.

    Args:
        method: see `Calibration`.
        scores: [N, C], 0 ... 1, of validation images.
        labels: int [N], class numbers.

    Raises:
        BadInput: a class has no image.
    """
    counts = np.bincount(labels, minlength=scores.shape[1])
    if not counts.min():
        raise BadInput("validation has no image of a class, so that its scores cannot be calibrated")
    return Calibration(method, FIT[method](scores.astype(np.float64), labels), len(labels))


def _log(scores: Floats) -> Floats:
    return np.asarray(np.log(np.clip(scores, CLIP, 1.0)))


def _fit_temperature(scores: Floats, labels: NDArray[np.int64]) -> dict[str, list[Any]]:
    from scipy.optimize import minimize_scalar  # a quarter of a second that predictions need not wait for

    logs, each = _log(scores), np.arange(len(labels))
    found = minimize_scalar(
        lambda log_temperature: -log_softmax(logs / np.exp(log_temperature), axis=1)[each, labels].mean(),
        bounds=(-4.0, 4.0),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return {"temperature": [float(np.exp(found.x))]}


def _apply_temperature(scores: Floats, parameters: Mapping[str, list[Any]]) -> Floats:
    return np.asarray(softmax(_log(scores) / parameters["temperature"][0], axis=1))


def _fit_platt(scores: Floats, labels: NDArray[np.int64]) -> dict[str, list[Any]]:
    fits = [_platt_of(scores[:, number], labels == number) for number in _fitted_classes(scores)]
    return {"slope": [slope for slope, _ in fits], "intercept": [intercept for _, intercept in fits]}


def _platt_of(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit slope and intercept to Platt's targets, which are a little inside 0 and 1 (his equation 1)."""
    from scipy.optimize import minimize

    odds, positives = log_odds(scores), int(positive.sum())
    targets = np.where(positive, (positives + 1) / (positives + 2), 1 / (len(scores) - positives + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters[0] * odds + parameters[1]
        residual = expit(z) - targets
        value = (np.logaddexp(0, z) - targets * z).sum()
        return float(value), np.array([residual @ odds, residual.sum()])

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(slope), float(intercept)


def _apply_platt(scores: Floats, parameters: Mapping[str, list[Any]]) -> Floats:
    pairs = zip(parameters["slope"], parameters["intercept"], strict=True)
    fitted = [
        expit(slope * log_odds(scores[:, number]) + intercept)
        for number, (slope, intercept) in zip(_fitted_classes(scores), pairs, strict=True)
    ]
    return _normalized(np.stack(fitted, axis=1))


def _fit_isotonic(scores: Floats, labels: NDArray[np.int64]) -> dict[str, list[Any]]:
    from sklearn.isotonic import IsotonicRegression

    fits = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[:, number], labels == number)
        for number in _fitted_classes(scores)
    ]
    return {
        "scores": [fit.X_thresholds_.tolist() for fit in fits],
        "chances": [fit.y_thresholds_.tolist() for fit in fits],
    }


def _apply_isotonic(scores: Floats, parameters: Mapping[str, list[Any]]) -> Floats:
    steps = zip(parameters["scores"], parameters["chances"], strict=True)
    fitted = [
        np.interp(scores[:, number], x, y)
        for number, (x, y) in zip(_fitted_classes(scores), steps, strict=True)
    ]
    return _normalized(np.stack(fitted, axis=1))


def _fitted_classes(scores: Floats) -> list[int]:
    """Of two classes the second is fitted alone, and the first is its complement; else each."""
    return [1] if scores.shape[1] == 2 else list(range(scores.shape[1]))


def _normalized(fitted: Floats) -> Floats:
    if fitted.shape[1] == 1:
        return np.concatenate([1 - fitted, fitted], axis=1)
    total = fitted.sum(1, keepdims=True)
    return np.where(total > 0, fitted / np.where(total > 0, total, 1), 1 / fitted.shape[1])


FIT: Mapping[CalibrationMethod, Callable[[Floats, NDArray[np.int64]], dict[str, list[Any]]]] = {
    "temperature": _fit_temperature,
    "platt": _fit_platt,
    "isotonic": _fit_isotonic,
}
APPLY: Mapping[CalibrationMethod, Callable[[Floats, Mapping[str, list[Any]]], Floats]] = {
    "temperature": _apply_temperature,
    "platt": _apply_platt,
    "isotonic": _apply_isotonic,
}
