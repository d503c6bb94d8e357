"""What decides a run: its network, optimization, augmentation and task, and its images; config.json keeps it.

A setting of training is one field of a part: its metadata give its range and its help, its type its choices,
and the command line, the check of values and the reader of config.json follow from there.
"""

import json
import math
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from cxr_cli.artifacts import claim_folder, read_json, write_json
from cxr_cli.errors import BadInput
from cxr_cli.models.registry import Arch

if TYPE_CHECKING:
    from cxr_cli.models.architecture import NetworkSpec

CONFIG = "config.json"
# Where the inputs are may change between two calls; what they hold may not.
PLACES = ("dataset", "split", "weights")

Precision = Literal["float32", "tf32", "bfloat16"]


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    def __contains__(self, value: float) -> bool:
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
    freeze: str = setting(
        "none", help="Layers to freeze: none, features, or a number of stages from the input on."
    )
    batch_norm: Literal["batch", "running"] = setting(
        "batch", help="Statistics of batch normalization in training; running ones stay as they are."
    )
    precision: Precision = setting("float32", help="Precision of the arithmetic.")


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
    select: Literal["accuracy", "loss"] = setting(
        help="Epoch to keep: that of the highest validation accuracy or of the lowest validation loss."
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
        help="Weights of the classes in the loss. Double quotes stand around a name with a comma or =.",
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


@dataclass(frozen=True, kw_only=True)
class RunConfig(Recipe):
    """Everything that decides a run, resolved: a recipe's values, and the images.

    Attributes:
        recipe: the recipe's name.
        weights_digest: SHA-256 of the initial weights; None without.
        size: height and width of an image in pixels.
        crop_top, crop_border: shares of the raw image that were cropped, see `images.raster.crop`.
        views: view positions that preprocessing kept; None for all.
        classes: class names; a label's number is its place here.
        mean, std: by which images are normalized, on the 0 ... 1 scale: those of the initial weights, or of
            the training pixels.
        seed: of initial weights, sampling, augmentation and dropout.
        dataset, dataset_digest, split, split_digest, fold: the images, and how they are divided.
    """

    recipe: str
    weights_digest: str | None
    size: int
    crop_top: float
    crop_border: float
    views: tuple[str, ...] | None
    classes: tuple[str, ...]
    mean: float
    std: float
    seed: int
    dataset: str
    dataset_digest: str
    split: str
    split_digest: str
    fold: int | None

    @property
    def decisive(self) -> dict[str, Any]:
        """Every setting that decides the run, by name; where its inputs are does not count."""
        nested = asdict(self)
        parts = {name: nested.pop(name) for name in PARTS}
        flat = {name: value for part in parts.values() for name, value in part.items()} | nested
        return {name: value for name, value in flat.items() if name not in PLACES}

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides the run, 64 hex digits."""
        import hashlib  # here, for no `--help` has need of OpenSSL

        return hashlib.sha256(json.dumps(self.decisive, sort_keys=True).encode()).hexdigest()

    @property
    def network_spec(self) -> "NetworkSpec":
        """The shape of this run's network."""
        from cxr_cli.models.architecture import NetworkSpec

        one_logit = isinstance(self.task, ClassificationConfig) and self.task.loss == "binary"
        return NetworkSpec(
            self.network.arch,
            self.network.width,
            self.size,
            1 if one_logit else len(self.classes),
            self.siamese,
            self.network.freeze,
            self.network.batch_norm,
        )


PARTS = tuple(part.name for part in fields(Recipe))


def check_config(folder: Path, config: RunConfig) -> None:
    """Check that a folder is free for a run of this configuration, or holds one already.

    Raises:
        SettingsChanged: the run in `folder` has another configuration; the message names what changed.
        BadInput: the folder holds something else than a run.
    """
    claim_folder(
        folder,
        CONFIG,
        config.decisive,
        holds="run",
        made_with=lambda path: read_config(path.parent).decisive,
    )


def write_config(folder: Path, config: RunConfig) -> None:
    """Write config.json, or leave the one in place if it says the same.

    Raises:
        SettingsChanged, BadInput: see `check_config`.
    """
    check_config(folder, config)
    if not (folder / CONFIG).exists():
        write_json(folder / CONFIG, asdict(config))


def read_config(folder: Path) -> RunConfig:
    """Read a run's configuration.

    Raises:
        BadInput: no run, or a configuration with an unknown or missing key, or a value that cannot be.
    """
    import msgspec

    if not folder.is_dir():
        raise BadInput(f"{folder}: no such run")
    path = folder / CONFIG
    if not path.exists():
        raise BadInput(f"{folder}: is not a run: it has no {CONFIG}")
    content = read_json(path)
    _check_keys(path, content, RunConfig, "")
    kind = content["task"].get("kind") if isinstance(content["task"], dict) else None
    if kind not in TASKS:
        raise BadInput(f"{path}: task.kind is {json.dumps(kind)}, {' or '.join(TASKS)} is needed")
    types = {
        "network": NetworkConfig,
        "optimization": OptimizationConfig,
        "augmentation": AugmentationConfig,
        "task": TASKS[kind],
    }
    for name, part in types.items():
        _check_keys(path, content[name], part, f"{name}.")
    values = {}
    for name, expected in {**get_type_hints(RunConfig), **types}.items():
        try:
            values[name] = msgspec.convert(content[name], expected)
        except msgspec.ValidationError as error:
            raise BadInput(f"{path}: {name}: {error}") from None
    return RunConfig(**values)


def _check_keys(path: Path, content: Any, kind: type[Any], prefix: str) -> None:
    if not isinstance(content, dict):
        raise BadInput(f"{path}: {prefix.rstrip('.')} is {json.dumps(content)}, an object is needed")
    known = {one.name for one in fields(kind)}
    for key in sorted(known ^ set(content)):
        raise BadInput(f"{path}: key {prefix + key!r} is {'missing' if key in known else 'unknown'}")
