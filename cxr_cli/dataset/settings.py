"""What decides a DATASET: the settings, and the plan by which a folder is known to be of the same call."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.artifacts import digest_file
from cxr_cli.images.archives import input_size
from cxr_cli.images.privacy import digest_key
from cxr_cli.images.read import Geometry
from cxr_cli.images.view_position import FRONTAL
from cxr_cli.labels.formats import Published
from cxr_cli.labels.table import Columns

if TYPE_CHECKING:
    from cxr_cli.dataset.reader import Dataset

PLAN_WORDS = {
    "labels_digests": "the content of `labels`",
    "manufacturers_digest": "the content of `manufacturers`",
    "patient_key_digest": "the key of `pseudonymize`",
    "inputs": "the number of inputs",
    "inputs_digest": "the list of inputs",
}
"""What to call the entries of a plan that are no settings themselves."""


@dataclass(frozen=True)
class Settings:
    """All that decides what a DATASET holds, besides the images themselves.

    Attributes:
        geometry: what is done to the pixels.
        labels, columns: label tables and the meaning of their columns.
        published: the format that the label tables are in, instead of `columns`.
        views: those that are taken; None takes all.
        manufacturers: the user's table of spellings, on top of the package's.
        keep_tags: keywords of DICOM tags that the manifest is to have as well.
        key: of the pseudonyms that replace patient ids and paths; None keeps these.
        ids_verbatim: whether patient ids that differ only in zeros, blanks, case or .0 are of different
            patients.
    """

    geometry: Geometry = field(default_factory=Geometry)
    labels: tuple[Path, ...] = ()
    columns: Columns = field(default_factory=Columns)
    views: tuple[str, ...] | None = FRONTAL
    manufacturers: Path | None = None
    keep_tags: tuple[str, ...] = ()
    key: bytes | None = field(default=None, repr=False)
    ids_verbatim: bool = False
    published: Published | None = None


def geometry_of(dataset: "Dataset") -> Geometry:
    """Return how the images of a dataset were cropped and resized."""
    settings = dataset.info.get("settings", {})
    crops = (float(settings.get(name, 0.0)) for name in ("crop_top", "crop_border"))
    return Geometry(dataset.images.shape[1], *crops)


def views_of(dataset: "Dataset") -> tuple[str, ...] | None:
    """Return the view positions that a dataset was made of; None for all."""
    views = dataset.info.get("settings", {}).get("views")
    return None if views is None else tuple(map(str, views))


def ids_verbatim(dataset: "Dataset") -> bool:
    """Whether patient ids of a dataset that differ only in zeros, blanks, case or .0 are of two patients."""
    return bool(dataset.info.get("settings", {}).get("ids_verbatim"))


def make_plan(paths: Sequence[Path], settings: Settings) -> dict[str, Any]:
    """What must be the same for a folder to be resumed: settings, tables, the inputs. As JSON."""
    listing = hashlib.sha256()
    for path in paths:
        listing.update(f"{source_text(path)}\0{input_size(path)}\n".encode())
    return {
        "size": settings.geometry.size,
        "crop_top": settings.geometry.crop_top,
        "crop_border": settings.geometry.crop_border,
        "labels": [str(table) for table in settings.labels],
        "labels_digests": [_digest_if_file(table) for table in settings.labels],
        **{f"{name}_column": column for name, column in asdict(settings.columns).items()},
        "format": settings.published and settings.published.format,
        "finding": settings.published and settings.published.finding,
        "views": None if settings.views is None else list(settings.views),
        "manufacturers": settings.manufacturers and str(settings.manufacturers),
        "manufacturers_digest": settings.manufacturers and _digest_if_file(settings.manufacturers),
        "keep_tags": list(settings.keep_tags),
        "patient_key_digest": settings.key and digest_key(settings.key),
        "ids_verbatim": settings.ids_verbatim,
        "inputs": len(paths),
        "inputs_digest": listing.hexdigest(),
    }


def source_text(path: Path) -> str:
    """The path as given; bytes that are no UTF-8, which old archives have in names, as backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _digest_if_file(path: Path) -> str:
    return digest_file(path) if path.is_file() else ""
