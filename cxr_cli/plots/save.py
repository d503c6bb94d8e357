"""Plots as files. They are made without pyplot: no display, no global state."""

import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from cxr_cli.artifacts import atomic_path
from cxr_cli.printable import printable

DPI = 150

LONGEST_LINE = 100
"""Characters of a line of text; of longer ones, which leave no room for axes, the middle is left out."""
SHORTENED = 60


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure; the suffix decides the format.

    Texts are drawn as they are: names of classes and columns are no formulas, whatever dollars they have.
    Lines above LONGEST_LINE are shortened.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text("\n".join(map(_drawn, text.get_text().split("\n"))))
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(temporary, dpi=dpi)


def _drawn(line: str) -> str:
    shown = printable(line)
    half = SHORTENED // 2
    return shown if len(shown) <= LONGEST_LINE else f"{shown[:half]}…{shown[-half:]}"
