"""A folder of explained images: overlays, contact sheets, the maps themselves, and an index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cxr_cli.artifacts import atomic_path, claim_folder, write_csv, write_json
from cxr_cli.explain.contact_sheet import Scale, Tile, contact_sheets
from cxr_cli.explain.overlay import frame_part, lay_over, place_heat
from cxr_cli.explain.secondary_capture import Derivation, read_source, write_secondary_capture
from cxr_cli.images.raster import cropped_part, image_id
from cxr_cli.images.read import Geometry, read_full_size
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.sources import is_dicom

RECORD = "gradcam.json"
INDEX = "index.csv"
SHEET = "sheet.png"
NO_HEAT = "no positive values"
DRAWN_ON = "drawn_on"
AT_FULL_SIZE = "image"
AT_DATASET_SIZE = "DATASET picture"
NOTE = "Research, not for diagnosis"
PICKS = {
    "tp": "true positive",
    "fp": "false positive",
    "fn": "false negative",
    "tn": "true negative",
}
TILE = 320
"""Longer side of an image on the contact sheet, in pixels."""

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Panel:
    """What one run says of the images.

    Attributes:
        name: of the run.
        suffix: of its files' names, where there are two runs.
        table: N rows of image_id, source, patient_id, label, pick, predicted, target, score (the target's),
            predicted_score, and what else the index shall have; "" where it is not known.
        images, rows: the images as the model took them, uint8 [M, S, S] and int [N].
        geometry: how they became so.
        maps: float32 [N, h, w], not negative.
        layer, method: how the maps were made.
    """

    name: str
    suffix: str
    table: pd.DataFrame
    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    geometry: Geometry
    maps: NDArray[np.float32]
    layer: str
    method: str


@dataclass(frozen=True)
class Look:
    """How maps are shown.

    Attributes:
        color: a name in `overlay.COLORS`.
        shared_scale: one scale for all images of a run, instead of each image's own.
        images: where relative paths of images begin.
        captures: with a DICOM Secondary Capture of each overlay.
        hashed_patients: the tables' patient ids are hashes, which captures shall have too.
        digest: of all that decides the pictures.
    """

    color: str
    shared_scale: bool
    images: Path
    captures: bool
    hashed_patients: bool
    digest: str


def is_done(folder: Path, settings: Mapping[str, Any], words: Mapping[str, str]) -> bool:
    """Check that a folder is free for a gallery of these settings, or begun; tell whether it is whole.

    Args:
        folder: of the gallery.
        settings: all that decides it.
        words: what the user calls them.

    Raises:
        UsageFault: the folder has one of other settings.
        BadInput: the folder has something else in it.
    """
    begun = claim_folder(folder, RECORD, settings, holds="maps", words=words)
    return begun and (folder / INDEX).exists()


def write_gallery(
    folder: Path, settings: Mapping[str, Any], panels: Sequence[Panel], look: Look, advance: Advance
) -> pd.DataFrame:
    """Write settings, maps, overlays, contact sheets and, last, the index; overlays that are there stay.

    Args:
        folder: see `is_done`.
        settings: all that decides the gallery.
        panels: of one run, or of several for the same images in the same order.
        look: how maps are shown.
        advance: called with (images done, images in all).

    Returns:
        The index: a row for each image and panel.
    """
    write_json(folder / RECORD, settings)
    for panel in panels:
        _write_maps(folder / f"maps{panel.suffix}.npz", panel)
    count = len(panels[0].rows)
    entries: list[list[dict[str, Any]]] = []
    for image in range(count):
        entries.append([_exhibit(folder, panel, image, look) for panel in panels])
        advance(image + 1, count)

    def tiles(image: int) -> list[Tile]:
        if len(panels) == 1:
            return [_tile(folder, entries[image][0])]
        named = zip(entries[image], _short_names(panels), strict=True)
        return [_plain_tile(panels[0], image, look), *(_tile(folder, entry, name) for entry, name in named)]

    end = "share of the largest value " + ("of all images" if look.shared_scale else "of the image")
    contact_sheets(count, tiles, _heading(panels), Scale(look.color, end), folder / SHEET)
    table = pd.DataFrame([entry for image in entries for entry in image])
    write_csv(folder / INDEX, table)
    return table


def _write_maps(path: Path, panel: Panel) -> None:
    arrays = {name: panel.table[name].to_numpy(dtype=str) for name in ("image_id", "target")}
    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            allow_pickle=False,
            maps=panel.maps,
            layer=np.array(panel.layer),
            method=np.array(panel.method),
            run=np.array(panel.name),
            **arrays,
        )


def _exhibit(folder: Path, panel: Panel, image: int, look: Look) -> dict[str, Any]:
    """Draw an image's overlay, and its capture, unless they are there; return its row of the index."""
    record = _record(panel, image)
    name = f"{record['image_id']}{panel.suffix}"
    overlay, capture = folder / "overlays" / f"{name}.png", folder / "dicom" / f"{name}.dcm"
    if not overlay.exists():
        original = _original(_source(record, look), record["image_id"])
        picture = _draw(panel, image, original, look)
        if look.captures and not isinstance(original, str):
            _capture(capture, picture, record, panel, look)
        _write_png(overlay, picture, original if isinstance(original, str) else AT_FULL_SIZE)
    with Image.open(overlay) as opened:
        drawn_on = opened.info[DRAWN_ON]
    largest = float(panel.maps[image].max())
    return {
        **record,
        "run": panel.name,
        "layer": panel.layer,
        "method": panel.method,
        "largest": largest,
        "note": "" if largest > 0 else NO_HEAT,
        "drawn_on": drawn_on,
        "overlay": overlay.relative_to(folder).as_posix(),
        "dicom": capture.relative_to(folder).as_posix() if capture.exists() else "",
    }


def _record(panel: Panel, image: int) -> dict[str, Any]:
    return {str(name): value for name, value in panel.table.iloc[image].to_dict().items()}


def _source(record: Mapping[str, Any], look: Look) -> Path:
    return look.images / str(record["source"])


@lru_cache(maxsize=1)
def _original(path: Path, identity: str) -> NDArray[np.uint8] | str:
    """Read an image again at its full size; or say why its DATASET picture must do."""
    try:
        picture = read_full_size(path).pixels
    except RejectedImageError as error:
        return f"{AT_DATASET_SIZE}: {error}"
    if image_id(picture) != identity:
        return f"{AT_DATASET_SIZE}: the file has other pixels now"
    return picture


def _draw(panel: Panel, image: int, original: NDArray[np.uint8] | str, look: Look) -> NDArray[np.uint8]:
    """Lay an image's map over it, uint8 [H, W, 3]; where the model saw a part of the image, that is framed."""
    if isinstance(original, str):
        picture: NDArray[np.uint8] = np.asarray(panel.images[panel.rows[image]])
        part = (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    else:
        picture = original
        part = cropped_part(picture.shape, panel.geometry.crop_top, panel.geometry.crop_border)
    largest = panel.maps.max() if look.shared_scale else panel.maps[image].max()
    heat = panel.maps[image] / largest if largest > 0 else panel.maps[image]
    drawn = lay_over(picture, place_heat(heat, picture.shape, part), look.color)
    frame_part(drawn, part)
    return drawn


def _write_png(path: Path, picture: NDArray[np.uint8], drawn_on: str) -> None:
    text = PngInfo()
    text.add_text(DRAWN_ON, drawn_on)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, pnginfo=text, compress_level=3)


def _capture(
    path: Path, picture: NDArray[np.uint8], record: Mapping[str, Any], panel: Panel, look: Look
) -> None:
    """Write a Secondary Capture where the image is a DICOM file that can be referred to."""
    source_path = _source(record, look)
    if not is_dicom(source_path):
        return
    try:
        source = read_source(source_path)
    except RejectedImageError:
        return
    patient = str(record["patient_id"] if look.hashed_patients else source.get("PatientID") or "")
    what = f"{panel.method} of {record['target']}, layer {panel.layer}"
    derivation = Derivation(f"{panel.method}, research only", f"{what}. {NOTE}.", look.digest + panel.suffix)
    noted = picture.copy()
    _burn_in(noted, f"{what}, {float(record['score']):.2f}. {NOTE}.")
    write_secondary_capture(path, noted, source, patient, derivation)


def _burn_in(picture: NDArray[np.uint8], text: str) -> None:
    """Write a line at the foot of a picture, on a dark ground, as wide as the picture or less."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), _ = cv2.getTextSize(text, font, 1.0, 2)
    scale = min(0.96 * picture.shape[1] / width, 0.03 * picture.shape[0] / height)
    rise = max(1, round(0.5 * scale * height))
    foot = picture.shape[0] - rise
    picture[max(0, foot - round(scale * height) - rise) :] //= 4
    thick = max(1, round(2 * scale))
    cv2.putText(picture, text, (rise, foot), font, scale, (255, 255, 255), thick, cv2.LINE_AA)


def _tile(folder: Path, entry: Mapping[str, Any], run: str = "") -> Tile:
    with Image.open(folder / entry["overlay"]) as image:
        image.thumbnail((TILE, TILE))
        picture = np.asarray(image)
    label = entry["label"] and f"label {entry['label']}"
    lines = [", ".join(filter(None, (run, PICKS.get(entry["pick"]), label)))]
    if entry["predicted"]:
        lines.append(f"predicted {entry['predicted']} {entry['predicted_score']:.2f}")
    if entry["target"] != entry["predicted"]:
        lines.append(f"map: {entry['target']} {entry['score']:.2f}")
    if entry["note"]:
        lines.append(entry["note"])
    wrong = bool(entry["label"] and entry["predicted"]) and entry["label"] != entry["predicted"]
    return Tile(picture, "\n".join(lines), entry["image_id"], wrong)


def _short_names(panels: Sequence[Panel]) -> list[str]:
    """Return the names of the runs' folders, whole paths where these are the same."""
    short = [Path(panel.name).name for panel in panels]
    return short if len(set(short)) == len(short) else [panel.name for panel in panels]


def _heading(panels: Sequence[Panel]) -> str:
    return " beside ".join(f"{panel.name}: {panel.method} of {panel.layer}" for panel in panels)


def _plain_tile(panel: Panel, image: int, look: Look) -> Tile:
    record = _record(panel, image)
    original = _original(_source(record, look), record["image_id"])
    picture = panel.images[panel.rows[image]] if isinstance(original, str) else original
    shown = Image.fromarray(np.asarray(picture))
    shown.thumbnail((TILE, TILE))
    return Tile(np.asarray(shown), "image")
