"""A confusion matrix shows the counts that it is given."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval
from cxr_cli.plots.confusion_matrix import confusion_matrix


def test_a_confusion_matrix_shows_counts_and_row_shares(drawn: Callable[[], Figure]) -> None:
    counts = np.array([[3, 1], [0, 0]])
    sensitivities = [Estimate(0.75, Interval(0.3, 0.95, "wilson")), Estimate(np.nan, UNKNOWN)]
    confusion_matrix(counts, ("normal", "pneumonia"), "test", Path("unused.png"), sensitivities)
    axes = drawn().axes[0]
    texts = ["0.75\n0.30-0.95\n(3)", "0.25\n(1)", "0.00\n(0)", "0.00\n(0)"]
    assert [text.get_text() for text in axes.texts] == texts
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["normal\nn = 4", "pneumonia\nn = 0"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
