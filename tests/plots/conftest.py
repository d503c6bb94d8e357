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
    training_curves,
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Figure]:
    """Catch the figure instead of writing it."""
    caught: list[Figure] = []
    for module in (confusion_matrix, curves, training_curves, calibration, counts, decision_curve, flow):
        monkeypatch.setattr(module, "save", lambda figure, _: caught.append(figure))
    return lambda: caught[-1]
