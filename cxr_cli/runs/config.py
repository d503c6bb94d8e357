"""config.json of a RUN: everything that decides the run, resolved."""

import builtins
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from cxr_cli.artifacts import claim_folder, read_json, write_json
from cxr_cli.errors import BadInput

if TYPE_CHECKING:
    from cxr_cli.models.architecture import NetworkSpec

CONFIG = "config.json"
# Where the inputs lie may change between two calls; what they hold may not.
PLACES = ("dataset", "split", "weights")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained. None: this way of training has no use for the value.

    Attributes:
        siamese: compare images or classify them.
        arch, width, freeze: the network, see `NetworkSpec`.
        weights: what it begins with: "none" for a random draw, else as `find_weights` takes it.
        probe: begin with a classifier by logistic regression on the training images' vectors, and those of
            their mirror images where images are flipped.
        batch_norm: by which statistics images are normalized in training: "batch", or the "running" ones,
            which then stay as they are.
        epochs: how many.
        batch_size: images, or pairs, a step.
        micro_batch: images that go through the model at once, gradients being summed; 0 for as many of the
            batch as memory holds, which a run resolves.
        optimizer: "adam", "adamw" or "sgd".
        lr: learning rate of the first step.
        schedule: how it changes: "constant", "step" or "cosine", which ends at zero.
        warmup: share of all steps in which the rate rises from nothing.
        step_epochs: after so many epochs, again and again, a step takes it to a tenth.
        weight_decay: of kernels, not of biases and norms.
        layer_decay: each stage learns at this share of the rate of the stage behind it.
        ema: share that the average over the steps keeps of itself each step; it is what is judged, selected
            and saved. 0 for the model itself.
        loss: "softmax", or "binary" for two classes by one logit.
        label_smoothing: share of each label that is spread over all classes.
        class_weights: "none", "balanced", or "CLASS=WEIGHT,...".
        sampling: which images an epoch shows: "balanced" or "all".
        flip: "none", "horizontal" or "both", each at even odds.
        rotation: degrees, up to which images are turned, both ways.
        zoom: share, up to which images are enlarged or shrunk.
        shift: share of height and width, up to which images are shifted, to whole pixels.
        contrast: share, up to which the images' contrast is raised or lowered.
        mirror: judge and score images by the mean over the image and its mirror image.
        select: by what the epoch is chosen: "accuracy" or "loss" in validation.
        pairs: pairs an epoch.
        pairing: "random" (the paper's) or "in-batch".
        trials: three-way trials an epoch, by which the epoch is judged.
        precision: "float32", "tf32" or "bfloat16".
    """

    siamese: bool
    arch: str
    width: float = 1.0
    weights: str = "none"
    freeze: str = "none"
    probe: bool | None = False
    batch_norm: str = "batch"
    epochs: int
    batch_size: int
    micro_batch: int | None = 0
    optimizer: str
    lr: float
    schedule: str = "constant"
    step_epochs: int = 25
    warmup: float = 0.0
    weight_decay: float = 0.0
    layer_decay: float = 1.0
    ema: float = 0.0
    loss: str | None
    label_smoothing: float | None = 0.0
    class_weights: str | None = "none"
    sampling: str | None
    flip: str = "none"
    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    contrast: float = 0.0
    mirror: bool | None = False
    select: str
    pairs: int | None = None
    pairing: str | None = None
    trials: int | None = None
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class RunConfig(Recipe):
    """Everything that decides a run, resolved: a recipe's values, and the images.

    Attributes:
        recipe: the recipe's name.
        weights_digest: SHA-256 of the weights it began with; None without.
        size: height and width of an image in pixels.
        classes: class names; a label's number is its place here.
        mean, std: by which images are normalized, on the 0 ... 1 scale: those that the weights were made
            for, or of the training pixels.
        seed: of initial weights, sampling, augmentation and dropout.
        dataset, dataset_digest, split, split_digest, fold: the images, and how they are divided.
    """

    recipe: str
    weights_digest: str | None
    size: int
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
    def digest(self) -> str:
        """SHA-256 of all that decides the run, 64 hex digits; where its inputs lie does not count."""
        decides = {name: value for name, value in asdict(self).items() if name not in PLACES}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    @property
    def network(self) -> "NetworkSpec":
        """The shape of this run's network."""
        from cxr_cli.models.architecture import NetworkSpec

        logits = 1 if self.loss == "binary" else len(self.classes)
        return NetworkSpec(
            self.arch, self.width, self.size, logits, self.siamese, self.freeze, self.batch_norm
        )


def check_config(folder: Path, config: RunConfig) -> None:
    """Check that a folder is free for a run of this configuration, or holds one already.

    Raises:
        UsageFault: the run in `folder` has another configuration; the message names what changed.
        BadInput: the folder holds something else than a run.
    """
    decides = {name: value for name, value in asdict(config).items() if name not in PLACES}
    claim_folder(
        folder, CONFIG, decides, holds="run", made_with=lambda path: asdict(read_config(path.parent))
    )


def write_config(folder: Path, config: RunConfig) -> None:
    """Write config.json, or leave the one in place if it says the same.

    Raises:
        UsageFault, BadInput: see `check_config`.
    """
    check_config(folder, config)
    if not (folder / CONFIG).exists():
        write_json(folder / CONFIG, asdict(config))


def read_config(folder: Path) -> RunConfig:
    """Read a run's configuration.

    Raises:
        BadInput: no run, or a configuration with an unknown or missing key.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such run")
    path = folder / CONFIG
    if not path.exists():
        raise BadInput(f"{folder}: is not a run: it has no {CONFIG}")
    content: Mapping[str, Any] = read_json(path)
    known = {field.name for field in fields(RunConfig)}
    for key in sorted(known ^ set(content)):
        raise BadInput(f"{path}: key {key!r} is {'missing' if key in known else 'unknown'}")
    for key, kind in get_type_hints(RunConfig).items():
        if not _is_a(content[key], kind):
            raise BadInput(f"{path}: {key} is {json.dumps(content[key])}, {_in_words(kind)} is needed")
    return RunConfig(**{**content, "classes": tuple(content["classes"])})


def _is_a(value: Any, kind: Any) -> bool:
    """Tell whether a JSON value is of an annotated type; whole numbers are real ones too, truth values no."""
    match kind:
        case UnionType():
            return any(_is_a(value, one) for one in get_args(kind))
        case GenericAlias():
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case builtins.float:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case builtins.int:
            return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _in_words(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " or ".join(_in_words(one) for one in get_args(kind))
    if isinstance(kind, GenericAlias):
        return "a list of texts"
    return {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}.get(kind, "null")
