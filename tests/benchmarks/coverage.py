"""How often 95% intervals hold the truth, in simulated studies whose truth is known; and how fast they are.

    python tests/benchmarks/coverage.py [--studies 400] [--only coverage|differences|paired|external|speed]

A study is patients with several images each, whose scores share a part: images of a patient are alike. The
model's true AUC, sensitivity and specificity are the normal distribution's. Printed as Markdown.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import compute_metrics
from cxr_cli.evaluation.subgroups.differences import (
    difference_metrics,
    newcombe_interval,
    permutation_p,
    permuted_strata,
)
from cxr_cli.evaluation.subgroups.paired import paired_differences
from cxr_cli.evaluation.uncertainty.estimates import Estimates, estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval

RESAMPLES = 400


@dataclass(frozen=True)
class Design:
    """Patients, images each, distance of the classes in deviations, and how much a patient's images share."""

    patients: int
    images: int
    distance: float
    shared: float = 0.6

    @property
    def truth(self) -> dict[str, float]:
        """The true metrics at a threshold midway, classes balanced."""
        hit = float(norm.cdf(self.distance / 2))
        area = float(norm.cdf(self.distance / np.sqrt(2)))
        return {
            "sensitivity": hit,
            "specificity": hit,
            "accuracy": hit,
            "precision": hit,
            "f1": hit,
            "auc": area,
        }


DESIGNS = (
    Design(400, 1, 2.0),
    Design(40, 1, 2.0),
    Design(200, 4, 2.0),
    Design(60, 4, 2.0),
    Design(30, 4, 2.0),
    Design(20, 1, 3.0),
)


def draw(design: Design, rng: np.random.Generator) -> Answers:
    """Draw a study; a patient is of one class."""
    patients = np.repeat(np.arange(design.patients), design.images)
    labels = rng.integers(0, 2, design.patients)[patients]
    common = rng.normal(size=design.patients)[patients] * np.sqrt(design.shared)
    own = rng.normal(size=len(patients)) * np.sqrt(1 - design.shared)
    latent = common + own + design.distance * (labels - 0.5)
    scores = np.stack([expit(-latent), expit(latent)], axis=1)
    return Answers(("negative", "positive"), labels, (latent > 0).astype(int), patients, scores, 1)


def flat(of: Estimates) -> dict[str, tuple[float, float]]:
    """Take the limits by metric."""
    found = {name: metric.interval for name, metric in of.overall.items()}
    found |= {name: both[1].interval for name, both in of.per_class.items()}
    return {name: (interval.low, interval.high) for name, interval in found.items()}


def as_used(answers: Answers, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Intervals as `cxr` prints them."""
    return flat(estimate(answers, rng, RESAMPLES))


def by_bootstrap(answers: Answers, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Percentiles of the bootstrap over patients, for all metrics."""

    def chosen(weights: np.ndarray) -> dict[str, np.ndarray]:
        overall, per_class = compute_metrics(answers, weights)
        return {**overall, **{name: values[:, 1] for name, values in per_class.items()}}

    resampled = over_resamples(chosen, answers.patients, rng, RESAMPLES)
    intervals = {name: percentile_interval(values) for name, values in resampled.items()}
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}


