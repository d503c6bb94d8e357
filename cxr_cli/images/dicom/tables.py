"""Look-up tables (PS3.3 C.11.1.1 and C.11.2.1.1), by their data where the descriptor contradicts them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset


class UnusableError(Exception):
    """A table or window that cannot be applied; the message says why."""


@dataclass(frozen=True)
class LookUpTable:
    """Output values [E], the first of them for all values up to `first`, said to have `bits` bits."""

    first: int
    entries: NDArray[np.int64]
    bits: int

    def look_up(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Map values; those outside the entries take the nearest one.

        Not pydicom's `apply_voi`, which wraps indices over 255 when entries have 8 bits.
        """
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[index], dtype=np.int64)


def read_table(
    item: Dataset, lowest: float, highest: float, signed: bool, despite: Callable[[str], None]
) -> LookUpTable:
    """Read one item of a LUT sequence.

    Args:
        item: with LUTDescriptor and LUTData.
        lowest, highest: the range of values to be mapped.
        signed: whether the pixels are, and so the first value mapped.
        despite: called with what the descriptor says wrongly.

    Raises:
        UnusableError: no descriptor, no data, too few entries, or entries that are all 0.
    """
    descriptor, data = _words(item, "LUTDescriptor"), item.get("LUTData")
    if len(descriptor) != 3:
        raise UnusableError(f"LUTDescriptor has {len(descriptor)} values")
    length, first, bits = (int(word) for word in descriptor)
    length = length or 2**16  # 65,536 does not fit the field and is written as 0
    entries = _words(item, "LUTData")
    if _are_bytes(data, entries, length, bits):
        # Two entries a word, the first in its low byte.
        odd = isinstance(data, bytes) and len(data) % 2
        entries = np.frombuffer(data if odd else entries.astype("<u2").tobytes(), np.uint8)
    if not entries.any():
        raise UnusableError("LUTData has no entries" if not len(entries) else "all entries of LUTData are 0")
    first = _first_mapped(first, min(length, len(entries)), lowest, highest, signed)
    needed = highest - first + 1
    if len(entries) < length and len(entries) < needed:
        raise UnusableError(f"LUTDescriptor says {length} entries, LUTData has {len(entries)}")
    if len(entries) > length:
        # One more may fill up to an even length.
        if length < needed and len(entries) > length + 1:
            despite(f"LUTDescriptor of {length} entries: LUTData has {len(entries)}")
        else:
            entries = entries[:length]
    return LookUpTable(first, entries.astype(np.int64), bits)


def _words(item: Dataset, keyword: str) -> NDArray[Any]:
    """An element's words, unsigned: pydicom gives them as bytes or numbers, as the file has OW, US or SS."""
    value = item.get(keyword)
    if isinstance(value, bytes):
        byte_order = ">" if item.original_encoding[1] is False else "<"
        return np.frombuffer(value[: len(value) // 2 * 2], f"{byte_order}u2")
    return np.array([] if value is None else value, dtype=np.int64, ndmin=1) % 2**16


def _are_bytes(data: Any, words: NDArray[Any], length: int, bits: int) -> bool:
    """Whether entries are bytes, two in a word, by how many there are; of over 8 bits, if they make sense."""
    if len(words) >= length or not 0 <= 2 * len(words) - length <= 1:
        return isinstance(data, bytes) and len(data) == length and len(data) % 2 == 1
    steps = np.diff(np.frombuffer(words.astype("<u2").tobytes(), np.uint8).astype(int))
    return bits <= 8 or bool((steps >= 0).all() or (steps <= 0).all())


def _first_mapped(word: int, length: int, lowest: float, highest: float, signed: bool) -> int:
    """The first value mapped, signed where values are or can be, or where only so it maps any of them."""
    readings = [word - 2**16 if word >= 2**15 else word, word]
    if not signed and lowest >= 0:
        readings.reverse()
    maps = (first for first in readings if first <= highest and first + length > lowest)
    return next(maps, readings[0])
