"""From stored to display values (PS3.3 C.11.1 and C.11.2, PS3.4 N.2), worked out once for each value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from cxr_cli.images.raster import to_gray
from cxr_cli.images.rejected import RejectedImageError


@dataclass(frozen=True)
class Display:
    """Display values [V], uint8, 0 black, of stored values in order; how they came about; inverted or not."""

    gray: NDArray[np.uint8]
    mapping: str
    inverted: bool


def display_values(
    stored: NDArray[np.int64],
    exposed: Callable[[], NDArray[np.bool_]],
    padding: NDArray[np.bool_],
    header: Dataset,
) -> Display:
    """Map stored values [V] to display values.

    Modality LUT or rescale; then VOI LUT, else the first window, else the full range of the `exposed` values;
    inversion for MONOCHROME1 or an INVERSE presentation LUT shape comes last, once. Padding is black.

    Args:
        stored: the values to map.
        exposed: returns which of them occur in the exposed area, [V]; called only without a LUT or window.
        padding: which of them are not part of the image: [V].
        header: what is applied.

    Raises:
        RejectedImageError: a window or look-up table that cannot be applied.
    """
    modality, rescaled = _modality_values(stored, header)
    gray, voi = _values_of_interest(modality, exposed, header)
    inverted = is_inverted(header)
    gray = 255 - gray if inverted else gray
    # No pixel of the image has this value, and it takes no part in the pipeline (PS3.3 C.7.5.1.1.2).
    return Display(np.where(padding, np.uint8(0), gray), f"{rescaled}{voi}", inverted)


def is_inverted(header: Dataset) -> bool:
    """Whether the least value is white: said by MONOCHROME1, by a presentation LUT shape INVERSE, or by both.

    Where both are there they say the same: INVERSE "shall be used if Photometric Interpretation is
    MONOCHROME1" and IDENTITY with MONOCHROME2 (PS3.3 C.7.6.1.1, C.8.11.3.1.1), and so it is one inversion.
    """
    shape = header.get("PresentationLUTShape")
    return bool(header.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE")


def _modality_values(stored: NDArray[np.int64], header: Dataset) -> tuple[NDArray[Any], str]:
    if header.get("ModalityLUTSequence"):
        return _look_up(stored, header.ModalityLUTSequence[0]), "modality lut; "
    slope, intercept = _first(header, "RescaleSlope"), _first(header, "RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    said = "" if (slope, intercept) == (1.0, 0.0) else f"rescale {slope:g} {intercept:g}; "
    return stored * slope + intercept, said


def _values_of_interest(
    modality: NDArray[Any], exposed: Callable[[], NDArray[np.bool_]], header: Dataset
) -> tuple[NDArray[np.uint8], str]:
    if header.get("VOILUTSequence"):
        table = header.VOILUTSequence[0]
        output_range = 2 ** int(table.LUTDescriptor[2]) - 1
        return to_gray(_look_up(modality, table), 0, output_range), "voi lut"
    center, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if center is not None and width is not None:
        function = header.get("VOILUTFunction") or "LINEAR"
        gray = to_gray(_windowed(modality, center, width, function), 0, 1)
        return gray, f"window {center:g} {width:g} {function}"
    proper = modality[exposed()]
    if not proper.size:
        raise RejectedImageError("constant: nothing but padding")
    low, high = float(proper.min()), float(proper.max())
    return to_gray(modality, low, high), f"full range {low:g}..{high:g}"


def _look_up(values: NDArray[Any], table: Dataset) -> NDArray[np.int64]:
    """Apply one item of a LUT sequence; values outside its entries take the nearest one.

    Not pydicom's `apply_voi`, which wraps indices over 255 when entries have 8 bits.
    """
    entries, first, _ = (int(number) for number in table.LUTDescriptor)
    data = table.LUTData
    byte_order = ">" if table.original_encoding[1] is False else "<"
    words = np.frombuffer(data, f"{byte_order}u2") if isinstance(data, bytes) else data
    output: NDArray[np.int64] = np.array(words, dtype=np.int64, ndmin=1)
    length = entries or 2**16  # 65,536 does not fit the field and is written as 0
    if len(output) < length:
        raise RejectedImageError("a look-up table shorter than its descriptor says")
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, length - 1)
    return np.asarray(output[index], dtype=np.int64)


def _windowed(values: NDArray[Any], center: float, width: float, function: str) -> NDArray[Any]:
    """Apply a window: output in [0, 1] (PS3.3 C.11.2.1.2.1 and C.11.2.1.3).

    Not pydicom's `apply_windowing`, which inverts the image where the rescale slope is negative.
    """
    if width < 1 if function == "LINEAR" else width <= 0:
        raise RejectedImageError("a window too narrow to be applied")
    if function == "LINEAR":
        # From the last black value to the first white one there are width - 1 steps, perhaps none.
        return np.clip((values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5, 0.0, 1.0)
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if function == "SIGMOID":
        # 1 / (1 + exp(-4 (x - c) / w)), written so that it cannot overflow.
        return 0.5 * (1.0 + np.tanh(2.0 * (values - center) / width))
    raise RejectedImageError("a VOI LUT function that is none of LINEAR, LINEAR_EXACT, SIGMOID")


def _first(header: Dataset, keyword: str) -> float | None:
    """The first value of a numeric element; None where it is missing or empty."""
    value = header.get(keyword)
    if value is None or value == "" or (isinstance(value, MultiValue) and len(value) == 0):
        return None
    return float(value[0] if isinstance(value, MultiValue) else value)
