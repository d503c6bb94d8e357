"""What figures draw of names: no formulas, no control signs, and not more than there is room for."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.plots.save import save, tick_labels


@pytest.mark.parametrize("name", ["a $\\frac{$ b", "\U0001fac1\x1b[31m", "x" * 3000])
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    confusion_matrix(np.eye(2, dtype=np.int64), (name, "b"), name, tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_dollars_are_no_formula_and_control_signs_are_written_out(tmp_path: Path) -> None:
    figure = Figure()
    text = figure.text(0, 0, "$x$\n\x1b" + "y" * 300)
    save(figure, tmp_path / "f.svg")
    assert not text.get_parse_math()
    first, second = text.get_text().split("\n")
    assert first == "$x$"
    assert second.startswith(r"\x1byyy")
    assert len(second) < 100
    assert tick_labels(["a\nb", "z" * 100]) == [r"a\nb", f"{'z' * 13}…{'z' * 13}"]
