"""Several models, and human readers, on the same images: metrics, paired differences, agreement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.agreement import cohen_kappa, fleiss_kappa
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.ranking import weighted_roc_value
from cxr_cli.evaluation.subgroups.differences import Difference, with_holm
from cxr_cli.evaluation.subgroups.paired import paired_differences, swapped_differences
from cxr_cli.evaluation.subgroups.permutation import sequential_ps
from cxr_cli.evaluation.subgroups.strata import ALL_IMAGES, SMALL, count_images, count_patients
from cxr_cli.evaluation.uncertainty.estimates import Estimate, Estimates, estimate
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES, over_resamples, percentile_interval


@dataclass(frozen=True)
class Pair:
    """The second model's metrics minus the first's, with paired intervals and p values."""

    first: str
    second: str
    differences: dict[str, Difference]


@dataclass(frozen=True)
class Comparison:
    """Models on the same images: all of them, or those of one stratum.

    Attributes:
        by: the characteristic that the images share, such as "view_position"; "" for all images.
        name: its value.
        images, patients: counts.
        of_class, patients_of_class: images, and patients, of each class.
        small: a class has fewer patients than asked for.
        estimates: every metric of each model, by the model's name.
        pairs: every two models.
    """

    by: str
    name: str
    images: int
    patients: int
    of_class: dict[str, int]
    patients_of_class: dict[str, int]
    small: bool
    estimates: dict[str, Estimates]
    pairs: tuple[Pair, ...]


def compare_models(
    models: Mapping[str, Answers],
    divisions: Mapping[str, Mapping[str, NDArray[np.bool_]]],
    seed: int,
    resamples: int = RESAMPLES,
    small: int = SMALL,
) -> list[Comparison]:
    """Estimate every metric of every model, and every two models' differences.

    Every pair is swapped by the same seed, so that a pair has one p value whatever it is compared beside.

    A metric's p values are corrected for the number of pairs; those of a characteristic for the number of
    pairs and strata (Holm).

    Args:
        models: by name, of the same N images in the same order.
        divisions: by name, the strata of a characteristic by name: bool [N].
        seed: of the swaps of each pair.
        resamples: how many swaps at most.
        small: a stratum with fewer patients of a class is marked.

    Returns:
        All images first, then each characteristic's strata.
    """
    everything = np.ones(len(next(iter(models.values()))), bool)
    groups: dict[str, Mapping[str, NDArray[np.bool_]]] = {"": {ALL_IMAGES: everything}, **divisions}
    found: list[Comparison] = []
    for by, strata in groups.items():
        family = [
            _compare(
                by, name, {model: of.take(inside) for model, of in models.items()}, seed, resamples, small
            )
            for name, inside in strata.items()
        ]
        found += _corrected(family)
    return found


def _compare(
    by: str, name: str, models: Mapping[str, Answers], seed: int, resamples: int, small: int
) -> Comparison:
    some = next(iter(models.values()))
    patients_of_class = count_patients(some)
    return Comparison(
        by=by,
        name=name,
        images=len(some),
        patients=len(np.unique(some.patients)),
        of_class=count_images(some),
        patients_of_class=patients_of_class,
        small=min(patients_of_class.values()) < small,
        estimates={model: estimate(answers) for model, answers in models.items()},
        pairs=tuple(
            Pair(first, second, _differences(models[first], models[second], seed, resamples))
            for first, second in combinations(models, 2)
        ),
    )


def _differences(first: Answers, second: Answers, seed: int, resamples: int) -> dict[str, Difference]:
    """Compute paired differences, with a p value by swapping predictions where there is no other test."""
    found = paired_differences(first, second)
    without = {name: of.value for name, of in found.items() if np.isnan(of.p) and not np.isnan(of.value)}
    if not without:
        return found
    swapped = swapped_differences(first, second, np.random.default_rng(seed))
    ps = sequential_ps(without, swapped, resamples)
    return {name: replace(of, p=ps.get(name, of.p)) for name, of in found.items()}


def _corrected(family: Sequence[Comparison]) -> list[Comparison]:
    """Correct each metric's p values for the number of pairs in all comparisons of a family."""
    pairs = [(place, pair) for place, comparison in enumerate(family) for pair in comparison.pairs]
    differences = [dict(pair.differences) for _, pair in pairs]
    for metric in {name: None for of in differences for name in of}:
        having = [of for of in differences if metric in of]
        for of, corrected in zip(having, with_holm([of[metric] for of in having]), strict=True):
            of[metric] = corrected
    corrected_pairs: list[list[Pair]] = [[] for _ in family]
    for (place, pair), of in zip(pairs, differences, strict=True):
        corrected_pairs[place].append(replace(pair, differences=of))
    return [replace(one, pairs=tuple(of)) for one, of in zip(family, corrected_pairs, strict=True)]


