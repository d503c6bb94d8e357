"""Training and validation images drawn by numbers of each class."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.splitting.allocation import class_counts, draw_more_patients, draw_patients

ClassCounts = int | Mapping[str, int]
"""Images of each class: one number for all, or a number by class."""

PARTS = ("train", "val")


class Drawn(NamedTuple):
    """What became of images that might be drawn.

    Attributes:
        parts: text [N], "train", "val" or "" (not drawn), the same for all images of a patient.
        kept: bool [N], False for images that a drawn patient has beyond the numbers wanted.
    """

    parts: NDArray[np.str_]
    kept: NDArray[np.bool_]


def read_class_counts(option: str, text: str | None) -> ClassCounts | None:
    """Read `375` or `positive=45,negative=90`; None stays None.

    Raises:
        UsageFault: not written so.
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        return int(text)
    counts = {}
    for item in text.split(","):
        match = re.fullmatch(r"\s*(.+?)\s*=\s*(\d+)\s*", item)
        if match is None or match[1] in counts:
            raise UsageFault(
                f"{option} {text!r}: one number, or one a class, as positive=45,negative=90, is needed"
            )
        counts[match[1]] = int(match[2])
    return counts


def counts_by_class(option: str, counts: ClassCounts, classes: Sequence[str]) -> NDArray[np.int64]:
    """Lay numbers out in the order of the classes: int [C].

    Raises:
        UsageFault: a class that is not there, or one without a number.
    """
    if isinstance(counts, int):
        return np.full(len(classes), counts, np.int64)
    known = ", ".join(map(repr, classes))
    for name in counts:
        if name not in classes:
            raise UsageFault(f"{option}: no class {name!r}; there are {known}")
    for name in classes:
        if name not in counts:
            raise UsageFault(f"{option}: no number for class {name!r}; write {name}=0 for none")
    return np.array([counts[name] for name in classes], np.int64)


def draw_by_counts(
    patients: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    wanted: NDArray[np.int64],
    rng: np.random.Generator,
) -> Drawn:
    """Draw patients so that train and val hold exactly the images wanted of each class.

    Args:
        patients: int [N], patient number of each image that may be drawn.
        labels: int [N], class number of each.
        classes: names of the classes.
        wanted: int [2, C], images of each class for train and for val.
        rng: the draw.

    Returns:
        The images drawn; all of them are kept wherever the numbers can be met with whole patients.

    Raises:
        BadInput: what is wanted cannot be had.
    """
    _check_enough(labels, classes, wanted)
    numbers, patients = np.unique(patients, return_inverse=True)
    counts = np.zeros((len(numbers), len(classes)), np.int64)
    found = class_counts(patients, labels)
    counts[:, : found.shape[1]] = found
    parts = draw_patients(counts, wanted, rng)
    drawn = draw_more_patients(counts, wanted, parts)
    had = np.stack([counts[drawn == part].sum(0) for part in range(len(PARTS))])
    _check_had(had, classes, wanted)
    kept = np.ones(len(labels), np.bool_)
    added = (drawn != parts)[patients]
    for part, number in np.argwhere(had > wanted):
        of_added = np.flatnonzero(added & (drawn[patients] == part) & (labels == number))
        kept[rng.choice(of_added, had[part, number] - wanted[part, number], replace=False)] = False
    return Drawn(np.array([*PARTS, ""])[drawn[patients]], kept)


def _check_enough(labels: NDArray[np.int64], classes: Sequence[str], wanted: NDArray[np.int64]) -> None:
    there = np.bincount(labels, minlength=len(classes))
    for number, name in enumerate(classes):
        train, val = wanted[:, number]
        if train + val > there[number]:
            raise BadInput(
                f"class {name!r}: {train + val} images are wanted ({train} for train, {val} for val), "
                f"{there[number]} of its images may be drawn"
            )


def _check_had(had: NDArray[np.int64], classes: Sequence[str], wanted: NDArray[np.int64]) -> None:
    for part, number in np.argwhere(had < wanted):
        beside = " and ".join(
            f"{had[other, number]} for {name}" for other, name in enumerate(PARTS) if other != part
        )
        raise BadInput(
            f"class {classes[number]!r}: {wanted[part, number]} images for {PARTS[part]} cannot be had of "
            f"whole patients, {had[part, number]} can, beside {beside}; ask for that"
        )
