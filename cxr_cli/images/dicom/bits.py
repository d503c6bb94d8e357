"""Which bits of a stored word are the value, and whether it has a sign: what is said, checked by contours.

Where an image goes gradually from one value to the next, neighboring pixels differ little. Bits taken wrongly
wrap values round, and along whole contours neighbors then differ by almost all that the bits can hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

SAMPLED_ROWS = 32
"""Rows whose pixels are compared with their neighbors, spread over the image."""

SWAPPED_BYTES = 4
"""How many times nearer to each other neighbors are at least in the right order of bytes."""

MIN_VALUES = 32
"""An image of fewer values has no gradual contours, only edges: its header is believed."""

MIN_CROSSINGS = 24
"""Pairs of neighbors that differ in the bits in question, below which nothing can be said."""

MIN_HALF, HOLLOW = 4, 0.75
"""Two groups of at least this many values are not one range if this share of it, between them, is empty."""

USUAL = 99
"""Neighbors are near to each other if they differ by no more than this percentile of an image's neighbors."""

SHARE_NEAR, CLEARLY = 0.2, 10
"""Share of neighbors in two halves that are near to each other, and how many times more by one reading."""

SPIKE = 8
"""The end of the range is saturated if it occurs this many times as often as the value next to it."""


@dataclass(frozen=True)
class Bits:
    """The value is `count` bits of the word above the lowest `shift`, in two's complement if `signed`."""

    shift: int
    count: int
    signed: bool

    def values(self, words: NDArray[Any]) -> NDArray[Any]:
        """Take the values out of unsigned words of 8 or 16 bits, as integers of the same size."""
        above = 8 * words.itemsize - self.shift - self.count
        if not self.signed:
            as_values = words >> self.shift if self.shift else words
            return as_values & ((1 << self.count) - 1) if above else as_values
        as_values = (words << above if above else words).view(f"i{words.itemsize}")
        return as_values >> (above + self.shift) if above + self.shift else as_values


