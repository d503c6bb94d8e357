"""Which stored values belong to the exposed area: not padding, not what a collimator or shutter covered."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cxr_cli.images.dicom.elements import code_strings, numbers
from cxr_cli.images.raster import MIN_SIDE

COVERS = ("Collimator", "Shutter")
"""Attributes ...Shape and ...LeftVerticalEdge (PS3.3 C.8.7.3 and C.7.6.11) begin with these."""

EDGES = ("UpperHorizontalEdge", "LowerHorizontalEdge", "LeftVerticalEdge", "RightVerticalEdge")


LEAST_PADDING = 0.25
"""Share of the image's outermost pixels that padding has at least."""

FAR = 0.5
"""Padding is farther from all other values than this share of their range."""

MIN_VALUES = 32
"""Of fewer values it cannot be said that one of them is far from the others."""

SAMPLED_SIDE = 128
"""Pixels that are compared with what may be padding, along each side of the image, spread over it."""


def padding_range(header: Dataset) -> tuple[int, int] | None:
    """The stored values, first to last, that are padding (PS3.3 C.7.5.1.1.2); None where there are none."""
    value, limit = (numbers(header, f"PixelPadding{end}")[:1] for end in ("Value", "RangeLimit"))
    if not value or value[0] is None:
        return None
    ends = [_as_stored(int(end), header) for end in value + limit if end is not None]
    return min(ends), max(ends)


def find_padding(stored: NDArray[np.integer]) -> int | None:
    """The one stored value at the borders that is far from all others; None where there is none."""
    edges = np.concatenate((stored[0], stored[-1], stored[:, 0], stored[:, -1]))
    step = max(1, min(stored.shape) // SAMPLED_SIDE)
    for end in (int(stored.min()), int(stored.max())):
        if np.mean(edges == end) < LEAST_PADDING:
            continue
        sample = stored[::step, ::step].astype(int)
        others = sample[sample != end]
        far = bool(others.size) and np.abs(others - end).min() > FAR * np.ptp(others)
        if far and len(np.unique(others)) >= MIN_VALUES:
            return end
    return None


def exposed_part(stored: NDArray[np.integer], header: Dataset) -> NDArray[np.integer]:
    """The part [h, w] of the stored values [H, W] inside collimator, shutter, and borders of one value."""
    for cover in COVERS:
        stored = _inside(stored, header, cover)
    return _without_borders(stored)


def _as_stored(value: int, header: Dataset) -> int:
    """Give a padding value the sign of the pixels: writers mix up US and SS."""
    signed_start = 2**15 if header.PixelRepresentation else 0
    return (value + signed_start) % 2**16 - signed_start


def _inside(stored: NDArray[np.integer], header: Dataset, cover: str) -> NDArray[np.integer]:
    if "RECTANGULAR" not in code_strings(header, f"{cover}Shape"):
        return stored
    edges = [edge for name in EDGES for edge in numbers(header, f"{cover}{name}")[:1] if edge is not None]
    if len(edges) < len(EDGES):
        return stored
    top, bottom, left, right = map(int, edges)  # counted from 1, the last one inside
    part = stored[max(top - 1, 0) : max(bottom, 0), max(left - 1, 0) : max(right, 0)]
    return part if min(part.shape) >= MIN_SIDE else stored


def _without_borders(stored: NDArray[np.integer]) -> NDArray[np.integer]:
    """Cut off rows and columns at the edges that have one value throughout; an image of one value stays."""
    top, bottom = _varied(stored)
    left, right = _varied(stored[top:bottom].T)
    part = stored[top:bottom, left:right]
    return part if part.size else stored


def _varied(lines: NDArray[np.integer]) -> tuple[int, int]:
    """First line of more than one value, and the one after the last; equal where there is none."""
    first, after = 0, len(lines)
    while first < after and (lines[first] == lines[first, 0]).all():
        first += 1
    while after > first and (lines[after - 1] == lines[after - 1, 0]).all():
        after -= 1
    return first, after
