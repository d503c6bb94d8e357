"""Allocation of patients to parts, so that each part holds its share of every class."""

import numpy as np
from numpy.typing import NDArray

UNALLOCATED = -1
"""The part of a patient who is in none."""
ORDERS = 20
"""Random orders of patients that are tried to meet counts exactly."""


def class_counts(patients: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the images of each class that each patient has.

    Args:
        patients: int [N], patient number of each image, 0 ... P-1.
        labels: int [N], class number of each image, 0 ... C-1.

    Returns:
        int [P, C].
    """
    counts = np.zeros((patients.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (patients, labels), 1)
    return counts


def allocate_patients(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each patient to one part, so that part s holds close to shares[s] of the images of each class.

    Greedy: patients come in random order, those with many images first and those with the rarest class
    before the others, and each goes to the part that lacks most of what the patient has, measured as the
    share of the class's images still missing there.

    Args:
        counts: int [P, C], images of each class that each patient has.
        shares: float [S], positive, summing to one.
        rng: of the order of patients.

    Returns:
        int [P], the part of each patient.
    """
    totals = counts.sum(0)
    missing = shares[:, None] * totals  # [S, C], images still wanted
    rarity = np.where(counts > 0, totals, np.iinfo(np.int64).max).min(1)
    order = rng.permutation(len(counts))
    order = order[np.lexsort((rarity[order], -counts[order].sum(1)))]
    parts = np.empty(len(counts), np.int64)
    for patient in order:
        weights = counts[patient] / totals
        lack = (missing / (shares[:, None] * totals)) @ weights
        # Ties are broken at random, else the patients with most images would all go to the first part.
        tied = np.flatnonzero(np.isclose(lack, lack.max()))
        part = int(rng.choice(tied, p=shares[tied] / shares[tied].sum()))
        parts[patient] = part
        missing[part] -= counts[patient]
    return parts


def sample_patients(
    counts: NDArray[np.int64], wanted: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Sample patients for parts, so that part s holds exactly wanted[s] images of each class, where possible.

    Patients come in random order, and each is taken whose images all fit; among parts that they fit, one is
    chosen at random in proportion to what it lacks. Where counts are not met, other random orders are tried,
    then orders with the patients of many images first (those with few then fill up). That happens only where
    nearly all images are wanted, so that it hardly biases the sample. The first attempt that lacks least
    is kept.

    Args:
        counts: int [P, C], images of each class that each patient has.
        wanted: int [S, C], images of each class for each part.
        rng: of the sampling.

    Returns:
        int [P], the part of each patient, `UNALLOCATED` where none. No part holds more than is wanted.
    """
    best, least = np.full(len(counts), UNALLOCATED), int(wanted.sum())
    for attempt in range(2 * ORDERS):
        order = rng.permutation(len(counts))
        if attempt >= ORDERS:
            order = order[np.argsort(-counts[order].sum(1), kind="stable")]
        parts, lacking = _first_fit(counts, wanted, order, rng)
        if lacking < least:
            best, least = parts, lacking
        if not least:
            break
    return best


def _first_fit(
    counts: NDArray[np.int64], wanted: NDArray[np.int64], order: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """Take patients in order, each into a part that they fit; return parts, and the images lacking."""
    parts = np.full(len(counts), UNALLOCATED)
    lack = wanted.copy()
    for patient in order[counts[order].sum(1) > 0]:
        fitting = np.flatnonzero((counts[patient] <= lack).all(1))
        if len(fitting):
            weights = lack[fitting] @ (counts[patient] > 0)
            part = fitting[0] if len(fitting) == 1 else rng.choice(fitting, p=weights / weights.sum())
            parts[patient] = part
            lack[part] -= counts[patient]
            if not lack.any():
                break
    return parts, int(lack.sum())


def add_patients(
    counts: NDArray[np.int64], wanted: NDArray[np.int64], parts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Add unallocated patients to parts that still lack images, those with the least surplus first.

    Args:
        counts: int [P, C], images of each class that each patient has.
        wanted: int [S, C], images of each class for each part.
        parts: int [P], as `sample_patients` gave them.

    Returns:
        int [P], the part of each patient; a part may now hold more images than are wanted, and lacks some
        only where no unallocated patient has any of that class.
    """
    parts = parts.copy()
    for part, of_part in enumerate(wanted):
        while True:
            lack = np.maximum(of_part - counts[parts == part].sum(0), 0)
            useful = np.minimum(counts, lack).sum(1) * (parts == UNALLOCATED)
            if not useful.any():
                break
            surplus = counts.sum(1) - useful
            parts[np.lexsort((surplus, useful == 0))[0]] = part
    return parts
