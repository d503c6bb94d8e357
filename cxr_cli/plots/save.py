"""Plots as files. They are made without pyplot: no display, no global state."""

import warnings
from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from cxr_cli.artifacts import atomic_path
from cxr_cli.printable import printable

DPI = 150

LONGEST_LINE = 100
"""Characters of a line of text; of longer ones, which leave no room for axes, the middle is left out."""
LONGEST_TICK = 40
"""Characters of a name at a tick."""


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure; the suffix decides the format.

    Texts are drawn as they are: names of classes and columns are no formulas, whatever dollars they have.
    Lines above LONGEST_LINE are shortened.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text("\n".join(_drawn(line, LONGEST_LINE) for line in text.get_text().split("\n")))
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(temporary, dpi=dpi)


def tick_labels(names: Iterable[str]) -> list[str]:
    """Return names as they are drawn at ticks: on one line, of LONGEST_TICK characters."""
    return [_drawn(name, LONGEST_TICK) for name in names]


def _drawn(line: str, longest: int) -> str:
    shown, part = printable(line), longest // 3
    return shown if len(shown) <= longest else f"{shown[:part]}…{shown[-part:]}"
