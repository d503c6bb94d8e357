"""How far a metric of some images is from that of the others, and whether chance alone may have done it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit
from scipy.stats import norm

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.registry import BY_NAME, MeanOf, Proportion, computable, shown
from cxr_cli.evaluation.subgroups.permutation import AreaDifferences, Exchange, Mask, sequential_p
from cxr_cli.evaluation.uncertainty.estimates import Estimator
from cxr_cli.evaluation.uncertainty.holm import holm
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES, UNKNOWN, Interval, none_for_nan
from cxr_cli.evaluation.uncertainty.mover import correlations, difference_interval

MANY_PATIENTS = 200
"""Of each class on each side, from which on the variance of an AUC's log odds gives its p value."""


@dataclass(frozen=True)
class Difference:
    """A difference of two values of a metric, with its interval, the p value of no difference, and Holm's p.

    NaN where one is unknown. `caution` says why the interval is unreliable: that of a side is.
    """

    value: float
    interval: Interval
    p: float
    p_holm: float = np.nan
    caution: str = ""

    def as_json(self) -> dict[str, float | str | None]:
        """Plain numbers, None where unknown."""
        numbers = {
            "value": self.value,
            "low": self.interval.low,
            "high": self.interval.high,
            "p": self.p,
            "p_holm": self.p_holm,
        }
        return {**none_for_nan(numbers), "method": self.interval.method, "caution": self.caution or None}


def compared_metrics(answers: Answers) -> dict[str, tuple[str, int | None]]:
    """Name the metrics that do not depend on how frequent the classes are: each with its class's number.

    Others, such as accuracy and precision, differ between strata whose class shares differ, without the model
    being any better in one of them.
    """
    if answers.positive is not None:
        rows = computable(answers, shown("difference of a finding"))
        return {row.name: (row.name, answers.positive if row.of == "class" else None) for row in rows}
    rows = computable(answers, shown("difference of classes"))
    of_classes: dict[str, tuple[str, int | None]] = {
        f"{row.name} {label}": (row.name, number)
        for row in rows
        if row.of == "class"
        for number, label in enumerate(answers.classes)
    }
    return of_classes | {row.name: (row.name, None) for row in rows if row.of == "all"}


def differences_to_rest(
    answers: Answers,
    inside: Mask,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    of_inside: Estimator | None = None,
) -> dict[str, Difference]:
    """Compare a stratum's metrics with those of all other images: the stratum's minus the others'.

    A mean over classes is compared only where both sides have images of the same classes.

    The interval is made from those of both sides, which patients may have images on. The p value is of
    `Exchange`: who might as well have been in the stratum. Of the AUC it is by the variance of both where
    patients are many.

    Args:
        answers: of all images; patients are numbered from 0.
        inside: bool [N], the stratum.
        rng: draws strata.
        resamples: strata that are drawn, at most.
        of_inside: the metrics of the stratum, where they are at hand.
    """
    patients = int(answers.patients.max()) + 1
    sides = of_inside or Estimator(answers.take(inside)), Estimator(answers.take(~inside))
    exchange = Exchange(answers.labels, answers.patients, inside)
    differences = {}
    for label, (name, number) in compared_metrics(answers).items():
        here, there = (side.estimate(name, number) for side in sides)
        rule, value = BY_NAME[name].interval, here.value - there.value
        if isinstance(rule, MeanOf) and sides[0].classes_of(rule) != sides[1].classes_of(rule):
            value = np.nan
        if np.isnan(value):
            differences[label] = Difference(value, UNKNOWN, np.nan)
            continue
        influences = [side.influence(name, number, patients) for side in sides]
        together = float(correlations(influences)[0, 1])
        interval = difference_interval((here.value, there.value), (here.interval, there.interval), together)
        if isinstance(rule, Proportion) and number is not None:
            parts = rule.parts(answers.labels == number, answers.predicted == number)
            p = exchange.share_p(*parts, value, rng, resamples)
        else:
            p = _area_p(
                answers, inside, (here.value, there.value), influences, exchange, number, rng, resamples
            )
        caution = "" if interval is UNKNOWN else here.caution or there.caution
        differences[label] = Difference(value, interval, p, caution=caution)
    return differences


def _area_p(
    answers: Answers,
    inside: Mask,
    values: tuple[float, float],
    influences: Sequence[Floats],
    exchange: Exchange,
    number: int | None,
    rng: np.random.Generator,
    resamples: int,
) -> float:
    """Compute the p value of a difference of AUCs: by their variance on log odds, or by sampled strata."""
    there = np.unique(answers.labels).tolist()
    numbers = there if number is None else [number]
    fewest = min(
        np.count_nonzero(np.bincount(answers.patients[side & (answers.labels == one)]))
        for side in (inside, ~inside)
        for one in there
    )
    if fewest >= MANY_PATIENTS and max(values) < 1 and min(values) > 0:
        first, second = (of / (value * (1 - value)) for of, value in zip(influences, values, strict=True))
        error = float(np.sqrt(((first - second) ** 2).sum()))
        return float(2 * norm.sf(abs(logit(values[0]) - logit(values[1])) / error))
    areas = AreaDifferences(answers, numbers)
    sampled = (np.array([areas.of(images)]) for images in exchange.samples(rng))
    return sequential_p(values[0] - values[1], sampled, resamples)


def with_holm(differences: Sequence[Difference]) -> list[Difference]:
    """Correct the p values of a family of differences for their number; unknown ones do not count."""
    corrected = holm(np.array([difference.p for difference in differences]))
    return [
        replace(difference, p_holm=float(p)) for difference, p in zip(differences, corrected, strict=True)
    ]
