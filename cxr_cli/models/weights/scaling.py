"""What networks expect of their input: by what pixels are scaled. Light: the help reads the names."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

WeightsScaling = Literal["published", "xrv", "imagenet", "inception", "0-1"]
"""The pixels that initial weights expect: as their card says, or by a name in `INPUT_SCALINGS`."""


class InputScaling(NamedTuple):
    """What a network expects: (pixel - mean) / std of pixels in 0..1, one value a channel or for all."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    words: str

    def of_channels(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of 1 or 3 channels; of one, gray, those are averaged over the colors."""
        if len(self.mean) == channels:
            return self.mean, self.std
        mean, std = (sum(values) / len(values) for values in (self.mean, self.std))
        return (mean,) * channels, (std,) * channels


INPUT_SCALINGS: Mapping[str, InputScaling] = {
    "xrv": InputScaling((0.5,), (1 / 2048,), "[-1024, 1024] of torchxrayvision"),
    "imagenet": InputScaling(IMAGENET_MEAN, IMAGENET_STD, "mean and standard deviation of ImageNet"),
    "inception": InputScaling((0.5,), (0.5,), "[-1, 1]"),
    "0-1": InputScaling((0.0,), (1.0,), "[0, 1]"),
}
"""What torch networks for radiographs commonly expect."""
