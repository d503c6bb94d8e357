"""Recalibration: against scikit-learn, and what it promises of any scores."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss, roc_auc_score

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.choices import CalibrationMethod
from cxr_cli.evaluation.recalibration import Calibration, fit_calibration

METHODS: tuple[CalibrationMethod, ...] = ("temperature", "platt", "isotonic")


def overconfident(classes: int, images: int = 600, factor: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logits are `factor` times those that labels are drawn by."""
    rng = np.random.default_rng(classes)
    logits = rng.normal(0, 1.2, (images, classes))
    chance = softmax(logits, axis=1)
    labels = np.array([rng.choice(classes, p=row) for row in chance])
    return softmax(factor * logits, axis=1).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_calibrated_scores_are_probabilities_that_fit_better(method: CalibrationMethod, classes: int) -> None:
    scores, labels = overconfident(classes)
    fitted, others = slice(0, 300), slice(300, None)
    calibration = fit_calibration(method, scores[fitted], labels[fitted])
    found = calibration.apply(scores[others])
    assert found.dtype == np.float32
    assert found.sum(1) == pytest.approx(1, abs=1e-6)
    assert found.min() >= 0
    clipped = np.clip(found, 1e-3, 1)
    before, after = (
        log_loss(labels[others], of / of.sum(1, keepdims=True)) for of in (scores[others], clipped)
    )
    assert after < before - 0.1


def test_the_temperature_is_the_factor_of_the_logits() -> None:
    scores, labels = overconfident(3, images=4000)
    [temperature] = fit_calibration("temperature", scores, labels).parameters["temperature"]
    assert temperature == pytest.approx(3.0, rel=0.06)


def test_platt_fits_a_logistic_regression_to_his_targets() -> None:
    # Two scores, 10 images each, 2 and 7 of them positive: Platt's targets are 10/11 and 1/13.
    scores = np.repeat([0.3, 0.6], 10)
    labels = np.array([1] * 2 + [0] * 8 + [1] * 7 + [0] * 3)
    calibration = fit_calibration("platt", np.stack([1 - scores, scores], 1), labels)
    high, low = 10 / 11, 1 / 13
    expected = [(2 * high + 8 * low) / 10, (7 * high + 3 * low) / 10]  # two points determine the line
    found = calibration.apply(np.array([[0.7, 0.3], [0.4, 0.6]]))[:, 1]
    assert found == pytest.approx(expected, abs=1e-5)
    slope, intercept = calibration.parameters["slope"][0], calibration.parameters["intercept"][0]
    assert expit(slope * logit(0.3) + intercept) == pytest.approx(expected[0], abs=1e-5)


def test_isotonic_is_scikit_learn_s() -> None:
    scores, labels = overconfident(2, 200)
    calibration = fit_calibration("isotonic", scores, labels)
    reference = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[:, 1], labels)
    others = np.linspace(0, 1, 50)
    found = calibration.apply(np.stack([1 - others, others], 1))[:, 1]
    assert found == pytest.approx(reference.predict(others), abs=1e-6)


@given(st.integers(0, 1000))
def test_of_two_classes_the_order_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chance = rng.random(40)
    labels = np.append(rng.random(38) < chance[:38], [True, False]).astype(int)
    scores = np.stack([1 - chance, chance], 1)
    # Platt's slope is below 0 where scores are worse than chance; then the order is turned.
    calibration = fit_calibration("temperature", scores, labels)
    assert roc_auc_score(labels, calibration.apply(scores)[:, 1]) == pytest.approx(
        roc_auc_score(labels, chance)
    )


def test_scores_of_0_and_1_stay_finite() -> None:
    scores = np.array([[0, 1], [1, 0], [0.5, 0.5], [0, 1]], float)
    for method in METHODS:
        found = fit_calibration(method, scores, np.array([1, 0, 1, 0])).apply(scores)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_is_the_same_after_json(method: CalibrationMethod) -> None:
    scores, labels = overconfident(3, 60)
    calibration = fit_calibration(method, scores, labels)
    record = json.loads(json.dumps(calibration.as_json(), allow_nan=False))
    assert (record["fitted_on"], record["images"]) == ("val", 60)
    again = Calibration(method, {name: record[name] for name in calibration.parameters}, 60)
    assert np.array_equal(again.apply(scores), calibration.apply(scores))


def test_a_class_without_validation_images_is_refused() -> None:
    with pytest.raises(BadInput, match="no image of a class"):
        fit_calibration("platt", np.full((3, 3), 1 / 3), np.array([0, 0, 1]))
