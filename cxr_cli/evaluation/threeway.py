"""Three-way validation: one image against one image of each class.

Source: "Siamesifying the COVID-Net", section 3.2.1.

Trials are arithmetic on feature vectors: an image goes through the model once, however many trials it is in.
The paper samples trials; the metrics here are of all trials that are possible, which the sample estimates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.metrics import confusion
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import heading
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.tables import columns
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval, student_interval, wilson_interval

Differences = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Maps x [T, 1, E] and y [T or 1, M, E] to how different they are, [T, M]."""

OVERALL: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": confusion.accuracy,
    "macro_f1": confusion.macro_f1,
}
PER_CLASS: dict[str, Callable[[Floats], Floats]] = {
    "sensitivity": confusion.class_sensitivity,
    "specificity": confusion.class_specificity,
    "precision": confusion.class_precision,
    "f1": confusion.class_f1,
}
# Anchors x images x classes at a time: some 32 MiB for each of a few arrays.
NUMBERS_AT_A_TIME = 1 << 22


class Trials(NamedTuple):
    """Sampled trials, as positions in the list of images.

    Attributes:
        anchors: int [T], the images to be classified, none twice.
        references: int [T, C], one image of each class to compare with, never of the anchor's own patient.
    """

    anchors: NDArray[np.int64]
    references: NDArray[np.int64]


def most_trials(labels: NDArray[np.int64], classes: int) -> int:
    """Count the trials that are possible with anchors balanced over the classes and none twice."""
    return int(np.bincount(labels, minlength=classes).min()) * classes


