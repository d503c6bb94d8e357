"""Figures show the numbers they were given."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.plots import plots
from cxr_cli.training.history import EpochRecord

HISTORY = [
    EpochRecord(1, 1.1, 0.3, 1.0, 0.4, 1.0, 1),
    EpochRecord(2, 0.9, 0.5, 0.8, 0.7, 1.0, 1),
    EpochRecord(3, 0.7, 0.6, 0.9, 0.7, 1.0, 0),
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Figure]:
    """Catch the figure instead of writing it."""
    caught: list[Figure] = []
    monkeypatch.setattr(plots, "save", lambda figure, _: caught.append(figure))
    return lambda: caught[-1]


def labels(figure: Figure, axes: int) -> list[str]:
    return [text.get_text() for text in figure.axes[axes].get_legend().get_texts()]


def test_curves_are_the_history_s_and_the_first_best_epoch_is_marked(drawn: Callable[[], Figure]) -> None:
    plots.training_curves(HISTORY, False, Path("unused.png"))
    loss, accuracy = drawn().axes
    lines = [line.get_ydata() for axes in (loss, accuracy) for line in axes.lines]
    expected = [[1.1, 0.9, 0.7], [1.0, 0.8, 0.9], [0.3, 0.5, 0.6], [0.4, 0.7, 0.7], [0.7]]
    assert [np.asarray(line).tolist() for line in lines] == expected
    assert accuracy.lines[2].get_xdata() == [2]
    assert loss.get_yscale() == "linear"
    assert labels(drawn(), 1) == ["training", "validation", "selected: 0.700"]


def test_curves_of_a_siamese_run_say_what_they_are_of(drawn: Callable[[], Figure]) -> None:
    plots.training_curves(HISTORY, True, Path("unused.png"))
    assert labels(drawn(), 0) == ["training, pairs", "validation, three-way"]


def test_losses_that_span_decades_are_drawn_on_a_logarithmic_scale(drawn: Callable[[], Figure]) -> None:
    plots.training_curves([*HISTORY, EpochRecord(4, 0.01, 1.0, 2.0, 0.7, 1.0, 0)], False, Path("unused.png"))
    assert drawn().axes[0].get_yscale() == "log"


def test_a_confusion_matrix_shows_counts_and_row_shares(drawn: Callable[[], Figure]) -> None:
    counts = np.array([[3, 1], [0, 0]])
    plots.confusion_matrix(counts, ("normal", "pneumonia"), "test", Path("unused.png"))
    axes = drawn().axes[0]
    texts = ["0.75\n(3)", "0.25\n(1)", "0.00\n(0)", "0.00\n(0)"]
    assert [text.get_text() for text in axes.texts] == texts
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["normal", "pneumonia"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_roc_curves_have_their_points_a_dot_and_a_name_in_the_legend(drawn: Callable[[], Figure]) -> None:
    points = np.array([0.0, 0.25, 1.0]), np.array([0.0, 0.75, 1.0])
    nothing = np.zeros(0)
    curves = [plots.Curve("AP: AUC 0.75", *points, (0.25, 0.75)), plots.Curve("PA: none", nothing, nothing)]
    plots.roc_curves(curves, "view_position", Path("unused.png"))
    figure = drawn()
    chance, line, dot, empty = figure.axes[0].lines
    assert np.asarray(line.get_xydata()).tolist() == [[0, 0], [0.25, 0.75], [1, 1]]
    assert np.asarray(dot.get_xydata()).tolist() == [[0.25, 0.75]]
    assert np.asarray(empty.get_xydata()).size == 0
    assert chance.get_color() == "0.75"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["AP: AUC 0.75", "PA: none"]


def test_a_figure_is_written_whole_as_png(tmp_path: Path) -> None:
    path = tmp_path / "figures" / "training.png"
    plots.training_curves(HISTORY, False, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (8 * plots.DPI, 3.2 * plots.DPI)
    assert [entry.name for entry in path.parent.iterdir()] == ["training.png"]
