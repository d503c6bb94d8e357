"""How often 95% intervals hold the truth, in simulated studies whose truth is known; and how fast they are.

    python tests/benchmarks/coverage.py [--studies 400] [--only coverage|differences|speed]

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
from cxr_cli.evaluation.subgroups.differences import difference_metrics, permutation_p, permuted_strata
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
    parser.add_argument("--only", choices=("coverage", "differences", "speed"))
    options = parser.parse_args()
    if options.only in (None, "speed"):
        speed()
    if options.only in (None, "differences"):
        false_differences(options.studies)
    if options.only in (None, "coverage"):
        coverage(options.studies)


if __name__ == "__main__":
    main()