def by_image(answers: Answers, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Percentiles of the bootstrap over images, as if each were of its own patient."""
    return by_bootstrap(replace(answers, patients=np.arange(len(answers))), rng)


METHODS: dict[str, Callable[[Answers, np.random.Generator], dict[str, tuple[float, float]]]] = {
    "as printed by cxr": as_used,
    "bootstrap over patients": by_bootstrap,
    "bootstrap over images": by_image,
}


def coverage(studies: int) -> None:
    """Print the share of studies whose interval holds the truth."""
    names = list(DESIGNS[0].truth)
    print(f"| patients x images | AUC | intervals | {' | '.join(names)} |")
    print("| --- " * (3 + len(names)) + "|")
    for design in DESIGNS:
        for method, intervals in METHODS.items():
            held: dict[str, list[bool]] = {name: [] for name in names}
            for seed in range(studies):
                rng = np.random.default_rng(seed)
                found = intervals(draw(design, rng), rng)
                for name, truth in design.truth.items():
                    held[name].append(found[name][0] <= truth <= found[name][1])
            shares = " | ".join(f"{np.mean(held[name]):.3f}" for name in names)
            print(
                f"| {design.patients} x {design.images} | {design.truth['auc']:.3f} | {method} | {shares} |"
            )


@dataclass(frozen=True)
class PairedDesign:
    """Two models on the same patients: the better one's distance, and how much of their noise they share."""

    patients: int
    images: int
    distances: tuple[float, float]
    common: float = 0.5

    @property
    def truth(self) -> dict[str, float]:
        """The second model's true metrics minus the first's."""
        of_each = [Design(1, 1, distance).truth for distance in self.distances]
        found = {name: of_each[1][name] - of_each[0][name] for name in of_each[0]}
        return {**found, "balanced_accuracy": found["accuracy"]}


def draw_pair(design: PairedDesign, rng: np.random.Generator) -> tuple[Answers, Answers]:
    """Draw two models' answers on the same images; half of the noise is that of the patient."""
    patients = np.repeat(np.arange(design.patients), design.images)
    labels = rng.integers(0, 2, design.patients)[patients]

    def noise() -> np.ndarray:
        of_patients = rng.normal(size=design.patients)[patients]
        return (of_patients + rng.normal(size=len(patients))) * np.sqrt(0.5)

    shared = noise()
    both = []
    for distance in design.distances:
        latent = np.sqrt(design.common) * shared + np.sqrt(1 - design.common) * noise()
        latent += distance * (labels - 0.5)
        scores = np.stack([expit(-latent), expit(latent)], axis=1)
        both.append(Answers(("negative", "positive"), labels, (latent > 0).astype(int), patients, scores, 1))
    return both[0], both[1]


def paired_coverage(studies: int) -> None:
    """Print the share of studies whose interval of the difference of two models holds the truth."""
    names = ("sensitivity", "specificity", "accuracy", "auc", "balanced_accuracy", "f1")
    print(f"| patients x images | distances | intervals | {' | '.join(names)} |")
    print("| --- " * (3 + len(names)) + "|")
    for design in (
        PairedDesign(400, 1, (2.0, 2.4)),
        PairedDesign(40, 1, (2.0, 2.4)),
        PairedDesign(60, 4, (2.0, 2.4)),
        PairedDesign(60, 4, (2.0, 2.0)),
        PairedDesign(30, 2, (1.0, 3.0)),
    ):
        held: dict[str, list[bool]] = {name: [] for name in names}
        for seed in range(studies):
            rng = np.random.default_rng(seed)
            found = paired_differences(*draw_pair(design, rng), rng, RESAMPLES)
            for name in names:
                interval = found[name].interval
                held[name].append(interval.low <= design.truth[name] <= interval.high)
        shares = " | ".join(f"{np.mean(held[name]):.3f}" for name in names)
        print(f"| {design.patients} x {design.images} | {design.distances} | cxr compare | {shares} |")


def external_coverage(studies: int) -> None:
    """Print the share of studies whose interval of external minus internal metric holds the truth."""
    names = ("sensitivity", "specificity", "accuracy", "auc")
    print(f"| internal | external | {' | '.join(names)} |")
    print("| --- " * (2 + len(names)) + "|")
    for inside, outside in (
        (Design(60, 1, 2.4), Design(200, 1, 2.0)),
        (Design(60, 4, 2.4), Design(40, 2, 2.0)),
        (Design(40, 1, 3.0), Design(40, 1, 2.0)),
    ):
        held: dict[str, list[bool]] = {name: [] for name in names}
        for seed in range(studies):
            rng = np.random.default_rng(seed)
            of_each = [estimate(draw(design, rng), rng, 100) for design in (outside, inside)]
            metrics = [
                {**of.overall, **{name: both[1] for name, both in of.per_class.items()}} for of in of_each
            ]
            for name in names:
                pair = metrics[0][name], metrics[1][name]
                values = pair[0].value, pair[1].value
                interval = newcombe_interval(values, (pair[0].interval, pair[1].interval))
                truth = outside.truth[name] - inside.truth[name]
                held[name].append(interval.low <= truth <= interval.high)
        shares = " | ".join(f"{np.mean(held[name]):.3f}" for name in names)
        print(f"| {inside.patients} x {inside.images} | {outside.patients} x {outside.images} | {shares} |")


def false_differences(studies: int) -> None:
    """Print how often the permutation test has p <= 0.05 without a difference: one in twenty at most."""
    print("| patients x images | stratum's share | sensitivity | specificity | AUC |")
    print("| --- " * 5 + "|")
    for design, share in ((Design(60, 4, 2.0), 0.3), (Design(60, 1, 2.0), 0.1), (Design(200, 2, 2.0), 0.5)):
        found: dict[str, list[bool]] = {"sensitivity": [], "specificity": [], "auc": []}
        for seed in range(studies):
            rng = np.random.default_rng(seed)
            answers = draw(design, rng)
            inside = (rng.random(design.patients) < share)[answers.patients]
            members = permuted_strata(answers.labels, answers.patients, inside, rng, RESAMPLES)
            here, chance = (
                {
                    name: values - difference_metrics(answers, 1 - of)[name]
                    for name, values in difference_metrics(answers, of).items()
                }
                for of in (inside[None].astype(float), members.astype(float))
            )
            for name, values in here.items():
                found[name].append(permutation_p(float(values[0]), chance[name]) <= 0.05)
        shares = " | ".join(f"{np.mean(values):.3f}" for values in found.values())
        print(f"| {design.patients} x {design.images} | {share} | {shares} |")


def speed() -> None:
    """Print the time of every metric with its interval, 2,000 resamples, on one core."""
    print("| images | seconds |")
    print("| --- | --- |")
    for patients in (402, 4000, 100_000):
        answers = draw(Design(patients, 1, 2.0), np.random.default_rng(0))
        start = time.process_time()
        estimate(answers, np.random.default_rng(0), 2000)
        print(f"| {patients} | {time.process_time() - start:.2f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--only", choices=("coverage", "differences", "paired", "external", "speed"))
    options = parser.parse_args()
    if options.only in (None, "speed"):
        speed()
    if options.only in (None, "differences"):
        false_differences(options.studies)
    if options.only in (None, "paired"):
        paired_coverage(options.studies)
    if options.only in (None, "external"):
        external_coverage(options.studies)
    if options.only in (None, "coverage"):
        coverage(options.studies)


if __name__ == "__main__":
    main()
