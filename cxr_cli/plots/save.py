"""Plots as files. They are made without pyplot: no display, no global state."""

from io import StringIO
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from cxr_cli.artifacts import atomic_path, write_text

DPI = 150
VECTOR = ".svg"
MARGIN = 0.1
"""Around the content of a figure, in inches; a figure ends where its content does, so none is clipped."""

own_style = style.context(["default", {"svg.hashsalt": "cxr"}])
"""Decorates what draws: the same bytes whatever matplotlibrc lies in the working folder or the home."""


@own_style
def save(figure: Figure, path: Path, dpi: int = DPI, *, vector: bool = True) -> None:
    """Write a figure as PNG and, beside it, as SVG.

    Args:
        figure: the figure.
        path: of the PNG.
        dpi: dots per inch of the PNG.
        vector: also as SVG.
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, bbox_inches="tight", pad_inches=MARGIN)
    if vector:
        write_text(path.with_suffix(VECTOR), as_svg(figure))


@own_style
def as_svg(figure: Figure) -> str:
    """Write a figure as SVG: letters as shapes, no date, the same text each time."""
    text = StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", pad_inches=MARGIN, metadata={"Date": None})
    return text.getvalue()
