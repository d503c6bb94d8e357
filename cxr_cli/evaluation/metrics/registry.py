"""Every metric, one row each: its name, heading, function, interval rule, and where it is shown.

A new metric is a new row. Their order is the order in every table and file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics import confusion
from cxr_cli.evaluation.metrics.answers import Answers, Weighted
from cxr_cli.evaluation.metrics.calibration import (
    are_probabilities,
    weighted_calibration_intercept,
    weighted_calibration_slope,
)
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.ranking import weighted_auc, weighted_average_precision

Place = Literal[
    "finding",  # summary of a test with a positive class
    "classes",  # summary of a test without one
    "class table",  # a column of the table of classes, below that summary
    "strata of a finding",  # table and CSV of strata
    "strata of classes",
    "strata CSV of a finding",  # the CSV alone
    "strata CSV of classes",
    "difference of a finding",  # a stratum against all other images: nothing that depends on class shares
    "difference of classes",
    "comparison of a finding",  # two models on the same images
    "comparison of classes",
]


@dataclass(frozen=True)
class Proportion:
    """A share of images, or what follows from one.

    Attributes:
        parts: maps whether each image is of the class and whether it is predicted so, bool [N] each (for a
            metric of all images, its class and its predicted class, int [N]) to the images counted, and
            which of them are hits: bool [N] each.
        value: maps the share to the metric, which rises with it; None where it is the share.
        slope: the derivative of `value`.
    """

    parts: Callable[[NDArray, NDArray], tuple[NDArray[np.bool_], NDArray[np.bool_]]]  # type: ignore[type-arg]
    value: Callable[[float], float] | None = None
    slope: Callable[[float], float] | None = None


@dataclass(frozen=True)
class MeanOf:
    """The mean of a metric of classes, by its name, over the classes that have images and the metric."""

    name: str


@dataclass(frozen=True)
class RateRatio:
    """A likelihood ratio, or what follows from one.

    Attributes:
        positive: of a positive call: sensitivity over 1 - specificity; else 1 - sensitivity over specificity.
        value: maps the ratio and the prevalence to the metric; None where it is the ratio.
    """

    positive: bool
    value: Callable[[float, float], float] | None = None


@dataclass(frozen=True)
class NoInterval:
    """A metric without an interval, and why."""

    reason: str


Rule = (
    Proportion | MeanOf | RateRatio | NoInterval | Literal["auc", "average precision", "brier", "calibration"]
)
FEWEST_PATIENTS = 20
FEWEST_OF_CALLED = 3
"""Of shares of the images that are called: without a patient of the class they are 0 whatever the truth."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: in JSON and CSV.
        heading: in tables.
        of: all images, or each class against the rest.
        needs: what there must be besides the predicted class of each image.
        function: its values under each weighting: [R], or [R, C] of classes.
        interval: how its interval is made.
        shown: where.
        column: a shorter heading where columns are narrow.
        fewest: patients of the rarer class; with fewer its interval is marked as unreliable, for there it was
            measured to hold the truth too rarely (tests/benchmarks/coverage.py).
    """

    name: str
    heading: str
    of: Literal["all", "class"]
    needs: Literal["predictions", "scores", "probabilities", "prevalence"]
    function: Callable[[Weighted], Floats]
    interval: Rule
    shown: tuple[Place, ...]
    column: str = ""
    fewest: int = 0


METRICS = (
    Metric(
        "sensitivity", "sensitivity", "class", "predictions",
        lambda images: confusion.class_sensitivity(images.confusions),
        Proportion(lambda of_class, called: (of_class, called)),
        ("finding", "class table", "strata of a finding", "strata of classes", "comparison of a finding",
         "difference of a finding", "difference of classes"),
    ),
    Metric(
        "specificity", "specificity", "class", "predictions",
        lambda images: confusion.class_specificity(images.confusions),
        Proportion(lambda of_class, called: (~of_class, ~called)),
        (
            "finding",
            "class table",
            "strata of a finding",
            "comparison of a finding",
            "difference of a finding",
        ),
    ),
    Metric(
        "accuracy", "accuracy", "all", "predictions",
        lambda images: confusion.accuracy(images.confusions),
        Proportion(lambda labels, predicted: (np.ones(len(labels), bool), labels == predicted)),
        ("finding", "classes", "strata of a finding", "strata of classes",
         "comparison of a finding", "comparison of classes"),
    ),
    Metric(
        "balanced_accuracy", "balanced accuracy", "all", "predictions",
        lambda images: confusion.balanced_accuracy(images.confusions),
        MeanOf("sensitivity"),
        ("finding", "classes", "strata CSV of a finding", "strata of classes",
         "comparison of a finding", "comparison of classes"),
        column="balanced",
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "precision", "precision", "class", "predictions",
        lambda images: confusion.class_precision(images.confusions),
        Proportion(lambda of_class, called: (called, of_class)),
        ("finding", "class table", "strata of a finding", "comparison of a finding"),
        fewest=FEWEST_OF_CALLED,
    ),
    Metric(
        "npv", "NPV", "class", "predictions",
        lambda images: confusion.class_npv(images.confusions),
        Proportion(lambda of_class, called: (~called, ~of_class)),
        ("finding", "strata CSV of a finding", "comparison of a finding"),
        fewest=FEWEST_OF_CALLED,
    ),
    Metric(
        "f1", "F1", "class", "predictions",
        lambda images: confusion.class_f1(images.confusions),
        Proportion(
            lambda of_class, called: (of_class | called, of_class & called),
            value=lambda share: 2 * share / (1 + share),
            slope=lambda share: 2 / (1 + share) ** 2,
        ),
        ("finding", "class table", "strata of a finding", "comparison of a finding"),
        fewest=FEWEST_OF_CALLED,
    ),
    Metric(
        "macro_f1", "macro F1", "all", "predictions",
        lambda images: confusion.macro_f1(images.confusions),
        MeanOf("f1"),
        ("classes", "strata of classes", "comparison of classes"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "auc", "AUC", "class", "scores",
        lambda images: images.one_vs_rest(weighted_auc),
        "auc",
        (
            "finding",
            "class table",
            "strata of a finding",
            "comparison of a finding",
            "difference of a finding",
        ),
    ),
    Metric(
        "macro_auc", "macro AUC", "all", "scores",
        lambda images: confusion.mean_of_classes(images.one_vs_rest(weighted_auc)),
        MeanOf("auc"),
        ("classes", "strata of classes", "comparison of classes", "difference of classes"),
    ),
    Metric(
        "average_precision", "average precision", "class", "scores",
        lambda images: images.one_vs_rest(weighted_average_precision),
        "average precision",
        ("finding", "strata CSV of a finding"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "macro_average_precision", "macro average precision", "all", "scores",
        lambda images: confusion.mean_of_classes(images.one_vs_rest(weighted_average_precision)),
        MeanOf("average_precision"),
        ("classes",),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "brier", "Brier score", "all", "probabilities",
        Weighted.brier,
        "brier",
        ("finding", "classes", "strata CSV of a finding", "strata CSV of classes"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "calibration_error", "calibration error", "all", "probabilities",
        Weighted.calibration_error,
        NoInterval("it is biased upward, and its resamples are more so"),
        ("finding", "classes", "strata CSV of a finding", "strata CSV of classes"),
    ),
    Metric(
        "calibration_intercept", "calibration intercept", "class", "probabilities",
        lambda images: images.per_class(weighted_calibration_intercept),
        "calibration",
        ("finding", "strata CSV of a finding"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "calibration_slope", "calibration slope", "class", "probabilities",
        lambda images: images.per_class(lambda *each: weighted_calibration_slope(*each).slope),
        "calibration",
        ("finding", "strata CSV of a finding"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "ppv_at_prevalence", "PPV at the prevalence", "class", "prevalence",
        lambda images: confusion.class_ppv_at(images.confusions, images.prevalence),
        RateRatio(
            True,
            lambda ratio, prevalence: 1 / (1 + (1 / prevalence - 1) / ratio) if ratio else 0.0,
        ),
        ("finding", "strata CSV of a finding"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "npv_at_prevalence", "NPV at the prevalence", "class", "prevalence",
        lambda images: confusion.class_npv_at(images.confusions, images.prevalence),
        RateRatio(False, lambda ratio, prevalence: 1 / (1 + ratio / (1 / prevalence - 1))),
        ("finding", "strata CSV of a finding"),
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "positive_likelihood_ratio", "positive likelihood ratio", "class", "predictions",
        lambda images: confusion.class_positive_likelihood_ratio(images.confusions),
        RateRatio(True),
        ("finding", "strata CSV of a finding"),
        column="LR+",
        fewest=FEWEST_PATIENTS,
    ),
    Metric(
        "negative_likelihood_ratio", "negative likelihood ratio", "class", "predictions",
        lambda images: confusion.class_negative_likelihood_ratio(images.confusions),
        RateRatio(False),
        ("finding", "strata CSV of a finding"),
        column="LR-",
        fewest=FEWEST_PATIENTS,
    ),
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in METRICS}


def shown(*places: Place) -> list[Metric]:
    """List the metrics that are shown in any of these places."""
    return [metric for metric in METRICS if not set(places).isdisjoint(metric.shown)]


def heading(name: str) -> str:
    """Return the heading of a metric by its name; another name, with blanks for underscores."""
    return BY_NAME[name].heading if name in BY_NAME else name.replace("_", " ")


Values = dict[str, Floats]
"""Metrics by name: [R] of all images, [R, C] of each class."""


def compute_metrics(
    answers: Answers, weights: Floats, metrics: Sequence[Metric] = METRICS
) -> tuple[Values, Values]:
    """Compute metrics under each weighting.

    Args:
        answers: of N images.
        weights: [R, N].
        metrics: which; those that need scores or probabilities that there are not are left out.

    Returns:
        Metrics of all images [R], and of each class against the rest [R, C]; NaN where one is undefined.
    """
    images = Weighted(answers, weights)
    values: dict[str, Values] = {"all": {}, "class": {}}
    for metric in computable(answers, metrics):
        values[metric.of][metric.name] = metric.function(images)
    return values["all"], values["class"]


def computable(answers: Answers, metrics: Sequence[Metric]) -> list[Metric]:
    """Leave out the metrics that need scores, probabilities or a prevalence that there are not."""
    available = {"predictions"}
    if answers.scores is not None:
        available |= {"scores", "probabilities"} if are_probabilities(answers.scores) else {"scores"}
    if answers.prevalence is not None:
        available.add("prevalence")
    return [metric for metric in metrics if metric.needs in available]
