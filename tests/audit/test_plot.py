"""The audit's figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_cli.audit.plot import audit_figure

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
        assert picture.width > (700 if occlusion is None else 1200)


def test_bars_of_other_lengths_make_another_figure(tmp_path: Path) -> None:
    for name, value in (("low", 0.55), ("high", 0.9)):
        report = {
            "classes": ["a", "b"],
            "occlusion": None,
            "refitted": regions("image", "corners", value=value),
        }
        audit_figure(report, IMAGES, tmp_path / f"{name}.png")
    low, high = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) for name in ("low", "high"))
    assert low.shape == high.shape
    assert (low != high).mean() > 0.01
