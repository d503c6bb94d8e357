"""The settings of training: a run's network, optimization, augmentation and task.

A setting is one field of a part: its metadata give its range and its help, its type its choices, and the
command line, the check of values and the reader of config.json follow from there. Light: the help reads them.
"""

import math
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal, NamedTuple

from cxr_cli.models.registry import Arch
from cxr_cli.models.weights.scaling import WeightsScaling
from cxr_cli.name_lists import QUOTED_NAMES

Precision = Literal["auto", "float32", "tf32", "bfloat16"]
Select = Literal["accuracy", "loss", "auc", "balanced-accuracy", "macro-f1"]


class Range(NamedTuple):
    """The numbers that a setting may have."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    def __contains__(self, value: Any) -> bool:
        """Whether a number is one of them; NaN never is."""
        above = value > self.low or (self.with_low and value == self.low)
        return above and (value < self.high or (self.with_high and value == self.high))

    def __str__(self) -> str:
        """Say it in words."""
        high = "less than infinity" if math.isinf(self.high) else f"{self.high:g} at most"
        if not math.isinf(self.high) and not self.with_high:
            high = f"less than {self.high:g}"
        return (
            f"{f'{self.low:g} or more' if self.with_low else f'more than {self.low:g}'} is needed, and {high}"
        )


POSITIVE = Range(0, math.inf, False, False)
NOT_NEGATIVE = Range(0, math.inf, True, False)
SHARE = Range(0, 1, True, False)


def setting(
    default: Any = MISSING, *, help: str, within: Range | None = None, metavar: str | None = None
) -> Any:
    """Make a dataclass field of a setting.

    Args:
        default: for every recipe that does not set it.
        help: one sentence for the command line.
        within: the numbers it may have.
        metavar: what stands for its value in the help, where it is text.
    """
    return field(default=default, metadata={"help": help, "within": within, "metavar": metavar})


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The network, and what it begins with."""

    arch: Arch = setting(help="Architecture.")
    width: float = setting(1.0, help="Multiplier of the channels and units of COVID-Net.", within=POSITIVE)
    weights: str = setting(
        "none",
        help="Initial weights; auto takes what is installed or cached, then the hub.",
        metavar="auto|none|FILE|HUB-ID",
    )
    weights_scaling: WeightsScaling = setting(
        "published",
        help="Input that the initial weights expect: xrv [-1024, 1024], imagenet mean and SD, inception "
        "[-1, 1], or 0-1; a FILE needs it, published weights have their own.",
    )
    freeze: str = setting(
        "none", help="Layers to freeze: none, features, or a number of stages from the input on."
    )
    batch_norm: Literal["batch", "running"] = setting(
        "batch", help="Statistics of batch normalization in training; running ones stay as they are."
    )
    precision: Precision = setting(
        "auto", help="Precision of the arithmetic; auto is bfloat16 on a GPU or TPU, float32 on a CPU."
    )


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """How the loss is minimized, and which epoch is kept."""

    epochs: int = setting(help="Epochs.", within=NOT_NEGATIVE)
    batch_size: int = setting(
        help="Images per step; for random pairs of a siamese run, pairs.", within=POSITIVE
    )
    optimizer: Literal["adam", "adamw", "sgd"] = setting(help="Optimizer; sgd has momentum 0.9.")
    lr: float = setting(help="Initial learning rate.", within=POSITIVE)
    schedule: Literal["constant", "step", "cosine"] = setting(
        "constant", help="How the learning rate changes; cosine ends at zero."
    )
    step_epochs: int = setting(
        25, help="Schedule step: epochs after which the rate falls to a tenth.", within=POSITIVE
    )
    warmup: float = setting(
        0.0, help="Fraction of all steps over which the learning rate rises from zero.", within=SHARE
    )
    weight_decay: float = setting(
        0.0, help="Weight decay of kernels; biases and normalization are excluded.", within=NOT_NEGATIVE
    )
    layer_decay: float = setting(
        1.0,
        help="Factor of the learning rate from each stage to the stage before it.",
        within=Range(0, 1, False, True),
    )
    ema: float = setting(
        0.0,
        help="Exponential moving average of the parameters with this decay, such as 0.99; it is validated, "
        "selected and saved.",
        within=SHARE,
    )
    select: Select = setting(
        help="Epoch to keep: that of the lowest validation loss, or of the highest validation metric; auc is "
        "the mean of the classes'."
    )
    patience: int = setting(
        0,
        help="Stop after so many epochs without a better one in validation; 0 trains all epochs.",
        within=NOT_NEGATIVE,
    )


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Random changes of the training images, new in each epoch."""

    flip: Literal["none", "horizontal", "both"] = setting("none", help="Random flips.")
    rotation: float = setting(
        0.0, help="Random rotation, up to this many degrees.", within=Range(0, 180, True, True)
    )
    zoom: float = setting(0.0, help="Random zoom in and out, up to this fraction.", within=SHARE)
    shift: float = setting(0.0, help="Random shift, up to this fraction of height and width.", within=SHARE)
    contrast: float = setting(0.0, help="Random contrast change, up to this fraction.", within=SHARE)


@dataclass(frozen=True, kw_only=True)
class ClassificationConfig:
    """An image is classified."""

    kind: Literal["classification"] = "classification"
    loss: Literal["softmax", "binary"] = setting(
        help="Cross entropy: softmax, or binary for two classes by one logit."
    )
    label_smoothing: float = setting(
        0.0, help="Fraction of each label spread over all classes.", within=SHARE
    )
    class_weights: str = setting(
        "none",
        help=f"Weights of the classes in the loss. {QUOTED_NAMES}",
        metavar="none|balanced|CLASS=WEIGHT,...",
    )
    sampling: Literal["balanced", "all"] = setting(
        help="Images of an epoch: all, or balanced (the rarest class whole, as many of each other class)."
    )
    linear_probe: bool = setting(
        False, help="Begin with a classifier by logistic regression on the training images' feature vectors."
    )
    flip_tta: bool = setting(
        False, help="Horizontal-flip test-time augmentation: mean probability of an image and its flip."
    )


@dataclass(frozen=True, kw_only=True)
class SiameseConfig:
    """Two images are compared."""

    kind: Literal["siamese"] = "siamese"
    pairs: int = setting(help="Pairs per epoch.", within=POSITIVE)
    pairing: Literal["random", "in-batch"] = setting(
        help="Random pairs (the paper's), or all pairs within a batch."
    )
    trials: int = setting(help="Three-way trials that validate an epoch.", within=POSITIVE)


TASKS: dict[str, type[ClassificationConfig | SiameseConfig]] = {
    "classification": ClassificationConfig,
    "siamese": SiameseConfig,
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained."""

    network: NetworkConfig
    optimization: OptimizationConfig
    augmentation: AugmentationConfig
    task: ClassificationConfig | SiameseConfig

    @property
    def siamese(self) -> bool:
        """Whether images are compared rather than classified."""
        return isinstance(self.task, SiameseConfig)

    @property
    def flip_tta(self) -> bool:
        """Whether scores are means over an image and its horizontal flip."""
        return isinstance(self.task, ClassificationConfig) and self.task.flip_tta


PARTS = tuple(part.name for part in fields(Recipe))
