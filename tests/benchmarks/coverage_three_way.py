"""How often the intervals of three-way validation hold the truth, in simulated studies whose truth is known.

    python tests/benchmarks/coverage_three_way.py [--studies 300]

Vectors are normal around the centers of three classes; images of one patient share a part. "Anchors alone" is
Wilson's interval of sampled trials, as if each trial had references of its own. Printed as Markdown.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.threeway import ThreeWayReport, most_trials, three_way_report
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval

CLASSES = ("covid19", "normal", "pneumonia")
NUMBERS, SHARED = 6, 0.6
Vectors = NDArray[np.float32]


class Design(NamedTuple):
    """Patients, images each, and the distance of the classes' centers in deviations."""

    patients: int
    images: int
    distance: float


def distances(x: Vectors, y: Vectors) -> Vectors:
    """City-block distance."""
    return np.asarray(np.abs(x - y).sum(-1))


def draw(design: Design, rng: np.random.Generator) -> tuple[Vectors, NDArray[np.int64], NDArray[np.int64]]:
    """Draw vectors, labels and patients; a patient is of one class."""
    patients = np.repeat(np.arange(design.patients), design.images)
    labels = patients % len(CLASSES)
    of_patients = rng.normal(size=(design.patients, NUMBERS))[patients] * np.sqrt(SHARED)
    own = rng.normal(size=(len(patients), NUMBERS)) * np.sqrt(1 - SHARED)
    centers = np.eye(len(CLASSES), NUMBERS) * design.distance
    return (centers[labels] + of_patients + own).astype(np.float32), labels, patients


def truth(distance: float, trials: int = 1_000_000) -> float:
    """Accuracy of trials whose anchor and references are all of different patients."""
    rng = np.random.default_rng(1)
    centers = np.eye(len(CLASSES), NUMBERS) * distance
    anchors = centers[0] + rng.normal(size=(trials, NUMBERS))  # the classes are alike
    references = [center + rng.normal(size=(trials, NUMBERS)) for center in centers]
    return float((np.argmin([np.abs(anchors - each).sum(1) for each in references], axis=0) == 0).mean())


def reports(design: Design, studies: int) -> Iterator[ThreeWayReport]:
    """Report on each of many studies."""
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        vectors, labels, patients = draw(design, rng)
        trials = most_trials(labels, len(CLASSES))
        yield three_way_report(
            vectors, labels, patients, CLASSES, distances, trials=trials, repeats=1, rng=rng
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=300)
    studies = parser.parse_args().studies
    print("| patients x images | accuracy | as printed by cxr | anchors alone |\n| --- | --- | --- | --- |")
    for distance in (1.5, 3.0, 5.0):
        accuracy = truth(distance)
        for patients, images in ((30, 1), (30, 4), (60, 1), (129, 1)):
            held = []
            for report in reports(Design(patients, images, distance), studies):
                hits = float(np.trace(report.sampled))
                found = (report.overall["accuracy"].interval, wilson_interval(hits, report.sampled.sum()))
                held.append([interval.low <= accuracy <= interval.high for interval in found])
            ours, alone = np.mean(held, axis=0)
            print(f"| {patients} x {images} | {accuracy:.3f} | {ours:.3f} | {alone:.3f} |", flush=True)


if __name__ == "__main__":
    main()
