"""Whether chance alone may have made a metric differ between a stratum and the other images.

If belonging to the stratum meant nothing, whole patients might change places with patients who have images of
the same classes, and the images of a patient who has some in it and some out of it among themselves, within
each class; so class shares stay as they are. Of shares that is counting hits that are dealt out (the
hypergeometric distribution, as in Fisher's exact test); metrics of ranks need the samples. Sampling stops
early where the p value is plainly large (Besag & Clifford 1991, Biometrika 78:301).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.confusion import Floats
from cxr_cli.evaluation.metrics.influence import placements

Mask = NDArray[np.bool_]

ENOUGH = 100
"""Samples at least as far from 0 as the observed difference, after which no more are taken: then a p value is
as precise, relative to itself, as one of 0.05 is of 2,000 samples."""
AT_ONCE = 100
LARGE = 50
"""Units of a block, from which on it is sampled by itself."""
ROUNDING = 1e-12


class Exchange:
    """Which images may change places between a stratum and the rest: units, in blocks.

    Attributes:
        unit: of each image, int [N]: its patient, or the image alone if the patient has some on both sides.
        block: of each unit, int [U]; units of one block may change places.
        inside: of each unit, bool [U].
    """

    def __init__(self, labels: NDArray[np.int64], patients: NDArray[np.int64], inside: Mask) -> None:
        """Find units and blocks.

        Args:
            labels: int [N], class numbers.
            patients: int [N], from 0.
            inside: bool [N], the stratum.
        """
        count, classes = int(patients.max()) + 1, int(labels.max()) + 1
        within = np.bincount(patients, inside, count)
        mixed = ((within > 0) & (within < np.bincount(patients, minlength=count)))[patients]
        has_class = np.zeros((count, classes), bool)
        has_class[patients, labels] = True
        profile = np.unique(has_class @ (1 << np.arange(classes)), return_inverse=True)[1]
        unit = np.where(mixed, count + np.arange(len(labels)), patients)
        _, first, self.unit = np.unique(unit, return_index=True, return_inverse=True)
        block = np.where(mixed, count + patients * classes + labels, profile[patients])
        self.block = np.unique(block[first], return_inverse=True)[1]
        self.inside = inside[first]

    def samples(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Sample strata without end: the places of the images of the smaller side, inside or outside."""
        smaller = self.inside if 2 * int(self.inside.sum()) <= len(self.inside) else ~self.inside
        sizes, taken = np.bincount(self.block), np.bincount(self.block, smaller).astype(np.int64)
        # A few large blocks, of patients of the same classes; many small ones, of the images of a patient.
        large = [
            (np.flatnonzero(self.block == one), int(taken[one]))
            for one in np.flatnonzero((sizes > LARGE) & (taken > 0))
        ]
        small = np.flatnonzero(((sizes <= LARGE) & (taken > 0))[self.block])
        small = small[np.argsort(self.block[small], kind="stable")]
        block = self.block[small]
        first = np.searchsorted(block, block) + taken[block] > np.arange(len(block))
        by_unit = np.argsort(self.unit, kind="stable")
        images = np.bincount(self.unit)
        starts = np.cumsum(images) - images
        while True:
            units = np.concatenate(
                [small[np.argsort(block + rng.random(len(block)))][first]]
                + [rng.choice(of, number, replace=False, shuffle=False) for of, number in large]
            )
            # Of each unit the images from its start on.
            counts = images[units]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            yield by_unit[np.repeat(starts[units], counts) + within]

    def share_p(
        self, counted: Mask, hits: Mask, value: float, rng: np.random.Generator, samples: int
    ) -> float:
        """Compute the p value of a difference of shares: exact where each unit has one image that counts.

        Args:
            counted, hits: bool [N].
            value: the share of hits in the stratum minus that of the rest, NaN where one of them is unknown.
            rng, samples: where it is not exact.
        """
        if np.isnan(value):
            return np.nan
        images, right = (
            np.bincount(self.unit, of, len(self.block)).astype(np.int64) for of in (counted, counted & hits)
        )
        # Blocks of units with one image each; in others the units differ in how many images count.
        most, least = (np.full(int(self.block.max()) + 1, start) for start in (0, len(counted)))
        np.maximum.at(most, self.block, images)
        np.minimum.at(least, self.block, images)
        of_ones = (most == 1) & (least == 1)
        single = of_ones[self.block]
        hits_inside = self._single_hits(right[single], self.block[single], self.inside[single])
        several = [
            _Deal.of(images[units], right[units], self.inside[units])
            for units in (self.block == one for one in np.flatnonzero((most > 0) & ~of_ones))
        ]
        fixed = np.array([images[single & self.inside].sum(), 0])
        total = np.array([images.sum(), right.sum()])

        def difference(dealt: NDArray[np.int64]) -> Floats:
            """Of images and hits in the stratum [R, 2]."""
            rest = total - dealt
            with np.errstate(invalid="ignore"):
                return np.asarray(dealt[:, 1] / dealt[:, 0] - rest[:, 1] / rest[:, 0])

        if not several:
            dealt = np.stack([np.full(len(hits_inside), fixed[0]), np.arange(len(hits_inside))], axis=1)
            return float(min(hits_inside[_as_far(difference(dealt), value)].sum(), 1.0))

        def sampled() -> Iterator[Floats]:
            rising = np.cumsum(hits_inside)
            while True:
                found = np.minimum(np.searchsorted(rising, rng.random(AT_ONCE)), len(rising) - 1)
                dealt = fixed + np.stack([np.zeros_like(found), found], axis=1)
                yield difference(dealt + sum(deal.sample(rng) for deal in several))

        return sequential_p(value, sampled(), samples)

    def _single_hits(self, hits: NDArray[np.int64], block: NDArray[np.int64], inside: Mask) -> Floats:
        """Compute the chance of each number of hits in the stratum, of units with one image: [hits + 1]."""
        sizes, good, taken = (
            np.bincount(block, of).astype(np.int64) for of in (np.ones(len(block)), hits, inside)
        )
        length = int(np.minimum(good, taken).sum()) + 1
        spectrum = np.ones(length // 2 + 1, complex)
        # Sums of independent numbers: their distributions' transforms are multiplied. Alike blocks at once.
        alike, numbers = np.unique(np.stack([sizes, good, taken]), axis=1, return_counts=True)
        for (size, those, dealt), number in zip(alike.T, numbers, strict=True):
            if size:
                spectrum *= np.fft.rfft(_hypergeometric(size, those, dealt), length) ** number
        return np.maximum(np.fft.irfft(spectrum, length), 0.0)


def _hypergeometric(size: int, good: int, dealt: int) -> Floats:
    """Chance of each number of good ones among those dealt, from 0; scipy's takes seconds for thousands."""
    found = np.arange(max(0, dealt - (size - good)), min(good, dealt) + 1)
    logarithms = _log_choices(good, found) + _log_choices(size - good, dealt - found)
    chances = np.zeros(found[-1] + 1)
    chances[found] = np.exp(logarithms - logarithms.max())
    return np.asarray(chances / chances.sum())


def _log_choices(of: int, some: NDArray[np.int64]) -> Floats:
    return np.asarray(gammaln(of + 1) - gammaln(some + 1) - gammaln(of - some + 1))


@dataclass(frozen=True)
class _Deal:
    """A block of units dealt to a stratum and the rest: kinds of units, how many of each, and taken."""

    kinds: NDArray[np.int64]
    numbers: NDArray[np.int64]
    taken: int

    @classmethod
    def of(cls, images: NDArray[np.int64], hits: NDArray[np.int64], inside: Mask) -> "_Deal":
        kinds, numbers = np.unique(np.stack([images, hits], axis=1), axis=0, return_counts=True)
        return cls(kinds, numbers, int(inside.sum()))

    def sample(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Images and hits in the stratum, [AT_ONCE, 2]."""
        dealt = rng.multivariate_hypergeometric(self.numbers, self.taken, AT_ONCE, method="marginals")
        return np.asarray(dealt @ self.kinds)


def sequential_p(value: float, sampled: Iterable[Floats], samples: int) -> float:
    """Compute the share of sampled differences at least as far from 0, the observed one being one of them.

    Args:
        value: observed; NaN where unknown.
        sampled: differences, some at a time, NaN where one is undefined; taken until `ENOUGH` are as far off.
        samples: at most.
    """
    if np.isnan(value):
        return np.nan
    taken = known = far = 0
    for some in sampled:
        of_interest = some[: samples - taken]
        taken += len(of_interest)
        as_far = _as_far(of_interest[~np.isnan(of_interest)], value)
        if far + as_far.sum() >= ENOUGH:
            return ENOUGH / (known + int(np.flatnonzero(as_far)[ENOUGH - far - 1]) + 1)
        known, far = known + len(as_far), far + int(as_far.sum())
        if taken >= samples:
            break
    return (1 + far) / (1 + known) if known else np.nan


def sequential_ps(
    values: Mapping[str, float], sampled: Iterator[Mapping[str, Floats]], samples: int
) -> dict[str, float]:
    """Compute p values of several differences from the same samples; see `sequential_p`."""
    taken: list[Mapping[str, Floats]] = []
    for some in sampled:
        taken.append(some)
        far = [sum(_as_far(of[name], value).sum() for of in taken) for name, value in values.items()]
        if min(far) >= ENOUGH or sum(len(next(iter(of.values()))) for of in taken) >= samples:
            break
    return {name: sequential_p(value, (of[name] for of in taken), samples) for name, value in values.items()}


def _as_far(differences: Floats, value: float) -> Mask:
    return np.asarray(np.abs(differences) >= abs(value) - ROUNDING)


class AreaDifferences:
    """Differences of AUCs between some images and the others, for one set of images after another.

    Pairs of all images are counted once, and then those within a set; those of the others follow.
    """

    def __init__(self, answers: Answers, numbers: Sequence[int]) -> None:
        """Count the pairs.

        Args:
            answers: of all images, with scores.
            numbers: of the classes, each against all others; the difference is of their mean.
        """
        assert answers.scores is not None
        self._classes = []
        for number in numbers:
            positive, scores = answers.labels == number, answers.scores[:, number]
            positives, negatives = int(positive.sum()), int((~positive).sum())
            wins = placements(positive, scores) * np.where(positive, negatives, positives)
            rank = np.unique(scores, return_inverse=True)[1]
            self._classes.append((positive, rank, wins, positives, negatives, float(wins[positive].sum())))

    def of(self, images: NDArray[np.int64]) -> float:
        """Compute the difference of images, by their places, to the others; NaN where a side has no pair."""
        differences = []
        for positive, rank, wins, positives, negatives, pairs_won in self._classes:
            of_class, ranks = positive[images], rank[images]
            below = np.sort(ranks[~of_class])
            within = sum(np.searchsorted(below, ranks[of_class], side).sum() for side in SIDES) / 2
            own = len(images) - len(below)
            pairs, others = own * len(below), (positives - own) * (negatives - len(below))
            if pairs == 0 or others == 0:
                return np.nan
            rest = pairs_won - wins[images].sum() + within
            differences.append(within / pairs - rest / others)
        return float(np.mean(differences))


SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
