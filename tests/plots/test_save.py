"""Figures are the same bytes, whatever the user's matplotlib is set to."""

from pathlib import Path

import matplotlib as mpl
import pytest

from cxr_cli.plots.counts import stacked_counts

COUNTS = {"GE": {"normal": 3, "pneumonia": 5}, "Siemens": {"normal": 2, "pneumonia": 0}}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_s_bytes_are_its_data_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
    stacked_counts(COUNTS, "Images", one)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # another time
    settings = {"font.size": 30, "figure.facecolor": "red", "svg.hashsalt": "other", "axes.grid": True}
    with mpl.rc_context(settings):
        stacked_counts(COUNTS, "Images", other)
    assert one.read_bytes() == other.read_bytes()
