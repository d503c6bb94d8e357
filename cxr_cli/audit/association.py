"""Class and characteristics: how strongly they go together, and how well the latter predict the former."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from cxr_cli.audit.predictability import auc_by_class, out_of_fold_scores, patient_folds, refitted_p
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval

PERMUTATIONS = 2000
PENALTY = 4.0
"""Of a ridge regression like `characteristic_classifier`, see `REGIONS_PENALTY`."""
AT_ONCE = 100
"""Permutations that are held in memory together."""


def bias_corrected_v(tables: Floats, samplings: int = 1) -> Floats:
    """Compute Cramér's V, corrected for its bias (Bergsma 2013, J. Korean Stat. Soc. 42, 323-328).

    Args:
        tables: [..., K, C], counts or weights, not negative.
        samplings: how often what is counted was sampled: 2 for resamples of a sample, which have the bias
            twice.

    Returns:
        [...], 0 ... 1; NaN where fewer than two rows or two columns have counts.
    """
    n = tables.sum((-2, -1))
    rows, columns = ((tables.sum(axis) > 0).sum(-1) for axis in (-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = samplings / (n - 1)
        phi2 = _chi_squared(tables) / n - bias * (rows - 1) * (columns - 1)
        effective = [count - bias * (count - 1) ** 2 for count in (rows, columns)]
        v = np.sqrt(np.maximum(phi2, 0) / (np.minimum(*effective) - 1))
    return np.where((rows > 1) & (columns > 1), np.minimum(v, 1.0), np.nan)


def _chi_squared(tables: Floats) -> Floats:
    """Pearson's chi-squared of tables [..., K, C]; empty rows and columns add nothing."""
    expected = (
        tables.sum(-1, keepdims=True) * tables.sum(-2, keepdims=True) / tables.sum((-2, -1), keepdims=True)
    )
    share = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    return np.asarray(share.sum((-2, -1)))


def permutation_p(
    levels: NDArray[np.int64],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> float:
    """Test whether class and characteristic go together more than by chance.

    The patients change classes with each other, each keeping its images' levels, so that images of one
    patient do not count as many; a patient of several classes has the one of most images. By chi-squared.

    Args:
        levels: int [N], the characteristic's levels by number.
        labels: int [N], class numbers.
        patients: int [N], patient numbers.
        rng: of the permutations.
        permutations: how many.

    Returns:
        p, from 1 / (permutations + 1) to 1.
    """
    of_level, of_class = (
        pd.crosstab(patients, each).to_numpy(np.float64) for each in (levels, labels)
    )  # [P, K] and [P, C], images
    classes = np.eye(of_class.shape[1])[of_class.argmax(1)]
    least = _chi_squared(of_level.T @ classes) * (1 - 1e-9)  # rounding is no difference
    exceeded = 0
    for start in range(0, permutations, AT_ONCE):
        places = np.tile(np.arange(len(classes)), (min(AT_ONCE, permutations - start), 1))
        tables = of_level.T @ classes[rng.permuted(places, axis=1)]
        exceeded += int((_chi_squared(tables) >= least).sum())
    return (1 + exceeded) / (1 + permutations)


def characteristic_classifier() -> Pipeline:
    """Predict the class from characteristics alone: one-hot levels, logistic regression, balanced classes."""
    encoder = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(encoder, LogisticRegression(class_weight="balanced", max_iter=1000))


def cramers_v(
    levels: NDArray[np.int64],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> Estimate:
    """Compute the bias-corrected V of a characteristic and the class, with limits by patients.

    Args:
        levels: int [N], the characteristic's levels by number.
        labels: int [N], class numbers.
        patients: int [N], patient numbers.
        rng: resamples patients.
    """
    cells = np.einsum("nk,nc->nkc", np.eye(levels.max() + 1)[levels], np.eye(labels.max() + 1)[labels])
    resampled = over_resamples(
        lambda weights: {"v": bias_corrected_v(np.tensordot(weights, cells, 1), samplings=2)}, patients, rng
    )
    return Estimate(float(bias_corrected_v(cells.sum(0))), percentile_interval(resampled["v"]))


def associations(
    characteristics: pd.DataFrame,
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Describe how class and characteristics go together.

    Args:
        characteristics: one row an image, one column a characteristic, its levels as text.
        labels: int [N], class numbers.
        patients: int [N], patient numbers.
        classes: class names.
        rng: of permutations and resamples.

    Returns:
        `characteristics`, by name: `counts` (images by level and class), `cramers_v` (bias-corrected, with
        limits), `p`, and `auc` and `per_class`, out of fold, of a classifier of this characteristic alone;
        `together`, the AUC of one of all of them, None without any.

    Raises:
        BadInput: see `patient_folds`.
    """

    folds = patient_folds(labels, patients, classes)

    def predictability(columns: list[str]) -> dict[str, Any]:
        features = characteristics[columns].to_numpy(dtype=object)
        scores = out_of_fold_scores(characteristic_classifier(), features, labels, folds)
        levels = pd.get_dummies(characteristics[columns], dtype=float).to_numpy()
        p = refitted_p(levels, labels, patients, folds, PENALTY, rng)
        return auc_by_class(labels, scores, patients, classes, rng, (folds, p))

    def describe(name: str) -> dict[str, Any]:
        levels, level_names = pd.factorize(characteristics[name], sort=True)
        return {
            "counts": {
                str(level): {
                    label: int(((levels == place) & (labels == number)).sum())
                    for number, label in enumerate(classes)
                }
                for place, level in enumerate(level_names)
            },
            "cramers_v": cramers_v(levels, labels, patients, rng).as_json(),
            "p": permutation_p(levels, labels, patients, rng),
            **predictability([name]),
        }

    names = list(map(str, characteristics))
    return {
        "characteristics": {name: describe(name) for name in names},
        "together": predictability(names) if names else None,
    }
