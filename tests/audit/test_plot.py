"""The audit's figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.audit import plot
from cxr_cli.audit.plot import audit_figure
from cxr_cli.plots.palette import color_of

pytestmark = pytest.mark.usefixtures("rendered")

IMAGES = {name: np.full((8, 8), 100, np.uint8) for name in ("image", "corners", "thumbnail")}


def aucs(value: float | None) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - 0.1, value + 0.05)
    of = {"value": value, "low": low, "high": high}
    return {"auc": of, "per_class": {"a": of, "b": {"value": None, "low": None, "high": None}}}


def regions(*names: str, value: float | None = 0.8) -> dict[str, Any]:
    return {"subset": "val", "regions": {name: aucs(value) for name in names}}


PERFECT: dict[str, Any] = {
    "auc": {"value": 1.0, "low": None, "high": None},
    "per_class": aucs(1.0)["per_class"],
}


@pytest.mark.parametrize(
    ("occlusion", "refitted"),
    [
        (regions("image", "corners", "thumbnail"), regions("image", "corners")),
        (None, regions("image", "corners")),
        ({"subset": "val", "regions": dict.fromkeys(IMAGES, PERFECT)}, regions("image", "corners")),
        (regions("image", "corners", "thumbnail", value=None), regions("image", "corners")),
    ],
)
def test_a_figure_is_written_whatever_is_known(tmp_path: Path, occlusion: Any, refitted: Any) -> None:
    path = tmp_path / "figures" / "audit.png"
    audit_figure({"classes": ["a", "b"], "occlusion": occlusion, "refitted": refitted}, IMAGES, path)
    with Image.open(path) as picture:
        assert picture.width > (600 if occlusion is None else 1100)


def test_a_class_is_a_dot_with_its_interval_and_the_axis_begins_at_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[Figure] = []
    monkeypatch.setattr(plot, "save", lambda figure, _: caught.append(figure))
    found = regions("image", "corners")
    for of in found["regions"].values():
        of["per_class"]["b"] = {"value": 0.8, "low": 0.7, "high": 0.85}
    audit_figure({"classes": ["a", "b"], "occlusion": None, "refitted": found}, IMAGES, tmp_path / "x.png")
    axes = caught[0].axes[-1]
    chance, *whiskers, dots = [
        line for line in axes.lines if line.get_label() == "b" or line.get_linewidth() > 0.9
    ]
    assert chance.get_xdata() == [0.5, 0.5]
    # Of two classes the second alone is drawn, in its own color.
    assert [list(line.get_xdata()) for line in whiskers] == [[0.7, 0.85]] * 2
    assert (list(dots.get_xdata()), dots.get_color()) == ([0.8, 0.8], color_of(1))
    assert axes.get_xlim()[0] == pytest.approx(0.43)
    assert axes.get_title(loc="left").startswith("a classifier refitted on this region")
