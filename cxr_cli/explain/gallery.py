"""A folder of explained images: overlays, contact sheets, the maps themselves, and an index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cxr_cli.artifacts import atomic_path, claim_folder, read_csv, write_csv, write_record
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.explain.caption import with_caption
from cxr_cli.explain.choices import GALLERY, METHOD_NAMES, Color, Method
from cxr_cli.explain.contact_sheet import Scale, contact_sheets
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.overlay import frame_part, lay_over, place_map
from cxr_cli.explain.secondary_capture import Derivation, read_source, write_secondary_capture
from cxr_cli.images.raster import cropped_part, image_id
from cxr_cli.images.read import Geometry, reading_pixels
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.sources import is_dicom
from cxr_cli.plots.thumbnails import Tile, name_below
from cxr_cli.reporting import SILENT, Reporter

INDEX = "index.csv"
SHEET = "sheet.png"
NO_POSITIVE_VALUES = "no positive values"
DRAWN_ON = "drawn_on"
IMAGE_SIZE = "image_size"
"""Width and height of the image in the file of its overlay, which has a strip below it."""
FEWEST_CELLS = 7
"""Rows and columns of a map of the papers' networks, at 224 pixels."""
AT_FULL_SIZE = "image"
AT_DATASET_SIZE = "DATASET image"
NOTE = "Research, not for diagnosis"
SETTING_NAMES = {
    "runs": "the run",
    "images": "the choice of images",
    "operating_points": "the operating point",
}
"""Names of the record's entries that are not settings themselves."""
PICKS = {
    "tp": "true positive",
    "fp": "false positive",
    "fn": "false negative",
    "tn": "true negative",
}
TILE = 320
"""Longer side of an image on the contact sheet, in pixels."""


@dataclass(frozen=True)
class Panel:
    """The maps of one run, to be drawn.

    Attributes:
        name: of the run.
        suffix: of its files' names, where there are two runs.
        explanation: the images, what is known of them, and their maps.
        geometry: of the preprocessed images.
        method: of the maps.
        point: the run's operating point; None where the highest score decides.
    """

    name: str
    suffix: str
    explanation: Explanation
    geometry: Geometry
    method: Method
    point: OperatingPoint | None = None

    @property
    def layer(self) -> str:
        """The layer whose feature map was weighted."""
        return self.explanation.layer

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of a map."""
        return self.explanation.maps.shape[1], self.explanation.maps.shape[2]

    @property
    def heading(self) -> str:
        """Say what the maps are: "Grad-CAM, stage4, 7×7 cells"."""
        rows, columns = self.cells
        return f"{METHOD_NAMES[self.method]}, {self.layer}, {rows}×{columns} cells"

    def scored(self, label: str, score: float) -> str:
        """Write the score of a class, and the threshold where it is that of the positive one."""
        if self.point is None or self.point.positive != label:
            return f"P({label}) {score:.2f}"
        return f"P({label}) {score:.2f}, threshold {self.point.threshold:.2f}"

    def record(self, image: int) -> dict[str, Any]:
        """Return what is known of an image."""
        return {str(name): value for name, value in self.explanation.table.iloc[image].to_dict().items()}


@dataclass(frozen=True)
class Display:
    """How maps are shown.

    Attributes:
        color: of the overlays.
        shared_scale: one color scale for all images of a run, instead of one for each image.
        source_root: folder that relative paths of images start from.
        captures: write DICOM Secondary Captures, too.
        hashed_patients: the tables' patient ids are hashes, which captures shall have, too.
        digest: of all settings of the overlays.
    """

    color: Color
    shared_scale: bool
    source_root: Path
    captures: bool
    hashed_patients: bool
    digest: str

    @property
    def end(self) -> str:
        """What the upper end of the color scale stands for."""
        return "the largest value " + ("of all images" if self.shared_scale else "of the image")


def is_done(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Check that a folder is free, or has a gallery of these settings, and return whether that is complete.

    Raises:
        SettingsChanged: the folder has a gallery of other settings.
        BadInput: the folder holds something else.
    """
    begun = claim_folder(folder, GALLERY, settings, holds="maps", words=SETTING_NAMES)
    return begun and (folder / INDEX).exists()


def read_index(folder: Path) -> pd.DataFrame:
    """Read the index of a complete gallery, every value as text."""
    return read_csv(folder / INDEX)


