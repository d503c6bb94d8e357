"""Pairs of images for a siamese model, sampled again each epoch.

Source: "Siamesifying the COVID-Net", section 3.1: every image of the rarest class and as many of each other
class; half of the pairs of one class, half of two, even over the classes within both halves.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.training.sampling import balanced_epoch


class Pairs(NamedTuple):
    """Pairs of images: places int [P, 2], and `different` int [P], 1 where the classes are."""

    images: NDArray[np.int64]
    different: NDArray[np.int64]


def most_pairs(labels: NDArray[np.int64]) -> int:
    """Count the pairs that an epoch can have with no pair twice, half of them of one class.

    Args:
        labels: int [N], class numbers of the training images; two classes or more.
    """
    classes, counts = np.unique(labels, return_counts=True)
    rarest, number = int(counts.min()), len(classes)
    same = number * rarest * (rarest - 1) // 2
    different = number * (number - 1) // 2 * rarest**2
    return 2 * min(same, different)


def draw_pairs(labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> Pairs:
    """Draw an epoch's pairs, none twice and no image with itself, in random order.

    As long as there are at least as many pairs as images (and one more a class where the rarest has an odd
    number of images), every image of the epoch, and so every image of the rarest class, is in one.

    Args:
        labels: int [N], class numbers.
        count: pairs wanted; `most_pairs` are the most that can be had.
        rng: the draw.

    Returns:
        min(count, most_pairs) pairs, or one fewer if that is odd; places in `labels`.

    Raises:
        BadInput: fewer than two classes, or a class with a single image.
    """
    if len(np.unique(labels)) < 2 or np.bincount(labels)[np.unique(labels)].min() < 2:
        raise BadInput("pairs need two classes or more, with two training images or more in each")
    half = min(count, most_pairs(labels)) // 2
    images = balanced_epoch(labels, rng)
    by_class = [images[labels[images] == name] for name in np.unique(labels)]
    mixed = list(combinations(by_class, 2))
    same = [
        _pairs_within(of_class, quota, rng)
        for of_class, quota in zip(by_class, _even_quotas(half, len(by_class), rng), strict=True)
    ]
    different = [
        _pairs_between(first, second, quota, rng)
        for (first, second), quota in zip(mixed, _even_quotas(half, len(mixed), rng), strict=True)
    ]
    order = rng.permutation(2 * half)
    return Pairs(np.concatenate(same + different)[order], np.repeat([0, 1], half)[order])


def _even_quotas(total: int, parts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    quotas = np.full(parts, total // parts)
    quotas[rng.permutation(parts)[: total % parts]] += 1
    return np.asarray(quotas)


def _pairs_within(images: NDArray[np.int64], quota: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw pairs of one class; first such that each image has a partner, then among all others."""
    count = len(images)
    upper = np.stack(np.triu_indices(count, 1), axis=1)
    # Images come in random order, so 0-1, 2-3, ... is a random matching (an odd last one joins the first).
    partners = np.arange(count + count % 2).reshape(-1, 2)[:quota] % count
    i, j = np.sort(partners, axis=1).T
    chosen = i * (2 * count - i - 1) // 2 + j - i - 1  # places in `upper`, which goes row by row
    others = np.setdiff1d(np.arange(len(upper)), chosen, assume_unique=True)
    drawn = np.concatenate([chosen, rng.choice(others, quota - len(chosen), replace=False)])
    return np.asarray(images[upper[drawn]])


def _pairs_between(
    first: NDArray[np.int64], second: NDArray[np.int64], quota: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw pairs of two classes."""
    i, j = np.divmod(rng.choice(len(first) * len(second), quota, replace=False), len(second))
    pairs = np.stack([first[i], second[j]], axis=1)
    return rng.permuted(pairs, axis=1)


def draw_class_even_batches(
    labels: NDArray[np.int64], batch_size: int, batches: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw batches whose classes are as even as their size allows, no image twice in a batch.

    Args:
        labels: int [N], class numbers.
        batch_size: images a batch, at most classes x images of the rarest class.
        batches: how many.
        rng: the draw.

    Returns:
        int [batches, batch_size], places in `labels`.
    """
    number = len(np.unique(labels))
    passes = []
    per_pass = number * int(np.bincount(labels)[np.unique(labels)].min()) // batch_size
    for _ in range(-(-batches // per_pass)):
        images = balanced_epoch(labels, rng)
        interleaved = images[np.argsort(labels[images], kind="stable")].reshape(number, -1).T.ravel()
        passes.append(interleaved[: per_pass * batch_size].reshape(per_pass, batch_size))
    return np.concatenate(passes)[:batches]
