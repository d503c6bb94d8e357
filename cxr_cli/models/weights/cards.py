"""What is known of each published set of weights: where it is, what it expects of its input, its licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One published set of weights.

    Attributes:
        name: as the user names it; for the hub, its repository there.
        arch: the architecture it fits, a name in `ARCHITECTURES`.
        source: where it is published.
        filename: the file's name there.
        input_size: height and width in pixels of the films it was trained on.
        mean: of each input channel, subtracted from pixels in 0..1; one value or three (red, green, blue).
        std: of each input channel, the difference is divided by it.
        size: of the file in bytes, where published.
        sha256: of the file, 64 hex digits, or its published beginning.
        licence: SPDX identifier of the weights' licence, or what is known of it.
        url: where the publisher tells about it.
    """

    name: str
    arch: str
    source: str
    filename: str
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int | None
    sha256: str | None
    licence: str
    url: str

    @property
    def grey_mean(self) -> float:
        """What to subtract from grey pixels in 0..1: the mean over the channels."""
        return sum(self.mean) / len(self.mean)

    @property
    def grey_std(self) -> float:
        """What to divide the difference by: the mean over the channels."""
        return sum(self.std) / len(self.std)
