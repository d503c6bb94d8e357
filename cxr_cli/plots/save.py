"""Plots as files. They are made without pyplot: no display, no global state."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.text import Text

from cxr_cli.artifacts import atomic_path, write_text
from cxr_cli.printable import printable

DPI = 150
VECTOR = ".svg"
MARGIN = 0.1
"""Around the content of a figure, in inches; a figure ends where its content does, so none is clipped."""

LONGEST_LINE = 100
"""Characters of a line of text; of longer ones, which leave no room for axes, the middle is left out."""
LONGEST_TICK = 40
"""Characters of a name at a tick."""

own_style = style.context(["default", {"svg.hashsalt": "cxr"}])
"""Decorates what draws: the same bytes whatever matplotlibrc lies in the working folder or the home."""


@own_style
def save(figure: Figure, path: Path, dpi: int = DPI, *, vector: bool = True) -> None:
    """Write a figure as PNG and, beside it, as SVG, each text as `_plain_texts` has it.

    Args:
        figure: the figure.
        path: of the PNG.
        dpi: dots per inch of the PNG.
        vector: also as SVG.
    """
    with atomic_path(path) as temporary, _plain_texts(figure):
        figure.savefig(temporary, dpi=dpi, bbox_inches="tight", pad_inches=MARGIN)
    if vector:
        write_text(path.with_suffix(VECTOR), as_svg(figure))


@own_style
def as_svg(figure: Figure) -> str:
    """Write a figure as SVG: letters as shapes, no date, the same text each time."""
    text = StringIO()
    with _plain_texts(figure):
        figure.savefig(text, format="svg", bbox_inches="tight", pad_inches=MARGIN, metadata={"Date": None})
    return text.getvalue()


@contextmanager
def _plain_texts(figure: Figure) -> Iterator[None]:
    """Let texts be drawn as they are: names of classes are no formulas, whatever dollars they have.

    Lines above LONGEST_LINE are shortened; letters that no font has are boxes, of which nobody is warned.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text("\n".join(_drawn(line, LONGEST_LINE) for line in text.get_text().split("\n")))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def tick_labels(names: Iterable[str]) -> list[str]:
    """Return names as they are drawn at ticks: on one line, of LONGEST_TICK characters."""
    return [_drawn(name, LONGEST_TICK) for name in names]


def _drawn(line: str, longest: int) -> str:
    shown, part = printable(line), longest // 3
    return shown if len(shown) <= longest else f"{shown[:part]}…{shown[-part:]}"