def is_noninferior(difference: Difference, margin: float) -> bool | None:
    """Whether a model is not worse than another by `margin` or more: the lower 95% limit is above -margin.

    That is a one-sided test at 2.5% (Piaggio et al. 2012, JAMA 308:2594). None without an interval.

    Args:
        difference: the model's metric minus the reference's; of a metric of which more is better.
        margin: the largest loss that is acceptable, more than 0.
    """
    low = difference.interval.low
    return None if np.isnan(low) else bool(low > -margin)


@dataclass(frozen=True)
class ReaderResult:
    """A human reader's calls beside the models.

    Attributes:
        name: of the reader.
        images: how many the reader read.
        sensitivity, specificity: of the reader's calls.
        model_sensitivity: by model, its sensitivity at the reader's specificity.
        model_difference: by model, that sensitivity minus the reader's.
    """

    name: str
    images: int
    sensitivity: Estimate
    specificity: Estimate
    model_sensitivity: dict[str, Estimate]
    model_difference: dict[str, Difference]


def compare_reader(
    name: str,
    calls: NDArray[np.int64],
    models: Mapping[str, Answers],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> ReaderResult:
    """Compare a reader's calls with the models, each model at the reader's own specificity.

    In each resample of patients both the reader's point and the model's ROC curve are those of the resample.

    Args:
        name: of the reader.
        calls: int [N], the class the reader gave each image; -1 where the reader did not read it.
        models: by name, of these N images, with a positive class.
        rng, resamples: of patients.
    """
    read = calls >= 0
    some = next(iter(models.values())).take(read)
    positive = some.positive
    if positive is None:
        raise ValueError("readers are compared on one finding")
    reader = replace(some, predicted=calls[read], scores=None)
    estimates = estimate(reader).per_class
    sensitivities, differences = {}, {}
    for model, answers in models.items():
        scored = answers.take(read)
        if scored.scores is not None:
            sensitivities[model], differences[model] = _at_specificity(reader, scored, rng, resamples)
    return ReaderResult(
        name=name,
        images=int(read.sum()),
        sensitivity=estimates["sensitivity"][positive],
        specificity=estimates["specificity"][positive],
        model_sensitivity=sensitivities,
        model_difference=differences,
    )


def _at_specificity(
    reader: Answers, model: Answers, rng: np.random.Generator, resamples: int
) -> tuple[Estimate, Difference]:
    """Estimate the model's sensitivity at the reader's specificity, and what it is above the reader's."""
    assert reader.positive is not None
    assert model.scores is not None
    of_class, called = reader.labels == reader.positive, reader.predicted == reader.positive
    scores = model.scores[:, reader.positive]

    def sensitivities(weights: Floats) -> dict[str, Floats]:
        positives, negatives = weights * of_class, weights * ~of_class
        with np.errstate(invalid="ignore"):  # a resample without images of a class: NaN
            false_alarms = (negatives * called).sum(1) / negatives.sum(1)
            own = (positives * called).sum(1) / positives.sum(1)
        reached = weighted_roc_value(of_class, scores, weights, false_alarms)
        return {"model": reached, "difference": reached - own}

    values = sensitivities(np.ones((1, len(reader))))
    resampled = over_resamples(sensitivities, reader.patients, rng, resamples)
    return (
        Estimate(float(values["model"][0]), percentile_interval(resampled["model"])),
        Difference(float(values["difference"][0]), percentile_interval(resampled["difference"]), np.nan),
    )


@dataclass(frozen=True)
class Agreement:
    """How far readers agree on the images that all of them read.

    Attributes:
        readers: two, or all.
        images: that all of these read.
        share: of images on which all of them agree.
        kappa: Cohen's of two, Fleiss' of more.
    """

    readers: tuple[str, ...]
    images: int
    share: float
    kappa: Estimate


def agreement_of(
    calls: Mapping[str, NDArray[np.int64]],
    classes: int,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> list[Agreement]:
    """Estimate the agreement of every two readers, and of all where there are three or more.

    Args:
        calls: by reader, int [N] class numbers; -1 where the reader did not read the image.
        classes: how many there are.
        patients: int [N].
        rng, resamples: of patients.
    """
    groups: list[tuple[str, ...]] = list(combinations(calls, 2))
    if len(calls) > 2:
        groups.append(tuple(calls))
    found = []
    for readers in groups:
        every = np.stack([calls[reader] for reader in readers], axis=1)
        read = (every >= 0).all(1)
        every, of = every[read], patients[read]
        if not len(every):
            continue
        kappa = (
            cohen_kappa(every[:, 0], every[:, 1], classes, of, rng, resamples)
            if len(readers) == 2
            else fleiss_kappa(every, classes, of, rng, resamples)
        )
        share = float((every == every[:, :1]).all(1).mean())
        found.append(Agreement(readers, len(every), share, kappa))
    return found
