"""How well something predicts the class: AUC of each class against all others, with intervals by patients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm, rankdata
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.metrics.confusion import Floats, ratio
from cxr_cli.evaluation.metrics.influence import placements
from cxr_cli.evaluation.metrics.ranking import weighted_auc
from cxr_cli.evaluation.uncertainty.estimates import Estimate, area_estimate
from cxr_cli.evaluation.uncertainty.intervals import (
    UNKNOWN,
    area_interval,
    over_resamples,
    percentile_interval,
)

FOLDS = 5
INVERSE_PENALTY = 0.01
"""Of the classifier of regions: they have more features than there are images to fit on."""
REGIONS_PENALTY = 4 / INVERSE_PENALTY
"""Of a ridge regression like it: the logistic loss is a quarter as steep as the squared one."""
PERMUTATIONS = (200, 1000)
"""Fewest and most of `refitted_p`; of many patients few are enough."""
PERMUTED_PATIENTS = 500_000
"""Patients of all permutations together."""


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
    out_of_fold: tuple[Folds, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Compute the AUC of each class against all others, and their mean.

    Out-of-fold scores are compared within folds, and each fold counts by its pairs of images: a model that
    saw fewer images of a class scores the class lower, and finds more of it in the fold that it scores.
    Across folds that alone makes an AUC below 0.5 (Parker et al. 2007, BMC Bioinformatics 8:326).

    Args:
        labels: int [N], class numbers.
        scores: [N, C].
        patients: int [N], patient numbers.
        classes: class names.
        rng: resamples patients.
        out_of_fold: the folds whose models gave the scores, and p of each class, see `refitted_p`; None of
            one model that saw none of the images, whose p are by `patient_p`.

    Returns:
        `auc`, the mean over the classes, and `per_class`, by name: {"value", "low", "high", "method"}, for a
        class also "p"; None where a class has no image or all of them.
    """
    p: Sequence[float | None]
    if out_of_fold is None:
        fold = np.zeros(len(labels), np.int64)
        p = [patient_p(labels == number, scores[:, number], patients) for number in range(len(classes))]
    else:
        folds, p = out_of_fold
        fold = _fold_numbers(folds, len(labels))
    each = {
        name: {
            **_area(labels == number, scores[:, number], patients, fold).as_json(),
            "p": p[number],
        }
        for number, name in enumerate(classes)
    }

    def mean_auc(weights: Floats) -> dict[str, Floats]:
        of_classes = [
            _weighted_area(labels == number, scores[:, number], weights, fold)
            for number in range(len(classes))
        ]
        return {"auc": np.mean(of_classes, axis=0)}

    value = float(mean_auc(np.ones((1, len(labels))))["auc"][0])
    resampled = over_resamples(mean_auc, patients, rng)
    return {"auc": Estimate(value, percentile_interval(resampled["auc"])).as_json(), "per_class": each}


def _fold_numbers(folds: Folds, images: int) -> NDArray[np.int64]:
    """Number the fold in which each image is scored: int [N]."""
    fold = np.zeros(images, np.int64)
    for number, (_, scored) in enumerate(folds):
        fold[scored] = number
    return fold


def _weighted_area(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Floats, fold: NDArray[np.int64]
) -> Floats:
    """Compute the AUC within folds [N] under each weighting [R, N]: [R], NaN without a pair."""
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for images in (fold == number for number in np.unique(fold)):
        of_fold, is_positive = weights[:, images], positive[images]
        of_pairs = (of_fold @ is_positive) * (of_fold @ ~is_positive)
        won += np.nan_to_num(weighted_auc(is_positive, scores[images], of_fold)) * of_pairs
        pairs += of_pairs
    return ratio(won, pairs)


