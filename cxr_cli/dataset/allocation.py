"""Patients into parts, so that each part holds its share of every class."""

import numpy as np
from numpy.typing import NDArray


def class_counts(patients: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the films of each class that each patient has.

    Args:
        patients: int [N], patient number of each film, 0 ... P-1.
        labels: int [N], class number of each film, 0 ... C-1.

    Returns:
        int [P, C].
    """
    counts = np.zeros((patients.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (patients, labels), 1)
    return counts


def allocate_patients(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each patient to one part, so that part s holds close to shares[s] of the films of each class.

    Greedy: patients come in random order, those with many films first and those with the rarest class
    before the others, and each goes to the part that lacks most of what the patient has, measured as the
    share of the class's films still missing there.

    Args:
        counts: int [P, C], films of each class that each patient has.
        shares: float [S], positive, summing to one.
        rng: the order of patients, and so the draw.

    Returns:
        int [P], the part of each patient.
    """
    totals = counts.sum(0)
    missing = shares[:, None] * totals  # [S, C], films still wanted
    rarity = np.where(counts > 0, totals, np.iinfo(np.int64).max).min(1)
    order = rng.permutation(len(counts))
    order = order[np.lexsort((rarity[order], -counts[order].sum(1)))]
    parts = np.empty(len(counts), np.int64)
    for patient in order:
        weights = counts[patient] / totals
        lack = (missing / (shares[:, None] * totals)) @ weights
        # Equal lacks are broken by lot, else the patients with most films would all go to the first part.
        tied = np.flatnonzero(np.isclose(lack, lack.max()))
        part = int(rng.choice(tied, p=shares[tied] / shares[tied].sum()))
        parts[patient] = part
        missing[part] -= counts[patient]
    return parts