def draw_trials(
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: tuple[str, ...],
    count: int,
    rng: np.random.Generator,
) -> Trials:
    """Sample trials: anchors without replacement and balanced over the classes, references for each trial.

    Beyond the paper, a reference is never of the anchor's own patient: two images of one patient are alike
    whatever the class, and the accuracy would be too high.

    Args:
        labels, patients: int [N], class and patient numbers.
        classes: class names, two or more.
        count: trials; if it does not divide evenly, the classes with most images get one more.
        rng: samples images.

    Raises:
        BadInput: a class has fewer images than it must give anchors, or none of another patient.
    """
    images = [np.flatnonzero(labels == number) for number in range(len(classes))]
    quotas = np.full(len(classes), count // len(classes))
    by_images = np.argsort([-len(of_class) for of_class in images], kind="stable")
    quotas[by_images[: count % len(classes)]] += 1
    for name, of_class, quota in zip(classes, images, quotas, strict=True):
        if len(np.unique(patients[of_class])) < 2:
            raise BadInput(
                f"three-way validation: class {name!r} has {len(of_class)} images of "
                f"{len(np.unique(patients[of_class]))} patients; 2 patients or more are needed"
            )
        if len(of_class) < quota:
            raise BadInput(
                f"three-way validation: class {name!r} has {len(of_class)} images, "
                f"{count} trials need {quota}; `trials` {most_trials(labels, len(classes))} is the most"
            )
    anchors = np.concatenate(
        [rng.choice(of_class, quota, replace=False) for of_class, quota in zip(images, quotas, strict=True)]
    )
    references = np.stack([_other_patients(anchors, of_class, patients, rng) for of_class in images], axis=1)
    return Trials(anchors, references)


def _other_patients(
    anchors: NDArray[np.int64],
    images: NDArray[np.int64],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Sample for each anchor one of `images` of another patient, all equally likely."""
    order = rng.random((len(anchors), len(images)))
    order[patients[anchors][:, None] == patients[images]] = -1.0
    return np.asarray(images[order.argmax(1)])


class AllTrials(NamedTuple):
    """The outcome of every possible trial, each anchor of a class equally likely, and each reference.

    Attributes:
        shares: float64 [C, C], rows true: the probability that an anchor of a class is taken for a class.
        influence: float64 [P, C, C], the derivative of `shares` by the weight of each patient, whose images
            are anchors and references (Efron 1982, The Jackknife, ch. 6: the infinitesimal jackknife).
    """

    shares: Floats
    influence: Floats


def all_trials(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: int,
    differences: Differences,
) -> AllTrials:
    """Compute the probability of each outcome over all choices of references, without trying them one by one.

    An anchor is taken for class k with a reference r of k if the references of all other classes are farther
    away. Sorted by distance from the anchor, the share of a class that is farther than r is a cumulative sum;
    references are sampled independently, so these shares multiply. Of references at the same distance the one
    of the lower class number wins, as in a sampled trial.

    Args:
        vectors: float32 [N, E].
        labels, patients: int [N]; every class has images of two patients or more.
        classes: how many, C.
        differences: see `Differences`.
    """
    by_class = np.argsort(labels, kind="stable")
    vectors, labels = vectors[by_class], labels[by_class]
    _, patient = np.unique(patients[by_class], return_inverse=True)
    members = (labels[:, None] == np.arange(classes)).astype(np.float64)
    of_class = members.sum(0)
    taken = np.zeros((len(labels), classes))
    influence = np.zeros((int(patient.max()) + 1, classes, classes))
    chunk = max(1, NUMBERS_AT_A_TIME // (len(labels) * classes))
    for start in range(0, len(labels), chunk):
        anchors = slice(start, start + chunk)
        distance = differences(vectors[anchors, None], vectors[None])
        order = np.argsort(distance, axis=1, kind="stable")
        others = patient[order] != patient[anchors, None]
        eligible = members[order] * others[..., None]
        count = eligible.sum(1)
        share = eligible / count[:, None]
        farther = 1 - np.cumsum(share, axis=1)
        weight = 1 / of_class[labels[anchors], None]
        for k in range(classes):
            rest = [j for j in range(classes) if j != k]
            wins = farther[..., rest].prod(-1)
            probability = (share[..., k] * wins).sum(1)
            taken[anchors, k] = probability
            # Derivatives by each reference's weight: one of k wins or not, one of m beats those behind it.
            by_reference = eligible[..., k] * (wins - probability[:, None]) / count[:, k, None]
            for m in rest:
                against = farther[..., [j for j in rest if j != m]].prod(-1)
                nearer = np.cumsum(share[..., k] * against, axis=1)
                by_reference += eligible[..., m] * (nearer - probability[:, None]) / count[:, m, None]
            rows = np.broadcast_to(labels[anchors, None], order.shape)
            np.add.at(influence[..., k], (patient[order], rows), by_reference * weight)
    shares = members.T @ taken / of_class[:, None]
    np.add.at(influence, (patient, labels), (taken - shares[labels]) / of_class[labels, None])
    return AllTrials(shares, influence)


def _estimates(outcome: AllTrials, metric: Callable[[Floats], Floats], independent: int) -> list[Estimate]:
    """Estimate a metric of the outcome's shares, one value or one a class, with intervals by patient.

    Student's on the scale of log odds, the standard error by the infinitesimal jackknife over patients in
    both roles; measured by tests/benchmarks/coverage.py. A metric of exactly 0 or 1 has no variance: as many
    patients as the rarest class has are independent trials, and Wilson's interval is theirs.

    Args:
        outcome: of all trials.
        metric: maps shares [..., C, C] to values [...] or [..., C].
        independent: patients of the rarest class.
    """
    values = np.atleast_1d(metric(outcome.shares)).round(12)  # exactly 0 or 1 where they are
    step = 1e-6
    moved = metric(outcome.shares + step * outcome.influence).reshape(len(outcome.influence), -1)
    count = len(moved)
    errors = np.sqrt((((moved - values) / step) ** 2).sum(0) * count / (count - 1))

    def interval(value: float, error: float) -> Interval:
        if np.isnan(value):
            return UNKNOWN
        if value in (0.0, 1.0):
            return wilson_interval(value * independent, independent)
        low, high, method = student_interval(float(logit(value)), error / (value * (1 - value)), independent)
        return Interval(float(expit(low)), float(expit(high)), method)

    return [
        Estimate(value, interval(value, error))
        for value, error in zip(values.tolist(), errors.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class ThreeWayReport:
    """Three-way validation.

    Attributes:
        classes: names.
        images: of each class, int [C].
        patients: of all classes.
        outcome: of all trials.
        overall, per_class: metrics of all trials by name, with 95% intervals by patient; every class has the
            same share of anchors.
        trials: sampled in each repeat.
        sampled: int [C, C], rows true: the outcome of the sampled trials of all repeats.
        accuracies: of the sampled trials of each repeat.
    """

    classes: tuple[str, ...]
    images: NDArray[np.int64]
    patients: int
    outcome: AllTrials
    overall: dict[str, Estimate]
    per_class: dict[str, list[Estimate]]
    trials: int
    sampled: NDArray[np.int64]
    accuracies: tuple[float, ...]

    @property
    def repeats(self) -> int:
        """How many times trials were sampled."""
        return len(self.accuracies)

    @property
    def mean(self) -> float:
        """Mean accuracy of the repeats."""
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float | None:
        """Standard deviation (n - 1) of the repeats' accuracies; None for one."""
        return float(np.std(self.accuracies, ddof=1)) if self.repeats > 1 else None

    def as_json(self) -> dict[str, Any]:
        """Write the report as JSON values.

        Returns:
            The metrics of all trials, each {"value", "low", "high", "method"}; `confusion_shares` of all
            trials and `confusion_matrix` of those sampled.
        """
        return {
            "classes": list(self.classes),
            "images": int(self.images.sum()),
            "patients": self.patients,
            "interval": INTERVAL,
            **{name: estimate.as_json() for name, estimate in self.overall.items()},
            "per_class": {
                label: {"images": int(self.images[number])}
                | {name: of_classes[number].as_json() for name, of_classes in self.per_class.items()}
                for number, label in enumerate(self.classes)
            },
            "confusion_shares": self.outcome.shares.tolist(),
            "trials": self.trials,
            "repeats": self.repeats,
            "confusion_matrix": self.sampled.tolist(),
            "accuracy_over_draws": {
                "mean": self.mean,
                "std": self.std,
                "min": min(self.accuracies),
                "max": max(self.accuracies),
            },
        }


INTERVAL = "95% intervals by patient, as anchor and as reference: jackknife on the logit scale"


def three_way_report(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: tuple[str, ...],
    differences: Differences,
    *,
    trials: int,
    repeats: int,
    rng: np.random.Generator,
) -> ThreeWayReport:
    """Run three-way validation on feature vectors.

    Args:
        vectors: float32 [N, E].
        labels, patients: int [N].
        classes: class names.
        differences: see `Differences`.
        trials: sampled in each repeat.
        repeats: independent samples of trials.
        rng: samples them.

    Raises:
        BadInput: see `draw_trials`.
    """
    samples = [draw_trials(labels, patients, classes, trials, rng) for _ in range(repeats)]
    predicted = [
        differences(vectors[anchors, None], vectors[references]).argmin(1) for anchors, references in samples
    ]
    outcome = all_trials(vectors, labels, patients, len(classes), differences)
    independent = min(len(np.unique(patients[labels == number])) for number in range(len(classes)))
    truth = [labels[sample.anchors] for sample in samples]
    return ThreeWayReport(
        classes=classes,
        images=np.bincount(labels, minlength=len(classes)),
        patients=len(np.unique(patients)),
        outcome=outcome,
        overall={name: _estimates(outcome, metric, independent)[0] for name, metric in OVERALL.items()},
        per_class={name: _estimates(outcome, metric, independent) for name, metric in PER_CLASS.items()},
        trials=trials,
        sampled=confusion.confusion_matrix(np.concatenate(truth), np.concatenate(predicted), len(classes)),
        accuracies=tuple(float((a == b).mean()) for a, b in zip(predicted, truth, strict=True)),
    )


def format_three_way(report: ThreeWayReport) -> str:
    """Lay out a report as plain text: metrics of all trials, shares of each class, and the sampled trials."""
    of_each = [
        [name, str(report.images[number])]
        + [format_metric(of_classes[number]) for of_classes in report.per_class.values()]
        for number, name in enumerate(report.classes)
    ]
    shares = [
        [name, *(f"{share:.2f}" for share in row)]
        for name, row in zip(report.classes, report.outcome.shares, strict=True)
    ]
    sampled = f"{report.trials} sampled trials: accuracy {report.accuracies[0]:.3f}"
    if report.repeats > 1:
        sampled = (
            f"{report.repeats} repeats of {report.trials} sampled trials: accuracy mean {report.mean:.3f}, "
            f"standard deviation {report.std:.3f}, "
            f"{min(report.accuracies):.3f} to {max(report.accuracies):.3f}"
        )
    return "\n".join(
        [
            f"images {report.images.sum()}, patients {report.patients}; every possible trial; {INTERVAL}",
            *columns([[heading(name), format_metric(each)] for name, each in report.overall.items()]),
            "",
            *columns([["class", "images", *map(heading, report.per_class)], *of_each]),
            "",
            *columns([["true, predicted:", *report.classes], *shares]),
            "",
            sampled,
        ]
    )