def in_byte_order(words: NDArray[Any], header: Dataset, despite: Callable[[str], None]) -> NDArray[Any]:
    """Swap the bytes of words [H, W] if neighbors are many times nearer to each other by the other order."""
    rows = words[:: max(1, len(words) // SAMPLED_ROWS)]
    # Values in the high byte alone are the same image in both orders.
    if header.BitsStored <= 8 or np.ptp(rows & 0xFF) == 0:
        return words
    as_said, swapped = (
        np.abs(np.diff(order.astype(np.int32), axis=1)).mean() for order in (rows, rows.byteswap())
    )
    if as_said <= SWAPPED_BYTES * swapped:
        return words
    despite("TransferSyntaxUID: the two bytes of each value are the other way round")
    return words.byteswap()


def value_bits(words: NDArray[Any], header: Dataset, despite: Callable[[str], None]) -> Bits:
    """The bits that are the value: those that the header says, unless the pixels show that it is wrong.

    Args:
        words: unsigned integers [H, W].
        header: with BitsStored, HighBit and PixelRepresentation.
        despite: called with what in the header was wrong.
    """
    stored, signed = int(header.BitsStored), bool(header.PixelRepresentation)
    used = int(np.bitwise_or.reduce(words, axis=None))
    bits = Bits(_shift(used, header, despite), stored, signed)
    first, second = _neighbors(words)
    if np.count_nonzero(np.bincount(first)) < MIN_VALUES:
        return bits
    if used >> (bits.shift + stored) and not _is_sign_extended(first, bits):
        if _counts_on(*_neighbors(words, rows=len(words)), bits.shift + stored):
            despite(f"BitsStored {stored}: the values have {used.bit_length()} bits")
            bits = Bits(0, used.bit_length(), signed)
        else:
            despite(f"BitsStored {stored}: bits above are set, which are no part of the values")
    if _is_otherwise_signed(first, second, bits):
        despite(f"PixelRepresentation {int(signed)}: the values are {'unsigned' if signed else 'signed'}")
        bits = Bits(bits.shift, bits.count, not signed)
    return bits


def _shift(used: int, header: Dataset, despite: Callable[[str], None]) -> int:
    """How many bits are below the value's lowest (PS3.5 8.1.1): none unless HighBit says so and it can be."""
    stored, highest = int(header.BitsStored), header.get("HighBit")
    if highest is None or highest == stored - 1:
        return 0
    shift = int(highest) + 1 - stored
    below = used & ((1 << max(shift, 0)) - 1)
    if 0 < shift <= int(header.BitsAllocated) - stored and not (below and used < 1 << stored):
        return shift
    despite(f"HighBit {highest}: the values have the lowest {stored} bits")
    return 0


def _neighbors(words: NDArray[Any], rows: int = SAMPLED_ROWS) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pairs of neighboring words [P], to the right and below, from `rows` rows spread over the image."""
    step = max(1, (len(words) - 1) // rows)
    here, below = words[:-1:step], words[1::step]
    first = np.concatenate((here[:, :-1].ravel(), here.ravel()))
    return first, np.concatenate((here[:, 1:].ravel(), below.ravel()))


def _is_sign_extended(words: NDArray[Any], bits: Bits) -> bool:
    """Whether the bits above a signed value repeat its sign, as they should."""
    every = Bits(bits.shift, 8 * words.itemsize - bits.shift, signed=True)
    return bits.signed and np.array_equal(bits.values(words), every.values(words))


def _counts_on(first: NDArray[Any], second: NDArray[Any], above: int) -> bool:
    """Whether the bits from `above` on are carried into by those below, which then fall back by nearly all.

    What is no value, such as an overlay, begins and ends without regard for the bits below.
    """
    carried = (first >> above) != (second >> above)
    if not carried.any():
        return False
    below = [(words[carried] & ((1 << above) - 1)).astype(np.int32) for words in (first, second)]
    return bool(np.median(np.abs(below[0] - below[1])) >= 2**above / 8)


def _is_otherwise_signed(first: NDArray[Any], second: NDArray[Any], bits: Bits) -> bool:
    """Whether the values are signed where they are said to be unsigned, or the reverse.

    Both readings are the same values, in two halves, one above the other or the other way round. One that
    leaves most of the range empty between the halves is wrong; or one by which neighbors in different halves,
    but for edges of saturated areas, are far from each other that are near by the other reading.
    """
    half = 1 << (bits.count - 1)
    # Ranks from 0 on: signed values with the negative ones below.
    ranks = [
        ((words >> bits.shift) & (2 * half - 1)).astype(np.int32) ^ (half if bits.signed else 0)
        for words in (first, second)
    ]
    jumps = np.abs(ranks[0] - ranks[1])
    if jumps.max() <= half:
        return False
    occurring = np.flatnonzero(np.bincount(ranks[0]))
    lower, upper = occurring[occurring < half], occurring[occurring >= half]
    if min(len(lower), len(upper)) >= MIN_HALF and upper[0] - lower[-1] > HOLLOW * 2 * half:
        return True
    crossing = ((ranks[0] ^ ranks[1]) & half) != 0
    usual = jumps[~crossing]
    for end in _saturated_ends(ranks[0]):
        crossing &= (ranks[0] != end) & (ranks[1] != end)
    apart = jumps[crossing]
    if np.count_nonzero(apart > half) <= max(MIN_CROSSINGS, SHARE_NEAR * apart.size):
        return False
    near = np.percentile(usual, USUAL) if usual.size else 0
    near_as_said, near_otherwise = np.count_nonzero(apart <= near), np.count_nonzero(2 * half - apart <= near)
    return bool(near_otherwise > max(MIN_CROSSINGS, SHARE_NEAR * apart.size, CLEARLY * near_as_said))


def _saturated_ends(ranks: NDArray[np.int32]) -> list[int]:
    """The lowest and the highest rank, where they are much more frequent than the next ones."""
    counts = np.bincount(ranks)
    occurring = np.flatnonzero(counts)
    ends = ((occurring[0], occurring[1]), (occurring[-1], occurring[-2]))
    return [int(end) for end, inner in ends if counts[end] > SPIKE * counts[inner]]
