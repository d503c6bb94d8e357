"""Counts as stacked bars."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from cxr_cli.plots.counts import stacked_counts


def test_classes_are_stacked_and_totals_written(drawn: Callable[[], Figure]) -> None:
    counts = {"Philips": {"normal": 3, "pneumonia": 4}, "Kodak": {"normal": 0, "pneumonia": 2}}
    stacked_counts(counts, "Images by manufacturer, n = 9", Path("x.png"))
    [axes] = drawn().axes
    widths = [bar.get_width() for bar in axes.patches]
    starts = [bar.get_x() for bar in axes.patches]
    assert (widths, starts) == ([3, 0, 4, 2], [0, 0, 3, 0])
    assert [text.get_text().strip() for text in axes.texts] == ["7", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Philips", "Kodak"]
