"""Decision curves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cxr_cli.evaluation.net_benefit import net_benefit
from cxr_cli.plots.decision_curve import THRESHOLDS, decision_curves


def test_each_model_is_beside_treating_all_and_none(drawn: Callable[[], Figure]) -> None:
    positive = np.array([1, 0, 1, 0, 0], bool)
    chance = np.array([0.9, 0.1, 0.4, 0.6, 0.2])
    decision_curves(positive, {"model": chance}, "test: 5 images", Path("x.png"))
    [axes] = drawn().axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert list(lines) == ["all positive", "all negative", "model"]
    assert np.allclose(lines["model"].get_ydata(), net_benefit(positive, chance, THRESHOLDS))
    assert set(np.ravel(lines["all negative"].get_ydata())) == {0}
    assert axes.get_title() == "test: 5 images"
