"""Three-way validation: one image against one image of each class.

Source: "Siamesifying the COVID-Net", section 3.2.1.

Trials are arithmetic on feature vectors: an image goes through the model once, however many trials it is in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.report import MetricsReport, classification_report


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


@dataclass(frozen=True)
class ThreeWayReport:
    """Three-way validation.

    Attributes:
        trials: per repeat.
        accuracies: of each independent repeat.
        metrics: of the trials of all repeats, intervals by the anchors' patients.
    """

    trials: int
    accuracies: tuple[float, ...]
    metrics: MetricsReport

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
        """Write the report as JSON values, the metrics as `MetricsReport.as_json` writes them."""
        spread = {
            "mean": self.mean,
            "std": self.std,
            "min": min(self.accuracies),
            "max": max(self.accuracies),
        }
        return {
            "trials": self.trials,
            "repeats": self.repeats,
            "accuracy_over_draws": spread,
            **self.metrics.as_json(),
        }


def three_way_report(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    classes: tuple[str, ...],
    differences: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
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
        differences: maps x [T, 1, E] and y [T, C, E] to how different they are [T, C].
        trials: per repeat.
        repeats: independent samples of trials.
        rng: samples them.

    Raises:
        BadInput: see `draw_trials`.
    """
    samples = [draw_trials(labels, patients, classes, trials, rng) for _ in range(repeats)]
    predicted = [
        differences(vectors[anchors, None], vectors[references]).argmin(1) for anchors, references in samples
    ]
    anchors = np.concatenate([sample.anchors for sample in samples])
    answers = Answers(classes, labels[anchors], np.concatenate(predicted), patients[anchors])
    accuracies = tuple(
        float((guess == labels[sample.anchors]).mean())
        for guess, sample in zip(predicted, samples, strict=True)
    )
    return ThreeWayReport(trials, accuracies, classification_report(answers))
