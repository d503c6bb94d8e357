"""From stored to display values (PS3.3 C.11.1 and C.11.2, PS3.4 N.2), worked out once for each value.

Tables, windows and rescaling that cannot be right for the values are passed over, with a reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cxr_cli.images.dicom.elements import code_string, numbers
from cxr_cli.images.dicom.tables import UnusableError, read_table
from cxr_cli.images.raster import to_gray
from cxr_cli.images.rejected import RejectedImageError

SAMPLED_SIDE = 256
"""Pixels by whose gray levels a table or window is judged, along each side of the image, spread over it."""

MUCH, NEARLY_ALL = 0.75, 0.85
"""Shares of the exposed area, all white or all black, that are recorded, and that no window may leave so."""

MOST_PADDING = 0.95
"""Share of the exposed area that padding may be."""

FEW_LEVELS = 32
"""Gray levels that are too few where there are several times as many values."""

MIN_VALUES, FEW_OTHERS = 32, 0.1
"""Of fewer values none can be said to lie far outside, and no larger share of them."""

SLOPES = (1e-9, 1e9)
"""Rescale slopes that can be meant, without their sign."""


@dataclass(frozen=True)
class Display:
    """Display values [V], uint8, 0 black, of stored values in order; how they came about; inverted or not."""

    gray: NDArray[np.uint8]
    mapping: str
    inverted: bool


def display_values(
    stored: NDArray[np.int64],
    exposed: NDArray[np.integer],
    padding: NDArray[np.bool_],
    header: Dataset,
    despite: Callable[[str], None],
) -> Display:
    """Map stored values [V] to display values.

    Modality LUT or rescale; then the first VOI LUT or, without one, window that can be applied, else the full
    range of the `exposed` values; inversion for MONOCHROME1 or an INVERSE presentation LUT shape comes last,
    once. Padding is black.

    Args:
        stored: the values to map.
        exposed: the values that the pixels of the exposed area have, all of them in `stored`: [H, W].
        padding: which of them are not part of the image: [V].
        header: what is applied.
        despite: called with what in the header was passed over or corrected, and why.

    Raises:
        RejectedImageError: a modality LUT that cannot be applied, a VOI LUT function that is not known, or
            hardly anything but padding.
    """
    modality, rescaled = _modality_values(stored, header, despite)
    inverted = is_inverted(header)
    step = max(1, min(exposed.shape) // SAMPLED_SIDE)
    sample = exposed[::step, ::step].ravel().astype(np.int64) - stored[0]
    counts = np.bincount(sample, minlength=len(stored))
    if counts[padding].sum() > MOST_PADDING * counts.sum():
        raise RejectedImageError("constant: nothing but padding, by PixelPaddingValue")
    counts[padding] = 0
    for name, attempt in (*_tables(modality, header, despite), *_windows(modality, header)):
        try:
            gray, mapping = attempt()
            gray = 255 - gray if inverted else gray
            _judge(gray, counts, despite)
            break
        except UnusableError as error:
            despite(f"{name}: {error}")
    else:
        occurring = np.isin(stored, exposed)
        gray, mapping = _full_range(modality, occurring & ~padding, despite)
        gray = 255 - gray if inverted else gray
    # No pixel of the image has this value, and it takes no part in the pipeline (PS3.3 C.7.5.1.1.2).
    return Display(np.where(padding, np.uint8(0), gray), f"{rescaled}{mapping}", inverted)


def is_inverted(header: Dataset) -> bool:
    """Whether the least value is white: said by MONOCHROME1, by a presentation LUT shape INVERSE, or by both.

    Where both are there they say the same: INVERSE "shall be used if Photometric Interpretation is
    MONOCHROME1" and IDENTITY with MONOCHROME2 (PS3.3 C.7.6.1.1, C.8.11.3.1.1), and so it is one inversion.
    """
    shape = code_string(header, "PresentationLUTShape")
    return bool(header.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE")


def _modality_values(
    stored: NDArray[np.int64], header: Dataset, despite: Callable[[str], None]
) -> tuple[NDArray[Any], str]:
    if header.get("ModalityLUTSequence"):
        signed = bool(header.PixelRepresentation)
        try:
            table = read_table(header.ModalityLUTSequence[0], stored[0], stored[-1], signed, despite)
        except UnusableError as error:
            raise RejectedImageError(f"a modality LUT that cannot be applied: {error}") from None
        return table.look_up(stored), "modality lut; "
    slope, intercept = (
        next(iter(numbers(header, keyword)), default)
        for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    if slope is None or not SLOPES[0] <= abs(slope) <= SLOPES[1]:
        despite("RescaleSlope: " + ("not a number" if slope is None else f"{slope:g}"))
        slope = 1.0
    if intercept is None:
        despite("RescaleIntercept: not a number")
        intercept = 0.0
    said = "" if (slope, intercept) == (1.0, 0.0) else f"rescale {slope:g} {intercept:g}; "
    return stored * slope + intercept, said


Attempt = tuple[str, Callable[[], tuple[NDArray[np.uint8], str]]]
"""What is tried, and a function that returns gray levels [V] and says how, or raises UnusableError."""


def _tables(modality: NDArray[Any], header: Dataset, despite: Callable[[str], None]) -> Iterator[Attempt]:
    def apply(item: Dataset) -> tuple[NDArray[np.uint8], str]:
        signed = bool(header.PixelRepresentation)
        table = read_table(item, float(modality.min()), float(modality.max()), signed, despite)
        highest = int(table.entries.max())
        if highest.bit_length() != table.bits:
            despite(f"LUTDescriptor of {table.bits} bits: the entries have {highest.bit_length()}")
        return to_gray(table.look_up(modality), 0, highest), "voi lut"

    for item in header.get("VOILUTSequence") or ():
        yield "VOILUTSequence", partial(apply, item)


def _windows(modality: NDArray[Any], header: Dataset) -> Iterator[Attempt]:
    function = code_string(header, "VOILUTFunction") or "LINEAR"

    def apply(center: float | None, width: float | None) -> tuple[NDArray[np.uint8], str]:
        if center is None or width is None:
            raise UnusableError("not two numbers")
        gray = to_gray(_windowed(modality, center, width, function), 0, 1)
        return gray, f"window {center:g} {width:g} {function}"

    for center, width in zip_longest(numbers(header, "WindowCenter"), numbers(header, "WindowWidth")):
        said = [f"{end:g}" if end is not None else "?" for end in (center, width)]
        yield f"WindowCenter {said[0]}, WindowWidth {said[1]}", partial(apply, center, width)


def _windowed(values: NDArray[Any], center: float, width: float, function: str) -> NDArray[Any]:
    """Apply a window: output in [0, 1] (PS3.3 C.11.2.1.2.1 and C.11.2.1.3).

    Not pydicom's `apply_windowing`, which inverts the image where the rescale slope is negative.
    """
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise RejectedImageError(
            "a VOI LUT function that is none of LINEAR, LINEAR_EXACT, SIGMOID: VOILUTFunction"
        )
    if width < 1 if function == "LINEAR" else width <= 0:
        raise UnusableError("too narrow")
    if function == "LINEAR":
        # From the last black value to the first white one there are width - 1 steps, perhaps none.
        return np.clip((values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5, 0.0, 1.0)
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    # 1 / (1 + exp(-4 (x - c) / w)), written so that it cannot overflow.
    return 0.5 * (1.0 + np.tanh(2.0 * (values - center) / width))


def _judge(gray: NDArray[np.uint8], counts: NDArray[np.integer], despite: Callable[[str], None]) -> None:
    """Say where much of the exposed area, its pixels counted by value [V], is all white or all black.

    Raises:
        UnusableError: nearly all of it is, or has hardly any levels of gray.
    """
    shown = np.bincount(gray, weights=counts, minlength=256)
    levels, values = np.count_nonzero(shown), np.count_nonzero(counts)
    for level, name in ((255, "white"), (0, "black")):
        share = shown[level] / max(shown.sum(), 1)
        if share > NEARLY_ALL:
            raise UnusableError(f"{share:.0%} would be {name}")
        if share > MUCH and values >= MIN_VALUES:
            despite(f"{share:.0%} {name}")
    if levels < FEW_LEVELS and values > 4 * levels:
        raise UnusableError(f"{values} values would have {levels} levels of gray")


def _full_range(
    modality: NDArray[Any], occurring: NDArray[np.bool_], despite: Callable[[str], None]
) -> tuple[NDArray[np.uint8], str]:
    proper = modality[occurring]
    low, high = _main_range(np.sort(proper))
    if low > proper.min() or high < proper.max():
        despite(f"values {proper.min():g}..{proper.max():g}: a few are far from all others")
    return to_gray(modality, low, high), f"full range {low:g}..{high:g}"


def _main_range(values: NDArray[Any]) -> tuple[float, float]:
    """The least and the greatest of sorted values, without a few far outside: bad pixels, burnt-in text.

    Far is farther from the others than those are from one another.
    """
    while len(values) >= MIN_VALUES:
        widest = int(np.argmax(np.diff(values))) + 1
        main, others = sorted((values[:widest], values[widest:]), key=len, reverse=True)
        if len(others) > len(main) * FEW_OTHERS or values[widest] - values[widest - 1] <= np.ptp(main):
            break
        values = main
    return float(values[0]), float(values[-1])
