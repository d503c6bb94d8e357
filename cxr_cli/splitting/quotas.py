"""Quotas: training and validation images sampled by numbers of each class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.splitting.allocation import add_patients, class_counts, sample_patients
from cxr_cli.splitting.criteria import ClassCounts

PARTS = ("train", "val")


class Sampled(NamedTuple):
    """Which of the candidate images were sampled.

    Attributes:
        parts: text [N], "train", "val" or "" (not sampled), the same for all images of a patient.
        kept: bool [N], False for images that a sampled patient has beyond the numbers wanted.
    """

    parts: NDArray[np.str_]
    kept: NDArray[np.bool_]


def counts_by_class(field: str, counts: ClassCounts, classes: Sequence[str]) -> NDArray[np.int64]:
    """Lay numbers out in the order of the classes: int [C].

    Raises:
        InvalidSetting: a class that is not there, or one without a number.
    """
    if isinstance(counts, int):
        return np.full(len(classes), counts, np.int64)
    known = ", ".join(map(repr, classes))
    for name in counts:
        if name not in classes:
            raise InvalidSetting(field, True, f"no class {name!r}; there are {known}")
    for name in classes:
        if name not in counts:
            raise InvalidSetting(field, True, f"no number for class {name!r}; write {name}=0 for none")
    return np.array([counts[name] for name in classes], np.int64)


def sample_by_counts(
    patients: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    wanted: NDArray[np.int64],
    rng: np.random.Generator,
) -> Sampled:
    """Sample patients so that train and val hold exactly the images wanted of each class.

    Args:
        patients: int [N], patient number of each candidate image.
        labels: int [N], class number of each.
        classes: names of the classes.
        wanted: int [2, C], images of each class for train and for val.
        rng: of the sampling.

    Returns:
        The images sampled; all of them are kept wherever the numbers can be met with whole patients.

    Raises:
        BadInput: there are too few images, or no whole patients that add up.
    """
    _check_enough(labels, classes, wanted)
    numbers, patients = np.unique(patients, return_inverse=True)
    counts = np.zeros((len(numbers), len(classes)), np.int64)
    found = class_counts(patients, labels)
    counts[:, : found.shape[1]] = found
    parts = sample_patients(counts, wanted, rng)
    sampled = add_patients(counts, wanted, parts)
    reached = np.stack([counts[sampled == part].sum(0) for part in range(len(PARTS))])
    _check_reached(reached, classes, wanted)
    kept = np.ones(len(labels), np.bool_)
    added = (sampled != parts)[patients]
    for part, number in np.argwhere(reached > wanted):
        of_added = np.flatnonzero(added & (sampled[patients] == part) & (labels == number))
        kept[rng.choice(of_added, reached[part, number] - wanted[part, number], replace=False)] = False
    return Sampled(np.array([*PARTS, ""])[sampled[patients]], kept)


def _check_enough(labels: NDArray[np.int64], classes: Sequence[str], wanted: NDArray[np.int64]) -> None:
    available = np.bincount(labels, minlength=len(classes))
    for number, name in enumerate(classes):
        train, val = wanted[:, number]
        if train + val > available[number]:
            raise BadInput(
                f"class {name!r}: {train + val} images are wanted ({train} for train, {val} for val), "
                f"{available[number]} are available"
            )


def _check_reached(reached: NDArray[np.int64], classes: Sequence[str], wanted: NDArray[np.int64]) -> None:
    for part, number in np.argwhere(reached < wanted):
        beside = " and ".join(
            f"{reached[other, number]} for {name}" for other, name in enumerate(PARTS) if other != part
        )
        raise BadInput(
            f"class {classes[number]!r}: {wanted[part, number]} images for {PARTS[part]} cannot be made up "
            f"of whole patients, {reached[part, number]} can, beside {beside}; ask for that"
        )
