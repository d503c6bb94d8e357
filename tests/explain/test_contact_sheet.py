"""Contact sheets: as many as the images need."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.explain import contact_sheet
from cxr_cli.explain.contact_sheet import Scale, Tile, contact_sheets

pytestmark = pytest.mark.usefixtures("rendered")

SCALE = Scale("red", "share")


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "COLUMNS", 3)
    monkeypatch.setattr(contact_sheet, "ROWS", 1)


def tile(gray: int) -> Tile:
    return Tile(np.full((8, 6), gray, np.uint8), "label normal", "0123", wrong=bool(gray % 2))


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def test_images_that_fill_more_than_a_sheet_continue_on_the_next(tmp_path: Path) -> None:
    paths = contact_sheets(5, lambda image: [tile(image)], "run", SCALE, tmp_path / "sheet.png")
    assert paths == (tmp_path / "sheet.png", tmp_path / "sheet-2.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet-2.png", "sheet.png"]
    assert width(paths[0]) > width(paths[1])


def test_the_tiles_of_an_image_stay_together(tmp_path: Path) -> None:
    # A row of three has room for one image's two.
    paths = contact_sheets(2, lambda image: [tile(image), tile(20)], "run", SCALE, tmp_path / "sheet.png")
    assert len(paths) == 2
    assert width(paths[0]) == width(paths[1])
