"""Class templates of a siamese run: the mean vector of each class's training images.

Source: "Siamesifying the COVID-Net", section 3.2.2. Beyond the paper: the medoid image, or the nearest
images.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cxr_cli.artifacts import atomic_path
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.locks import holds
from cxr_cli.prediction.choices import TemplateKind
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.similarity import differences_function
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import RunConfig
from cxr_cli.runs.folder import TEMPLATES, open_run_with_images
from cxr_cli.runs.model_store import TrainedRun

KINDS = {"U": "text", "f": "float32", "i": "int64"}
FIELDS = ("classes", "vectors", "owners", "counts", "kind", "nearest", "run", "epoch")


@dataclass(frozen=True)
class Templates:
    """The vectors that a siamese run compares images with.

    Attributes:
        classes: class names.
        vectors: float32 [M, E]; one for each class for mean and medoid, all training images for nearest.
        owners: int [M], the class of each vector.
        counts: int [C], training images of each class.
        kind: a `TemplateKind`.
        nearest: over how many nearest vectors the similarity is averaged; 1 unless kind is "nearest".
        run, epoch: digest of the run's configuration, and epoch of its model, that gave the vectors.
    """

    classes: tuple[str, ...]
    vectors: NDArray[np.float32]
    owners: NDArray[np.int64]
    counts: NDArray[np.int64]
    kind: str
    nearest: int
    run: str
    epoch: int


@dataclass(frozen=True)
class TemplateResult:
    """The templates of a run and their file."""

    templates: Templates
    path: Path


@holds("run")
def template(
    run: Path | str,
    *,
    kind: TemplateKind = "mean",
    nearest: int = 5,
    output: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> TemplateResult:
    """Summarize the training images of each class by feature vectors, and write them.

    Args:
        run: folder of a siamese run.
        kind: see `make_templates`.
        nearest: for kind "nearest", how many most similar images of a class count.
        output: the file; None for the run's own.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting, BadInput: see `open_run_with_images`, `image_vectors` and `make_templates`.
    """
    run = Path(run)
    opened = open_run_with_images(run, dataset, split, reporter)
    rows = opened.split.rows("train")
    vectors = image_vectors(opened.run, opened.dataset.images, rows)
    templates = make_templates(opened.run, vectors, opened.split.labels[rows], kind, nearest)
    path = output or run / TEMPLATES
    write_templates(path, templates)
    return TemplateResult(templates, path)


def make_templates(
    run: TrainedRun,
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    kind: TemplateKind,
    nearest: int,
) -> Templates:
    """Summarize vectors of training images by class.

    Args:
        run: the siamese run that gave the vectors.
        vectors: float32 [N, E].
        labels: int [N], class numbers.
        kind: "mean" (the paper's), "medoid" (the image most similar to its class), or "nearest" (all images).
        nearest: for "nearest", how many most similar images of a class count.

    Raises:
        InvalidSetting: an unknown kind, or `nearest` out of range.
        BadInput: a class without an image.
    """
    if kind not in get_args(TemplateKind):
        raise InvalidSetting("kind", kind, f"known are {', '.join(get_args(TemplateKind))}")
    classes = run.config.classes
    counts = np.bincount(labels, minlength=len(classes))
    if not counts.min():
        raise BadInput(f"class {classes[counts.argmin()]!r} has no training image to make a template of")
    if kind == "nearest" and not 1 <= nearest <= counts.min():
        raise InvalidSetting("nearest", nearest, f"from 1 to {counts.min()}, the images of the rarest class")
    by_class = [vectors[labels == number] for number in range(len(classes))]
    owners = np.arange(len(classes))
    if kind == "mean":
        kept = np.stack([of_class.mean(0, dtype=np.float64) for of_class in by_class])
    elif kind == "medoid":
        kept = np.stack([_medoid(run, of_class) for of_class in by_class])
    else:
        kept, owners = vectors, labels
    return Templates(
        classes=classes,
        vectors=kept.astype(np.float32),
        owners=owners,
        counts=counts,
        kind=kind,
        nearest=nearest if kind == "nearest" else 1,
        run=run.config.digest,
        epoch=run.epoch,
    )


def _medoid(run: TrainedRun, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    differences = differences_function(run.network)(run.variables, vectors[:, None], vectors[None])
    return np.asarray(vectors[differences.sum(1).argmin()])


def similarity_logits(
    run: TrainedRun, vectors: NDArray[np.float32], templates: Templates
) -> NDArray[np.float32]:
    """Compare images with the class templates.

    Args:
        run: the siamese run.
        vectors: float32 [N, E] of the images.
        templates: of the same run.

    Returns:
        float32 [N, C], logits of "same class", for templates of kind "nearest" the mean over the nearest
        vectors of the class; their sigmoid is the similarity.
    """
    same = -differences_function(run.network)(run.variables, vectors[:, None], templates.vectors[None])
    of_class = [np.sort(same[:, templates.owners == i], axis=1) for i in range(len(templates.classes))]
    return np.stack([ordered[:, -templates.nearest :].mean(1) for ordered in of_class], axis=1)


def write_templates(path: Path, templates: Templates) -> None:
    """Write templates.npz."""
    content = {name: np.asarray(getattr(templates, name)) for name in FIELDS}
    with atomic_path(path) as temporary:
        np.savez(temporary, allow_pickle=False, **content, sha256=np.asarray(_digest(content)))


def _digest(fields: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of all fields with their types and shapes, 64 hex digits."""
    whole = hashlib.sha256()
    for name in FIELDS:
        array = np.ascontiguousarray(fields[name])
        whole.update(f"{name} {array.dtype.str} {array.shape} ".encode() + array.tobytes())
    return whole.hexdigest()


def read_templates(path: Path, run: TrainedRun) -> Templates:
    """Read templates.npz for a run; see `load_templates`."""
    return load_templates(path, run.config, run.epoch, run.folder)


def load_templates(path: Path, config: RunConfig, epoch: int, run: Path) -> Templates:
    """Read templates.npz for the model of a run.

    Args:
        path: of the file.
        config: of the run.
        epoch: of its model.
        run: its folder, for messages.

    Raises:
        BadInput: missing, damaged, or made from another model.
    """
    try:
        # Opened here, for NumPy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            fields, digest = {name: content[name] for name in FIELDS}, str(content["sha256"])
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; make it with `cxr template {run}`") from None
    except (ValueError, OSError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise BadInput(f"{path}: cannot be read as templates ({type(error).__name__})") from error
    _check_arrays(path, fields, len(config.classes))
    if _digest(fields) != digest:
        raise BadInput(f"{path}: was changed after it was written; make it with `cxr template {run}`")
    templates = Templates(
        classes=tuple(map(str, fields["classes"])),
        vectors=fields["vectors"],
        owners=fields["owners"],
        counts=fields["counts"],
        kind=str(fields["kind"]),
        nearest=int(fields["nearest"]),
        run=str(fields["run"]),
        epoch=int(fields["epoch"]),
    )
    if templates.classes != config.classes:
        raise BadInput(f"{path}: field 'classes' is {templates.classes}, the run has {config.classes}")
    if templates.run != config.digest:
        raise BadInput(f"{path}: field 'run' names another run than {run}")
    if templates.epoch != epoch:
        raise BadInput(
            f"{path}: field 'epoch' is {templates.epoch}, the run's model is of epoch {epoch}; "
            f"make them again with `cxr template {run}`"
        )
    return templates


def _check_arrays(path: Path, fields: Mapping[str, NDArray[Any]], classes: int) -> None:
    """Check types, shapes and values of templates for a number of classes.

    Raises:
        BadInput: a field is not as it should be; the message names it.
    """
    vectors, owners = fields["vectors"], fields["owners"]
    rows = vectors.shape[0] if vectors.ndim == 2 else "M"
    needed = {
        "classes": ("U", (classes,)),
        "vectors": ("f", (rows, vectors.shape[1] if vectors.ndim == 2 else "E")),
        "owners": ("i", (rows,)),
        "counts": ("i", (classes,)),
        "kind": ("U", ()),
        "nearest": ("i", ()),
        "run": ("U", ()),
        "epoch": ("i", ()),
    }
    for name, (kind, shape) in needed.items():
        field = fields[name]
        if field.dtype.kind != kind or field.shape != shape:
            right = f"{KINDS[kind]} [{', '.join(map(str, shape))}]"
            raise BadInput(f"{path}: field {name!r} is {field.dtype} {list(field.shape)}, {right} is right")
    if not np.isfinite(vectors).all():
        raise BadInput(f"{path}: field 'vectors' has values that are not finite")
    if set(owners.tolist()) != set(range(classes)):
        raise BadInput(f"{path}: field 'owners' is not 0 to {classes - 1}, each class once or more")