def write_gallery(
    folder: Path,
    settings: Mapping[str, Any],
    panels: Sequence[Panel],
    display: Display,
    reporter: Reporter = SILENT,
) -> pd.DataFrame:
    """Write settings, maps, overlays, contact sheets and, last, the index; existing overlays are kept.

    Args:
        folder: see `is_done`.
        settings: all that the gallery depends on.
        panels: of one run, or of several for the same images in the same order.
        display: how maps are shown.
        reporter: takes the progress.

    Returns:
        The index: a row for each image and panel.
    """
    write_record(folder / GALLERY, settings)
    for panel in panels:
        _write_maps(folder / f"maps{panel.suffix}.npz", panel)
    with _originals(display.source_root) as original_of:
        return _write_drawings(folder, panels, display, original_of, reporter)


def _write_drawings(
    folder: Path, panels: Sequence[Panel], display: Display, original_of: "_OriginalOf", reporter: Reporter
) -> pd.DataFrame:
    """Write overlays, contact sheets and the index, which is returned."""
    count = len(panels[0].explanation.maps)
    entries: list[list[dict[str, Any]]] = []
    with reporter.progress("images") as advance:
        for image in range(count):
            entries.append([_draw_image(folder, panel, image, display, original_of) for panel in panels])
            advance(image + 1, count)

    short = [Path(panel.name).name for panel in panels]
    names = short if len(set(short)) == len(short) else [panel.name for panel in panels]

    def tiles(image: int) -> list[Tile]:
        return [
            _plain_tile(panels[0], image, original_of),
            *(
                _tile(folder, entry, panel, display, name if len(panels) > 1 else "")
                for entry, panel, name in zip(entries[image], panels, names, strict=True)
            ),
        ]

    heading = " and ".join(f"{panel.name}: {panel.heading}" for panel in panels)
    for panel in panels:
        rows, columns = panel.cells
        if min(rows, columns) < FEWEST_CELLS:
            reporter.say(
                f"warning: {panel.name}: maps of {panel.layer} have {rows}×{columns} cells, fewer than "
                f"{FEWEST_CELLS}×{FEWEST_CELLS}: each covers much of an image; larger images have more, and "
                "an earlier layer has (`layer`)"
            )
    contact_sheets(count, tiles, heading, Scale(display.color, f"share of {display.end}"), folder / SHEET)
    table = pd.DataFrame([entry for image in entries for entry in image])
    write_csv(folder / INDEX, table)
    return table


def _write_maps(path: Path, panel: Panel) -> None:
    table = panel.explanation.table
    arrays = {name: table[name].to_numpy(dtype=str) for name in ("image_id", "target")}
    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            allow_pickle=False,
            maps=panel.explanation.maps,
            layer=np.array(panel.layer),
            method=np.array(panel.method),
            run=np.array(panel.name),
            **arrays,
        )


def _draw_image(
    folder: Path, panel: Panel, image: int, display: Display, original_of: "_OriginalOf"
) -> dict[str, Any]:
    """Draw an image's overlay, and its capture, unless they exist; return its row of the index."""
    record = panel.record(image)
    name = f"{record['image_id']}{panel.suffix}"
    overlay, capture = folder / "overlays" / f"{name}.png", folder / "dicom" / f"{name}.dcm"
    if not overlay.exists():
        original = original_of(record)
        plain = _overlay(panel, image, original, display)
        drawn = with_caption(plain, _caption(panel, record), display.color, display.end)
        if display.captures and not isinstance(original, str):
            _write_capture(capture, drawn, record, panel, display)
        text = PngInfo()
        text.add_text(DRAWN_ON, original if isinstance(original, str) else AT_FULL_SIZE)
        text.add_text(IMAGE_SIZE, f"{plain.shape[1]} {plain.shape[0]}")
        with atomic_path(overlay) as temporary:
            Image.fromarray(drawn).save(temporary, pnginfo=text, compress_level=3)
    with Image.open(overlay) as opened:
        drawn_on = opened.info[DRAWN_ON]
    largest = float(panel.explanation.maps[image].max())
    return {
        **record,
        "run": panel.name,
        "layer": panel.layer,
        "method": panel.method,
        "largest": largest,
        "note": "" if largest > 0 else NO_POSITIVE_VALUES,
        "drawn_on": drawn_on,
        "overlay": overlay.relative_to(folder).as_posix(),
        "dicom": capture.relative_to(folder).as_posix() if capture.exists() else "",
    }


