"""What decides a run: its settings of training, and its images; config.json keeps it."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from cxr_cli.artifacts import check_seal, claim_folder, read_json, unsealed, write_record
from cxr_cli.errors import BadInput
from cxr_cli.runs.settings import (
    PARTS,
    TASKS,
    AugmentationConfig,
    ClassificationConfig,
    NetworkConfig,
    OptimizationConfig,
    Recipe,
)

if TYPE_CHECKING:
    from cxr_cli.models.architecture import NetworkSpec

CONFIG = "config.json"
# Where the inputs are may change between two calls; what they hold may not.
PLACES = ("dataset", "split", "weights")


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
        import hashlib  # here, for no command needs OpenSSL to refuse what is no run

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
        write_record(folder / CONFIG, asdict(config))


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
    whole = read_json(path)
    content = unsealed(whole)
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
    check_seal(path, whole)
    return RunConfig(**values)


def _check_keys(path: Path, content: Any, kind: type[Any], prefix: str) -> None:
    if not isinstance(content, dict):
        raise BadInput(f"{path}: {prefix.rstrip('.')} is {json.dumps(content)}, an object is needed")
    known = {one.name for one in fields(kind)}
    for key in sorted(known ^ set(content)):
        raise BadInput(f"{path}: key {prefix + key!r} is {'missing' if key in known else 'unknown'}")
