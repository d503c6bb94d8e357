"""Forest plots."""

import numpy as np

from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval
from cxr_cli.plots.forest import ForestRow, forest_plot


def test_a_subgroup_is_a_dot_with_its_interval_open_where_that_is_missing() -> None:
    found = Estimate(0.8, Interval(0.6, 0.9, "delong"))
    alone = Estimate(1.0, UNKNOWN, "no interval: too few patients")
    nothing = Estimate(np.nan, UNKNOWN)
    rows = [("all images", 9, found), ("sex: F", 1, alone), ("sex: M", 8, nothing)]
    [axes] = forest_plot([ForestRow(name, images, {"AUC": of}) for name, images, of in rows]).axes
    dots = {float(line.get_ydata()[0]): line for line in axes.lines if line.get_marker() in {"o", "D"}}
    assert [line.get_markerfacecolor() for line in dots.values()] == ["black", "white"]
    assert axes.lines[1].get_xdata().tolist() == [0.6, 0.9]
    assert [text.get_text() for text in axes.texts] == ["undefined"]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["all images (n = 9)", "sex: F (n = 1)", "sex: M (n = 8)"]
