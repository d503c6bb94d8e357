"""Calibration plots."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.plots.calibration import CalibrationCurve, calibration_plot


def test_shares_are_drawn_against_mean_scores_in_groups(drawn: Callable[[], Figure]) -> None:
    chance = np.linspace(0.01, 0.99, 40)
    positive = np.arange(40) % 4 == 0
    calibration_plot(
        [CalibrationCurve("model", positive, chance, "slope 1")], "test: 40 images", Path("x.png")
    )
    axes, below = drawn().axes
    line = axes.containers[0].lines[0]
    assert np.allclose(line.get_ydata(), positive.reshape(10, 4).mean(1))
    assert np.allclose(line.get_xdata(), chance.reshape(10, 4).mean(1))
    assert axes.get_title(loc="left") == "test: 40 images"
    assert axes.get_legend_handles_labels()[1] == ["model\nslope 1"]
    assert below.get_xlabel() == "score"


def test_fewer_images_than_groups_are_one_each(drawn: Callable[[], Figure]) -> None:
    calibration_plot(
        [CalibrationCurve("m", np.array([True, False]), np.array([0.9, 0.2]))], "t", Path("x.png")
    )
    assert list(drawn().axes[0].containers[0].lines[0].get_ydata()) == [0, 1]
