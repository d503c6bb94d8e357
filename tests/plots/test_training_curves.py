"""Training curves show the history."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.plots.save import DPI
from cxr_cli.plots.training_curves import training_curves
from cxr_cli.training.history import EpochRecord

HISTORY = [
    EpochRecord(1, 1.1, 0.3, 1.0, 0.4, 1.0, 1),
    EpochRecord(2, 0.9, 0.5, 0.8, 0.7, 1.0, 1),
    EpochRecord(3, 0.7, 0.6, 0.9, 0.7, 1.0, 0),
]


def labels(figure: Figure, axes: int) -> list[str]:
    return [text.get_text() for text in figure.axes[axes].get_legend().get_texts()]


def test_curves_are_the_history_s_and_the_first_best_epoch_is_marked(drawn: Callable[[], Figure]) -> None:
    training_curves(HISTORY, False, Path("unused.png"))
    loss, accuracy = drawn().axes
    lines = [line.get_ydata() for axes in (loss, accuracy) for line in axes.lines]
    expected = [[1.1, 0.9, 0.7], [1.0, 0.8, 0.9], [0.3, 0.5, 0.6], [0.4, 0.7, 0.7], [0.7]]
    assert [np.asarray(line).tolist() for line in lines] == expected
    assert accuracy.lines[2].get_xdata() == [2]
    assert loss.get_yscale() == "linear"
    assert labels(drawn(), 1) == ["training", "validation", "selected: 0.700"]


def test_curves_of_a_siamese_run_say_what_they_are_of(drawn: Callable[[], Figure]) -> None:
    training_curves(HISTORY, True, Path("unused.png"))
    assert labels(drawn(), 0) == ["training, pairs", "validation, three-way"]


def test_losses_that_span_decades_are_drawn_on_a_logarithmic_scale(drawn: Callable[[], Figure]) -> None:
    training_curves([*HISTORY, EpochRecord(4, 0.01, 1.0, 2.0, 0.7, 1.0, 0)], False, Path("unused.png"))
    assert drawn().axes[0].get_yscale() == "log"


def test_a_figure_is_written_whole_as_png(tmp_path: Path) -> None:
    path = tmp_path / "figures" / "training.png"
    training_curves(HISTORY, False, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (8 * DPI, 3.2 * DPI)
    assert [entry.name for entry in path.parent.iterdir()] == ["training.png"]
