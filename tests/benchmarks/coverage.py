"""How often 95% intervals hold the truth, in simulated studies whose truth is known; and how fast they are.

    python tests/benchmarks/coverage.py [--studies 400] [--results FILE]
        [--only grid|coverage|differences|paired|external|speed]

A study is patients with several images each, whose scores share a part: images of a patient are alike. The
model's true AUC, sensitivity and specificity are the normal distribution's. Printed as Markdown.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, softmax
from scipy.stats import norm

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import BY_NAME, compute_metrics, heading
from cxr_cli.evaluation.subgroups.differences import differences_to_rest
from cxr_cli.evaluation.subgroups.paired import paired_differences
from cxr_cli.evaluation.uncertainty.estimates import Estimates, estimate
from cxr_cli.evaluation.uncertainty.intervals import over_resamples, percentile_interval
from cxr_cli.evaluation.uncertainty.mover import difference_interval

RESAMPLES = 400
METRICS = (
    "sensitivity",
    "specificity",
    "precision",
    "npv",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "auc",
    "average_precision",
    "brier",
    "calibration_intercept",
    "calibration_slope",
    "positive_likelihood_ratio",
    "negative_likelihood_ratio",
)
MACRO = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", "macro_average_precision", "brier")


@dataclass(frozen=True)
class Design:
    """Patients, images each, distance of the classes in deviations, and how much a patient's images share."""

    patients: int
    images: int
    distance: float
    shared: float = 0.6
    prevalence: float = 0.5

    @property
    def truth(self) -> dict[str, float]:
        """The true metrics at a threshold midway; scores are the chance of the finding."""
        hit, prevalence = float(norm.cdf(self.distance / 2)), self.prevalence
        precision = prevalence * hit / (prevalence * hit + (1 - prevalence) * (1 - hit))
        # Both classes' densities along the latent scale; the sum over it is an integral.
        latent, step = np.linspace(-10, 10, 20001, retstep=True)
        positive = prevalence * norm.pdf(latent - self.distance / 2) * step
        negative = (1 - prevalence) * norm.pdf(latent + self.distance / 2) * step
        found, alarms = (np.cumsum(of[::-1])[::-1] - of / 2 for of in (positive, negative))
        chance = positive / (positive + negative)
        return {
            "sensitivity": hit,
            "specificity": hit,
            "accuracy": hit,
            "balanced_accuracy": hit,
            "precision": precision,
            "npv": (1 - prevalence) * hit / ((1 - prevalence) * hit + prevalence * (1 - hit)),
            "f1": 2 * precision * hit / (precision + hit),
            "auc": float(norm.cdf(self.distance / np.sqrt(2))),
            "average_precision": float((positive * found / (found + alarms)).sum() / prevalence),
            "brier": float((positive * (1 - chance) ** 2 + negative * chance**2).sum()),
            "calibration_intercept": 0.0,
            "calibration_slope": 1.0,
            "positive_likelihood_ratio": hit / (1 - hit),
            "negative_likelihood_ratio": (1 - hit) / hit,
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
    labels = (rng.random(design.patients) < design.prevalence).astype(int)[patients]
    common = rng.normal(size=design.patients)[patients] * np.sqrt(design.shared)
    own = rng.normal(size=len(patients)) * np.sqrt(1 - design.shared)
    latent = common + own + design.distance * (labels - 0.5)
    chance = expit(design.distance * latent + logit(design.prevalence))
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(("negative", "positive"), labels, (latent > 0).astype(int), patients, scores, 1)


@dataclass(frozen=True)
class ThreeClasses:
    """Patients, images each, distance of each class's score from the others, and the classes' shares."""

    patients: int
    images: int
    distance: float
    shares: tuple[float, float, float]
    shared: float = 0.6

    @property
    def truth(self) -> dict[str, float]:
        """The metrics of a million independent images."""
        many = draw_classes(replace(self, patients=1_000_000, images=1), np.random.default_rng(0))
        overall, _ = compute_metrics(many, np.ones((1, len(many))), [BY_NAME[name] for name in MACRO])
        return {name: float(value[0]) for name, value in overall.items()}


def draw_classes(design: ThreeClasses, rng: np.random.Generator) -> Answers:
    """Draw a study of three classes; a patient is of one class."""
    patients = np.repeat(np.arange(design.patients), design.images)
    labels = rng.choice(3, design.patients, p=design.shares)[patients]
    common = rng.normal(size=(design.patients, 3))[patients] * np.sqrt(design.shared)
    own = rng.normal(size=(len(patients), 3)) * np.sqrt(1 - design.shared)
    scores = softmax(common + own + design.distance * np.eye(3)[labels], axis=1)
    return Answers(("a", "b", "c"), labels, scores.argmax(1), patients, scores)


def grid(studies: int, results: Path | None) -> None:
    """Print, for each cell of the grid, the share of intervals that hold the truth.

    A share stands in brackets with a dagger where most intervals of the cell are marked as unreliable;
    otherwise it is of the unmarked ones.
    """
    cells: list[Design | ThreeClasses] = [
        Design(patients, images, float(norm.ppf(area) * np.sqrt(2)), prevalence=prevalence)
        for patients, prevalence, images, area in product(
            (30, 100, 400), (0.05, 0.5), (1, 4), (0.75, 0.9, 0.99)
        )
    ]
    classes: list[Design | ThreeClasses] = [
        ThreeClasses(patients, images, distance, shares)
        for patients, shares, images, distance in product(
            (30, 100, 400), ((0.05, 0.35, 0.6), (0.2, 0.3, 0.5)), (1, 4), (1.0, 2.5)
        )
    ]
    done = {} if results is None or not results.exists() else dict(map(json.loads, results.open()))
    for designs, names in ((cells, METRICS), (classes, MACRO)):
        print(f"\n| patients x images | rarest class | AUC | {' | '.join(heading(name) for name in names)} |")
        print("| --- " * (3 + len(names)) + "|")
        for design in designs:
            if str(design) not in done:
                done[str(design)] = held_by(design, names, studies)
                if results is not None:
                    with results.open("a") as file:
                        file.write(json.dumps([str(design), done[str(design)]]) + "\n")
            shares = design.prevalence if isinstance(design, Design) else min(design.shares)
            area = design.truth["auc" if isinstance(design, Design) else "macro_auc"]
            found = " | ".join(done[str(design)][name] for name in names)
            print(f"| {design.patients} x {design.images} | {shares} | {area:.2f} | {found} |", flush=True)


def held_by(design: Design | ThreeClasses, names: Sequence[str], studies: int) -> dict[str, str]:
    """Draw studies, and count how often each metric's interval holds the truth."""
    truth = design.truth
    kept: dict[str, list[tuple[bool, bool]]] = {name: [] for name in names}
    rows = [BY_NAME[name] for name in names]
    for seed in range(studies):
        rng = np.random.default_rng([seed, *str(design).encode()])  # other studies in each cell
        found = estimate(draw(design, rng) if isinstance(design, Design) else draw_classes(design, rng), rows)
        for name in names:
            of = found.overall[name] if name in found.overall else found.per_class[name][1]
            if not np.isnan(of.interval.low):
                holds = of.interval.low <= truth[name] <= of.interval.high
                kept[name].append((holds, of.caution == ""))
    shown = {}
    for name, of_metric in kept.items():
        reliable = [holds for holds, is_reliable in of_metric if is_reliable]
        marked = 2 * len(reliable) < len(of_metric)
        share = float(np.mean([holds for holds, _ in of_metric] if marked else reliable))
        shown[name] = f"({share:.3f})†" if marked else f"{share:.3f}"
    return shown


def flat(of: Estimates) -> dict[str, tuple[float, float]]:
    """Take the limits by metric."""
    found = {name: metric.interval for name, metric in of.overall.items()}
    found |= {name: both[1].interval for name, both in of.per_class.items()}
    return {name: (interval.low, interval.high) for name, interval in found.items()}


def as_used(answers: Answers, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Intervals as `cxr` prints them."""
    return flat(estimate(answers))


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
    names = ("sensitivity", "specificity", "accuracy", "precision", "f1", "auc")
    print(f"| patients x images | AUC | intervals | {' | '.join(names)} |")
    print("| --- " * (3 + len(names)) + "|")
    for design in DESIGNS:
        for method, intervals in METHODS.items():
            held: dict[str, list[bool]] = {name: [] for name in names}
            for seed in range(studies):
                rng = np.random.default_rng(seed)
                found = intervals(draw(design, rng), rng)
                for name in names:
                    held[name].append(found[name][0] <= design.truth[name] <= found[name][1])
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
            found = paired_differences(*draw_pair(design, rng))
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
            of_each = [estimate(draw(design, rng)) for design in (outside, inside)]
            metrics = [
                {**of.overall, **{name: both[1] for name, both in of.per_class.items()}} for of in of_each
            ]
            for name in names:
                pair = metrics[0][name], metrics[1][name]
                values = pair[0].value, pair[1].value
                interval = difference_interval(values, (pair[0].interval, pair[1].interval))
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
            for name, difference in differences_to_rest(answers, inside, rng, RESAMPLES).items():
                found[name].append(difference.p <= 0.05)
        shares = " | ".join(f"{np.mean(values):.3f}" for values in found.values())
        print(f"| {design.patients} x {design.images} | {share} | {shares} |")


def speed() -> None:
    """Print the time of every metric with its interval, 2,000 resamples, on one core."""
    print("| images | seconds |")
    print("| --- | --- |")
    for patients in (402, 4000, 100_000):
        answers = draw(Design(patients, 1, 2.0), np.random.default_rng(0))
        start = time.process_time()
        estimate(answers)
        print(f"| {patients} | {time.process_time() - start:.2f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--only", choices=("grid", "coverage", "differences", "paired", "external", "speed"))
    parser.add_argument(
        "--results", type=Path, help="the grid's cells, one a line: those there are not drawn again"
    )
    options = parser.parse_args()
    if options.only in (None, "grid"):
        grid(options.studies, options.results)
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
