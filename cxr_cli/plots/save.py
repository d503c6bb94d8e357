"""Plots as files. They are made without pyplot: no display, no global state."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

from cxr_cli.artifacts import atomic_path

DPI = 150

own_style = style.context(["default", {"svg.hashsalt": "cxr"}])
"""Decorates what draws: the same bytes whatever matplotlibrc lies in the working folder or the home."""

WITHOUT_DATE: Mapping[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""What not to write into a file, by suffix."""


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure; the suffix decides the format."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi, metadata=WITHOUT_DATE.get(path.suffix, {}))
