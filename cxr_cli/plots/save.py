"""Plots as files. They are made without pyplot: no display, no global state."""

from pathlib import Path

from matplotlib.figure import Figure

from cxr_cli.artifacts import atomic_path

DPI = 150


def save(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure; the suffix decides the format."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