_OriginalOf = Callable[[Mapping[str, Any]], NDArray[np.uint8] | str]
"""A record's image at its full size, or why the DATASET's smaller copy is used instead."""


@contextmanager
def _originals(source_root: Path) -> Iterator[_OriginalOf]:
    """Read images again at their full size, in another process."""
    with reading_pixels() as read:

        @lru_cache(maxsize=1)
        def original(source: str, identity: str) -> NDArray[np.uint8] | str:
            pixels = read(source_root / source)
            if isinstance(pixels, str):
                return f"{AT_DATASET_SIZE}: {pixels}"
            if image_id(pixels) != identity:
                return f"{AT_DATASET_SIZE}: the file has changed since preprocessing"
            return pixels

        yield lambda record: original(str(record["source"]), record["image_id"])


def _overlay(
    panel: Panel, image: int, original: NDArray[np.uint8] | str, display: Display
) -> NDArray[np.uint8]:
    """Blend an image's map over it, uint8 [H, W, 3]; a frame shows the part that was the model's input."""
    explanation = panel.explanation
    if isinstance(original, str):
        pixels: NDArray[np.uint8] = np.asarray(explanation.images.pixels[explanation.images.rows[image]])
        part = (slice(0, pixels.shape[0]), slice(0, pixels.shape[1]))
    else:
        pixels = original
        part = cropped_part(pixels.shape, panel.geometry.crop_top, panel.geometry.crop_border)
    saliency = explanation.maps[image]
    largest = explanation.maps.max() if display.shared_scale else saliency.max()
    scaled = saliency / largest if largest > 0 else saliency
    drawn = lay_over(pixels, place_map(scaled, pixels.shape, part), display.color)
    frame_part(drawn, part)
    return drawn


def _write_capture(
    path: Path, overlay: NDArray[np.uint8], record: Mapping[str, Any], panel: Panel, display: Display
) -> None:
    """Write a Secondary Capture if the image is a DICOM file with the UIDs that a reference needs."""
    source_path = display.source_root / str(record["source"])
    if not is_dicom(source_path):
        return
    try:
        source = read_source(source_path)
    except RejectedImageError:
        return
    patient = str(record["patient_id"] if display.hashed_patients else source.get("PatientID") or "")
    what = f"{panel.method} of {record['target']}, layer {panel.layer}"
    settings = display.digest + panel.suffix
    derivation = Derivation(f"{panel.method}, research only", f"{what}. {NOTE}.", settings)
    write_secondary_capture(path, overlay, source, patient, derivation)


def _caption(panel: Panel, record: Mapping[str, Any]) -> list[str]:
    """Say what an overlay shows, of which score, and that it is for research only."""
    target, score = str(record["target"]), float(record["score"])
    return [f"{panel.heading}: {target}", f"{panel.scored(target, score)}. {NOTE}"]


def _tile(folder: Path, entry: Mapping[str, Any], panel: Panel, display: Display, run: str = "") -> Tile:
    with Image.open(folder / entry["overlay"]) as overlay:
        width, height = map(int, overlay.info[IMAGE_SIZE].split())
        plain = overlay.crop((0, 0, width, height))
    plain.thumbnail((TILE, TILE))
    label = entry["label"] and f"label {entry['label']}"
    lines = [", ".join(filter(None, (run, PICKS.get(entry["pick"]), label)))]
    if entry["predicted"]:
        lines.append(f"predicted {panel.scored(entry['predicted'], entry['predicted_score'])}")
    if entry["target"] != entry["predicted"]:
        lines.append(f"map: {panel.scored(entry['target'], entry['score'])}")
    if entry["note"]:
        lines.append(entry["note"])
    wrong = bool(entry["label"] and entry["predicted"]) and entry["label"] != entry["predicted"]
    below = name_below(str(entry["source"]), entry["image_id"], hashed=display.hashed_patients)
    return Tile(np.asarray(plain), "\n".join(lines), below, wrong)


def _plain_tile(panel: Panel, image: int, original_of: "_OriginalOf") -> Tile:
    record, images = panel.record(image), panel.explanation.images
    original = original_of(record)
    pixels = images.pixels[images.rows[image]] if isinstance(original, str) else original
    shown = Image.fromarray(np.asarray(pixels))
    shown.thumbnail((TILE, TILE))
    return Tile(np.asarray(shown), "image")
