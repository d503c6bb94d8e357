"""Histograms of scores by class."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cxr_cli.plots.palette import color_of
from cxr_cli.plots.score_histogram import score_histograms


def test_a_class_is_beside_all_others_in_its_own_color(drawn: Callable[[], Figure]) -> None:
    labels, chance = np.array([0, 0, 0, 1]), np.array([0.1, 0.1, 0.3, 0.9])
    scores = np.stack([1 - chance, chance], axis=1)
    score_histograms(labels, scores, ("normal", "pneumonia"), "test", Path("x.png"), shown=[1], threshold=0.5)
    [axes] = drawn().axes
    others, of_class = axes.patches
    # Shares of each: two of three in the first bin, and the one of the class in the last.
    assert np.isclose(np.asarray(others.get_xy())[:, 1].max(), 2 / 3)  # type: ignore[attr-defined]
    assert np.asarray(of_class.get_xy())[:, 1].max() == 1  # type: ignore[attr-defined]
    assert to_hex(of_class.get_edgecolor()) == color_of(1)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(names) == ["others, n = 3", "pneumonia, n = 1", "threshold 0.5"]
