"""A strip below an overlay: what it shows, its color scale, and what it is not for."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_cli.explain.choices import Color
from cxr_cli.explain.overlay import lay_over

NARROWEST = 320
"""Pixels that a strip is wide at least; a smaller overlay is at its left end."""
LINE_SHARE = 0.022
"""Height of a line, in sides of the overlay."""
SMALLEST = 11
BAR_SHARE = 0.3
"""Length of the color bar, in widths of the strip."""


def with_caption(
    overlay: NDArray[np.uint8], lines: Sequence[str], color: Color, end: str
) -> NDArray[np.uint8]:
    """Add a strip below an overlay, which itself stays as it is, at the top left.

    Args:
        overlay: uint8 [H, W, 3].
        lines: of text; too long ones are made smaller.
        color: of the color bar.
        end: what its upper end stands for.

    Returns:
        uint8 [more than H, W or more, 3].
    """
    height, width = overlay.shape[:2]
    wide = max(width, NARROWEST)
    size = max(SMALLEST, round(LINE_SHARE * wide))
    rows = round(1.5 * size)
    canvas = Image.new("RGB", (wide, height + rows * (len(lines) + 1) + rows // 2))
    canvas.paste(Image.fromarray(overlay), (0, 0))
    draw, margin, top = ImageDraw.Draw(canvas), size // 2, height + rows // 4
    for line in lines:
        draw.text((margin, top), line, "white", _fitting(line, size, wide - 2 * margin))
        top += rows
    # The colors as they look over a medium gray.
    steps = np.linspace(0, 1, round(BAR_SHARE * wide), dtype=np.float32)[None].repeat(size, axis=0)
    bar = lay_over(np.full(steps.shape, 128, np.uint8), steps, color)
    left = margin + round(1.2 * size)
    draw.text((margin, top), "0", "white", _font(size))
    canvas.paste(Image.fromarray(bar), (left, top + size // 6))
    after = left + bar.shape[1] + margin
    text = f"1: {end}"
    draw.text((after, top), text, "white", _fitting(text, size, wide - after - margin))
    return np.asarray(canvas)


def _fitting(text: str, size: int, width: int) -> ImageFont.FreeTypeFont:
    """Return the font in which a text is not wider than that."""
    length = _font(size).getlength(text)
    return _font(size if length <= width else max(5, int(size * width / length)))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