def _area(
    positive: NDArray[np.bool_],
    scores: NDArray[np.floating],
    patients: NDArray[np.int64],
    fold: NDArray[np.int64],
) -> Estimate:
    """Estimate the AUC within folds, by patients; the variance is that of the patients' influence on it."""
    if not fold.any():
        return area_estimate(positive, scores, patients)
    won, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for images in (fold == number for number in np.unique(fold)):
        is_positive = positive[images]
        if is_positive.any() and not is_positive.all():
            pairs[images] = np.where(is_positive, (~is_positive).sum(), is_positive.sum())
            won[images] = placements(is_positive, scores[images]) * pairs[images]
    every = pairs[positive].sum()
    if not every:
        return Estimate(np.nan, UNKNOWN)
    value = float(won[positive].sum() / every)
    _, patient = np.unique(patients, return_inverse=True)
    influence = np.bincount(patient, won - value * pairs) / every
    sides = [images & (pairs > 0) for images in (positive, ~positive)]
    of_patients = len(np.unique(patients[sides[0]])), len(np.unique(patients[sides[1]]))
    fewest = min(of_patients)
    variance = float((influence**2).sum()) * fewest / (fewest - 1) if fewest > 1 else np.nan
    of_images = int(sides[0].sum()), int(sides[1].sum())
    return Estimate(value, area_interval(value, variance, of_patients, of_images))


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


def refitted_p(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    folds: Folds,
    penalty: float,
    rng: np.random.Generator,
) -> list[float]:
    """Test whether features predict each class, of patients that a model was not fitted on, beyond chance.

    Patients of a fold change classes with each other, and everything is fitted again: models of different
    folds share patients, so that a test of their scores alone finds too much (p below 0.05 in 8% to 13% of
    simulations without any effect). So that this is fast, a patient is the mean of its images, of the class
    of most of them, and the model is a ridge regression; the statistic is the rank sum of a class within
    folds (van Elteren 1960). Where no permutation reaches it, p is that of a normal distribution with the
    permutations' mean and variance, if that is smaller.

    Args:
        features: [N, D], of images.
        labels: int [N], class numbers 0 ... C-1, each there.
        patients: int [N].
        folds: of these images, no patient in two of them.
        penalty: of the regression on standardized features.
        rng: of the permutations.

    Returns:
        p of each class, 0 ... 1.
    """
    _, first, patient = np.unique(patients, return_index=True, return_inverse=True)
    fold = _fold_numbers(folds, len(labels))
    # One row a patient, in the order of folds: a fold's rows stand together.
    order = np.argsort(fold[first], kind="stable")
    fold = fold[first][order]
    images = np.bincount(patient)[:, None]
    means = np.stack([np.bincount(patient, column) for column in features.T], axis=1) / images
    of_class = np.zeros((len(first), int(labels.max()) + 1))
    np.add.at(of_class, (patient, labels), 1)
    means, classes = means[order], of_class.argmax(1)[order]

    permutations = int(np.clip(PERMUTED_PATIENTS // len(first), *PERMUTATIONS))
    drawn = np.argsort(fold + rng.random((permutations, len(fold))), axis=1)
    drawn = np.concatenate([np.arange(len(fold))[None], drawn])
    # [P, R * C]: whether a patient is of a class, as it is first, and then in each permutation.
    truth = (classes[drawn][..., None] == np.arange(of_class.shape[1])).transpose(1, 0, 2)
    truth = truth.reshape(len(fold), -1).astype(np.float64)
    statistic = np.zeros(truth.shape[1])
    for held_out in (fold == number for number in np.unique(fold)):
        fitted_on, scored = (
            (means[rows] - means[~held_out].mean(0)) / np.maximum(means[~held_out].std(0), 1e-9)
            for rows in (~held_out, held_out)
        )
        inner = fitted_on.T @ fitted_on + penalty * np.eye(features.shape[1])
        scores = scored @ np.linalg.solve(inner, fitted_on.T @ truth[~held_out])
        # Rounding must part no ties: patients of one level have the same score.
        ranks = rankdata(np.round(scores, 9), axis=0)
        statistic += (ranks * truth[held_out]).sum(0) / (len(ranks) + 1)
    observed, *chance = statistic.reshape(permutations + 1, -1)
    found = (1 + (np.array(chance) >= observed - 1e-9).sum(0)) / (1 + permutations)
    spread = np.std(chance, axis=0)
    tail = norm.sf((observed - np.mean(chance, axis=0)) / np.maximum(spread, 1e-12))
    reached = (1 + permutations) * found > 1.5
    return [float(p) for p in np.where(reached, found, np.minimum(found, tail))]
