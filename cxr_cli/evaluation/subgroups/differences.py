"""How far a metric of some images is from that of the others, and whether chance alone may have done it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import compute_metrics, shown
from cxr_cli.evaluation.uncertainty.holm import holm
from cxr_cli.evaluation.uncertainty.intervals import (
    RESAMPLES,
    UNKNOWN,
    Interval,
    none_for_nan,
    over_resamples,
    percentile_interval,
    weight_chunks,
)


@dataclass(frozen=True)
class Difference:
    """A difference of two values of a metric, with its interval, the p value of no difference, and Holm's p.

    NaN where one is unknown.
    """

    value: float
    interval: Interval
    p: float
    p_holm: float = np.nan

    def as_json(self) -> dict[str, float | str | None]:
        """Plain numbers, None where unknown."""
        numbers = {
            "value": self.value,
            "low": self.interval.low,
            "high": self.interval.high,
            "p": self.p,
            "p_holm": self.p_holm,
        }
        return {**none_for_nan(numbers), "method": self.interval.method}


def difference_metrics(answers: Answers, weights: Floats) -> dict[str, Floats]:
    """Compute the metrics [R] that do not depend on how frequent the classes are.

    Others, such as accuracy and precision, differ between strata whose class shares differ, without the model
    being any better in one of them.
    """
    if answers.positive is not None:
        overall, per_class = compute_metrics(answers, weights, shown("difference of a finding"))
        return {name: values[:, answers.positive] for name, values in per_class.items()} | overall
    overall, per_class = compute_metrics(answers, weights, shown("difference of classes"))
    of_classes = {
        f"{name} {label}": values[:, number]
        for name, values in per_class.items()
        for number, label in enumerate(answers.classes)
    }
    return of_classes | overall


def differences_to_rest(
    answers: Answers,
    inside: NDArray[np.bool_],
    sides: tuple[dict[str, Interval], dict[str, Interval]],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> dict[str, Difference]:
    """Compare a stratum's metrics with those of all other images: the stratum's minus the others'.

    The interval is the bootstrap's over patients, who may have images on both sides. Where a side has no
    spread (all of its few images are hits, say) the bootstrap knows nothing of that side: then it is
    Newcombe's, from the sides' own intervals. The p value is by `permuted_strata`.

    Args:
        answers: of all images.
        inside: bool [N], the stratum.
        sides: intervals of the metrics in the stratum and in the rest, by name.
        rng: draws patients and permutations.
        resamples: of each.
    """
    member = inside.astype(np.float64)

    def both_sides(weights: Floats) -> dict[str, Floats]:
        """The metrics of each side: images weighted by membership, too."""
        of_inside, of_rest = (
            difference_metrics(answers, weights * member),
            difference_metrics(answers, weights * (1 - member)),
        )
        return {
            f"{side} {name}": values
            for side, metrics in (("inside", of_inside), ("rest", of_rest))
            for name, values in metrics.items()
        }

    ones = np.ones((1, len(answers)))
    here, there = difference_metrics(answers, ones * member), difference_metrics(answers, ones * (1 - member))
    resampled = over_resamples(both_sides, answers.patients, rng, resamples)
    chance = _permuted_differences(answers, inside, rng, resamples)
    differences = {}
    for name in here:
        value = float(here[name][0] - there[name][0])
        both = resampled[f"inside {name}"], resampled[f"rest {name}"]
        if all(percentile_interval(side) is not UNKNOWN for side in both):
            interval = percentile_interval(both[0] - both[1])
        else:
            values = float(here[name][0]), float(there[name][0])
            interval = newcombe_interval(values, (sides[0][name], sides[1][name]))
        differences[name] = Difference(value, interval, permutation_p(value, chance[name]))
    return differences


def newcombe_interval(values: tuple[float, float], intervals: tuple[Interval, Interval]) -> Interval:
    """Combine intervals of two independent values into one of their difference.

    Source: Newcombe 1998, Statistics in Medicine 17:873, method 10.
    """
    (first, second), (of_first, of_second) = values, intervals
    low = first - second - np.hypot(first - of_first.low, of_second.high - second)
    high = first - second + np.hypot(of_first.high - first, second - of_second.low)
    return UNKNOWN if np.isnan(low + high) else Interval(float(low), float(high), "newcombe")


def permuted_strata(
    labels: NDArray[np.int64],
    patients: NDArray[np.int64],
    inside: NDArray[np.bool_],
    rng: np.random.Generator,
    resamples: int,
) -> NDArray[np.bool_]:
    """Draw who might as well have been in a stratum, if it meant nothing: bool [R, N].

    Whole patients change places with patients who have images of the same classes; a patient with images in
    the stratum and out of it changes them among themselves, within each class. So class shares stay as they
    are.
    """
    _, patient = np.unique(patients, return_inverse=True)
    profile = np.zeros((int(patient.max()) + 1, int(labels.max()) + 1), bool)
    profile[patient, labels] = True
    profile_number = np.unique(profile, axis=0, return_inverse=True)[1][patient]
    images, inside_images = np.bincount(patient), np.bincount(patient, inside)
    mixed = ((inside_images > 0) & (inside_images < images))[patient]

    # What changes places: a patient, or an image of a mixed patient; and among which.
    unit = np.unique(
        np.stack([patient, np.where(mixed, 1 + np.arange(len(labels)), 0)]), axis=1, return_inverse=True
    )[1]
    block = np.where(mixed, (1 + patient) * profile.shape[1] + labels, -1 - profile_number)
    first = np.unique(unit, return_index=True)[1]
    order = np.argsort(block[first], kind="stable")
    places = np.unique(block[first][order], return_inverse=True)[1]
    shuffled = np.argsort(places + rng.random((resamples, len(order))), axis=1)
    permuted = np.empty((resamples, len(order)), bool)
    permuted[:, order] = inside[first][order][shuffled]
    return permuted[:, unit]


def permutation_p(value: float, chance: Floats) -> float:
    """Share of permuted differences [R] at least as far from 0, the observed one being one of them."""
    known = chance[~np.isnan(chance)]
    if np.isnan(value) or known.size == 0:
        return np.nan
    return float((1 + (np.abs(known) >= abs(value) - 1e-12).sum()) / (1 + known.size))


def _permuted_differences(
    answers: Answers, inside: NDArray[np.bool_], rng: np.random.Generator, resamples: int
) -> dict[str, Floats]:
    parts = []
    for size in weight_chunks(len(answers), resamples):
        member = permuted_strata(answers.labels, answers.patients, inside, rng, size).astype(np.float64)
        of_inside, of_rest = difference_metrics(answers, member), difference_metrics(answers, 1 - member)
        parts.append({name: of_inside[name] - of_rest[name] for name in of_inside})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def with_holm(differences: Sequence[Difference]) -> list[Difference]:
    """Correct the p values of a family of differences for their number; unknown ones do not count."""
    corrected = holm(np.array([difference.p for difference in differences]))
    return [
        replace(difference, p_holm=float(p)) for difference, p in zip(differences, corrected, strict=True)
    ]
