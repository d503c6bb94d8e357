"""Figures that are caught instead of written."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from cxr_cli.plots import confusion_matrix, roc, training_curves


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Figure]:
    """Catch the figure instead of writing it."""
    caught: list[Figure] = []
    for module in (confusion_matrix, roc, training_curves):
        monkeypatch.setattr(module, "save", lambda figure, _: caught.append(figure))
    return lambda: caught[-1]
