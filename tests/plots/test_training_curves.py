"""Training curves show the history."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.plots.training_curves import training_curves
from cxr_cli.training.history import EpochRecord

pytestmark = pytest.mark.usefixtures("rendered")

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
    line = [0, 1]  # at the selected epoch, from edge to edge
    of_loss, of_accuracy = [[1.1, 0.9, 0.7], [1.0, 0.8, 0.9]], [[0.3, 0.5, 0.6], [0.4, 0.7, 0.7]]
    assert [np.asarray(of).tolist() for of in lines] == [*of_loss, line, [0.8], *of_accuracy, line, [0.7]]
    assert [axes.lines[3].get_xdata() for axes in (loss, accuracy)] == [[2], [2]]
    assert accuracy.get_xlim() == (0.5, 3.5)
    assert loss.get_yscale() == "linear"
    assert labels(drawn(), 1) == ["training", "validation", "selected: epoch 2, 0.700"]


def test_curves_of_a_siamese_run_say_what_they_are_of(drawn: Callable[[], Figure]) -> None:
    training_curves(HISTORY, True, Path("unused.png"))
    assert labels(drawn(), 0)[:2] == ["training, pairs", "validation, three-way"]


def test_losses_that_span_decades_are_drawn_on_a_logarithmic_scale(drawn: Callable[[], Figure]) -> None:
    training_curves([*HISTORY, EpochRecord(4, 0.01, 1.0, 2.0, 0.7, 1.0, 0)], False, Path("unused.png"))
    assert drawn().axes[0].get_yscale() == "log"


def test_a_linear_probe_has_epoch_0_alone(drawn: Callable[[], Figure]) -> None:
    training_curves([EpochRecord(0, np.nan, np.nan, 0.4, 0.8, 1.0, 1)], False, Path("unused.png"))
    loss, accuracy = drawn().axes
    assert (labels(drawn(), 0), loss.get_xlim()) == (["validation", "selected: epoch 0, 0.400"], (-0.5, 0.5))
    ticks = [tick for tick in accuracy.get_xticks() if -0.5 <= tick <= 0.5]
    assert ticks == [0]


def test_a_figure_is_written_as_png_and_the_same_svg_each_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        training_curves(HISTORY, False, tmp_path / folder / "training.png")
    with Image.open(tmp_path / "one" / "training.png") as image:
        assert image.format == "PNG"
    one, two = ((tmp_path / folder / "training.svg").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert b"<dc:date>" not in one
