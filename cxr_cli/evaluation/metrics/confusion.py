"""Metrics of confusion matrices, each over any leading axes, so that resamples are one call.

A confusion matrix holds images as [..., true class, predicted class].
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Count images by true and predicted class: int [classes, classes]."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def accuracy(confusion: ArrayLike) -> Floats:
    """Share of images whose predicted class is the true one."""
    confusion = np.asarray(confusion, np.float64)
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def class_sensitivity(confusion: ArrayLike) -> Floats:
    """Share of each class's images predicted so (its recall), [..., C]; NaN for a class without images."""
    confusion = np.asarray(confusion, np.float64)
    return ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1))


def class_specificity(confusion: ArrayLike) -> Floats:
    """Share of the images of other classes that are not predicted as a class, [..., C]; NaN without such."""
    confusion = np.asarray(confusion, np.float64)
    images, of_class = confusion.sum((-2, -1))[..., None], confusion.sum(-1)
    false_alarms = confusion.sum(-2) - np.diagonal(confusion, axis1=-2, axis2=-1)
    others = images - of_class
    return ratio(others - false_alarms, others)


def class_precision(confusion: ArrayLike) -> Floats:
    """Share of the images predicted as a class that are of it, [..., C]; NaN for a class never predicted."""
    confusion = np.asarray(confusion, np.float64)
    return ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-2))


def class_f1(confusion: ArrayLike) -> Floats:
    """Harmonic mean of sensitivity and precision, [..., C]; 0 for a class with images but none found."""
    confusion = np.asarray(confusion, np.float64)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return ratio(2 * hits, confusion.sum(-1) + confusion.sum(-2))


def class_npv(confusion: ArrayLike) -> Floats:
    """Share of the images not predicted as a class that are not of it, [..., C]; NaN without such."""
    confusion = np.asarray(confusion, np.float64)
    images, predicted = confusion.sum((-2, -1))[..., None], confusion.sum(-2)
    missed = confusion.sum(-1) - np.diagonal(confusion, axis1=-2, axis2=-1)
    rejected = images - predicted
    return ratio(rejected - missed, rejected)


def class_positive_likelihood_ratio(confusion: ArrayLike) -> Floats:
    """Sensitivity over 1 - specificity, [..., C]; NaN for a specificity of 1."""
    return ratio(class_sensitivity(confusion), 1 - class_specificity(confusion))


def class_negative_likelihood_ratio(confusion: ArrayLike) -> Floats:
    """1 - sensitivity over specificity, [..., C]; NaN for a specificity of 0."""
    return ratio(1 - class_sensitivity(confusion), class_specificity(confusion))


def class_ppv_at(confusion: ArrayLike, prevalence: float) -> Floats:
    """Positive predictive value at another prevalence, by Bayes' theorem, [..., C]."""
    hits = class_sensitivity(confusion) * prevalence
    return ratio(hits, hits + (1 - class_specificity(confusion)) * (1 - prevalence))


def class_npv_at(confusion: ArrayLike, prevalence: float) -> Floats:
    """Negative predictive value at another prevalence, by Bayes' theorem, [..., C]."""
    rejected = class_specificity(confusion) * (1 - prevalence)
    return ratio(rejected, rejected + (1 - class_sensitivity(confusion)) * prevalence)


def balanced_accuracy(confusion: ArrayLike) -> Floats:
    """Mean of the classes' sensitivities, over classes with images."""
    return mean_of_classes(class_sensitivity(confusion))


def macro_f1(confusion: ArrayLike) -> Floats:
    """Mean of the classes' F1, over classes with images."""
    confusion = np.asarray(confusion, np.float64)
    return mean_of_classes(np.where(confusion.sum(-1) > 0, class_f1(confusion), np.nan))


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide where there is something to divide by; NaN elsewhere."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def mean_of_classes(values: Floats) -> Floats:
    """Mean of a metric of classes [..., C] over those that have it; NaN where none has."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(-1), known.sum(-1).astype(np.float64))
