"""How well something predicts the class: AUC of each class against all others, with intervals by patients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.ranking import macro, weighted_auc
from cxr_cli.evaluation.uncertainty.estimates import Estimate, area_estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval

FOLDS = 5
INVERSE_PENALTY = 0.01
"""Of the classifier of regions: they have more features than there are images to fit on."""


def region_classifier() -> Pipeline:
    """Predict the class from a region: standardized features, logistic regression, balanced class weights."""
    regression = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), regression)


Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Places of the images that a model is fitted on, and of those it then scores."""


def patient_folds(labels: NDArray[np.int64], patients: NDArray[np.int64], classes: Sequence[str]) -> Folds:
    """Divide images into folds, stratified by class, no patient in two of them.

    Args:
        labels: int [N], class numbers.
        patients: int [N], patient numbers.
        classes: class names.

    Returns:
        Five folds, or as many as the class with fewest patients has patients.

    Raises:
        BadInput: a class has no two patients.
    """
    patients_of_class = [len(np.unique(patients[labels == number])) for number in range(len(classes))]
    fewest = min(patients_of_class)
    if fewest < 2:
        raise BadInput(
            f"class {classes[patients_of_class.index(fewest)]!r} has {fewest} patient{'s' * (not fewest)} "
            "among the images that train and validate; an audit needs 2 or more"
        )
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    return list(folds.split(labels, labels, patients))


def out_of_fold_scores(
    model: BaseEstimator, features: Any, labels: NDArray[np.int64], folds: Folds
) -> Floats:
    """Score each image by a model fitted on the images of other folds.

    Args:
        model: a scikit-learn classifier with probabilities; it is refitted for each fold.
        features: N rows, as the model takes them.
        labels: int [N], class numbers 0 ... C-1, each there.
        folds: of these images.

    Returns:
        float64 [N, C], 0 ... 1.
    """
    scores = np.zeros((len(labels), labels.max() + 1))
    for fitted_on, scored in folds:
        fitted = clone(model).fit(features[fitted_on], labels[fitted_on])
        scores[np.ix_(scored, fitted.classes_)] = fitted.predict_proba(features[scored])
    return scores


def auc_by_class(
    labels: NDArray[np.int64],
    scores: NDArray[np.floating],
    patients: NDArray[np.int64],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Compute the AUC of each class against all others, and their mean.

    Args:
        labels: int [N], class numbers.
        scores: [N, C].
        patients: int [N], patient numbers.
        classes: class names.
        rng: resamples patients.

    Returns:
        `auc`, the mean over the classes, and `per_class`, by name: {"value", "low", "high", "method"}, for a
        class also "p", see `patient_p`; None where a class has no image or all of them.
    """
    each = {}
    for number, name in enumerate(classes):
        of_class = labels == number, scores[:, number], patients
        each[name] = {**area_estimate(*of_class).as_json(), "p": patient_p(*of_class)}
    resampled = over_resamples(
        lambda weights: {"auc": macro(weighted_auc, labels, scores, weights)}, patients, rng
    )
    value = float(macro(weighted_auc, labels, scores, np.ones((1, len(labels))))[0])
    return {
        "auc": Estimate(value, percentile_interval(resampled["auc"])).as_json(),
        "per_class": each,
    }


def patient_p(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], patients: NDArray[np.int64]
) -> float | None:
    """Test whether positive images score higher than by chance, a patient counting once however many images.

    One-sided Mann-Whitney test of the patients' mean scores; a patient with images of both kinds counts once
    among each.

    Returns:
        p, 0 ... 1; None without positives or negatives.
    """
    if positive.all() or not positive.any():
        return None
    means = [
        pd.Series(scores[images]).groupby(patients[images]).mean().to_numpy()
        for images in (positive, ~positive)
    ]
    return float(mannwhitneyu(*means, alternative="greater").pvalue)
