"""Figures as files: the same bytes whatever matplotlib is set to; names drawn as they are."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.plots.counts import stacked_counts
from cxr_cli.plots.save import save, tick_labels

COUNTS = {"GE": {"normal": 3, "pneumonia": 5}, "Siemens": {"normal": 2, "pneumonia": 0}}


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_s_bytes_are_its_data_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
    stacked_counts(COUNTS, "Images", one.with_suffix(".png"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # another time
    settings = {"font.size": 30, "figure.facecolor": "red", "svg.hashsalt": "other", "axes.grid": True}
    with mpl.rc_context(settings):
        stacked_counts(COUNTS, "Images", other.with_suffix(".png"))
    assert one.read_bytes() == other.read_bytes()


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
