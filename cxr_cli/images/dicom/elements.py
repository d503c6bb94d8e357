"""Values of header elements as files have them: in small letters, with blanks, decimal commas, no numbers."""

from math import isfinite
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

TEXT = frozenset({"AS", "CS", "DS", "IS", "LO", "LT", "SH", "ST", "UT"})
"""Types of values that are written as text."""

LARGEST = 1e30
"""A number beyond it is damage; products of those below it are finite."""


def code_string(header: Dataset, keyword: str) -> str:
    """The first of an element's code strings; "" where there is none."""
    return next(iter(code_strings(header, keyword)), "")


def code_strings(header: Dataset, keyword: str) -> list[str]:
    """An element's code strings (PS3.5 6.2, CS), in capitals and without needless blanks.

    Blanks around a code string mean nothing, and it should have no small letters.
    """
    return [text.upper() for text in _texts(header, keyword)]


def numbers(header: Dataset, keyword: str) -> list[float | None]:
    """An element's numbers; None in the place of what is none; no numbers where it is missing or blank.

    A decimal comma is read as a point. Not pydicom's own numbers, which it refuses to make of such text.
    """
    texts = _texts(header, keyword)
    return [_number(text) for text in texts] if any(texts) else []


def _texts(header: Dataset, keyword: str) -> list[str]:
    element = header.get_item(keyword)
    if element is None:
        return []
    if isinstance(element, RawDataElement) and _type_of(element, keyword) in TEXT:
        values: Any = (element.value or b"").decode("latin-1").split("\\")
    else:
        value = header.get(keyword)
        values = value if isinstance(value, MultiValue | list) else [] if value is None else [value]
    return [" ".join(str(value).replace("\0", " ").split()) for value in values]


def _type_of(element: RawDataElement, keyword: str) -> str:
    return dictionary_VR(keyword) if element.VR in (None, "UN") else str(element.VR)


def _number(text: str) -> float | None:
    try:
        number = float(text if "." in text else text.replace(",", "."))
    except ValueError:
        return None
    return number if isfinite(number) and abs(number) < LARGEST else None
