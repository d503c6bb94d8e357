"""Figures that are caught instead of written."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from cxr_cli.plots import (
    calibration,
    confusion_matrix,
    counts,
    curves,
    decision_curve,
    flow,
    score_histogram,
    training_curves,
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Figure]:
    """Catch the figure instead of writing it."""
    caught: list[Figure] = []
    modules = (
        calibration,
        confusion_matrix,
        counts,
        curves,
        decision_curve,
        flow,
        score_histogram,
        training_curves,
    )
    for module in modules:
        monkeypatch.setattr(module, "save", lambda figure, _: caught.append(figure))
    return lambda: caught[-1]
