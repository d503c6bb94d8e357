"""`cxr gradcam --sanity-check` on phantoms and their masks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

Cxr = Callable[..., Any]
SIZE = 32


@pytest.fixture(autouse=True)
def one_initialization(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_cli.explain.randomization.INITIALIZATIONS", 1)


@pytest.fixture(scope="module")
def masks(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks of the small dataset's bright squares; those of normal images are black."""
    folder = tmp_path_factory.mktemp("masks")
    images = pd.read_csv(small_dataset / "manifest.csv")
    corners = {"covid19": (0, 0), "pneumonia": (16, 0)}
    for source, label in zip(images["source"], images["label"], strict=True):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        if label in corners:
            top, left = corners[label]
            mask[top + 2 : top + 14, left + 2 : left + 14] = 255
        assert cv2.imwrite(str(folder / f"{Path(source).stem}.png"), mask)
    return folder


def test_maps_are_checked_in_four_ways(cxr: Cxr, single_run: Path, masks: Path, tmp_path: Path) -> None:
    argv = (
        "gradcam",
        single_run,
        "--sanity-check",
        "--masks",
        masks,
        "--layer",
        "stage2",
        "--target",
        "label",
    )
    outcome = cxr(*argv, "-o", tmp_path / "out", "--beside", single_run)
    assert outcome.code == 0, outcome.err
    report = json.loads((tmp_path / "out" / "check.json").read_text())
    table = pd.read_csv(tmp_path / "out" / "check.csv", keep_default_na=False, na_values={"iou": ""})
    ill = table["label"] != "normal"
    assert (report["images"], report["layer"], report["cells"]) == (len(table), "stage2", [4, 4])
    assert report["repeatability"]["repeatable"] is True
    assert report["repeatability"]["same_call"] == 0
    assert report["other_run"]["correlation"]["value"] == pytest.approx(1)
    stages = [stage["randomized"] for stage in report["randomization"]["stages"]]
    assert (stages[0], stages[-1]) == ("classifier", "stem")
    assert report["randomization"]["stages"][-1]["correlation"] < 0.9
    found = report["masks"]
    assert (found["images"], found["without_finding"], found["without_mask"]) == (ill.sum(), (~ill).sum(), 0)
    assert table["iou"].notna().equals(ill)
    everyone = found["groups"]["all"]
    assert everyone["iou"]["value"] == pytest.approx(table["iou"].mean())
    assert everyone["energy_pointing_game"]["uniform"] == pytest.approx(12**2 / SIZE**2)
    assert set(found["groups"]) >= {"all", "label covid19", "label pneumonia"}
    for text in (
        "4 x 4 cells, target label",
        f"{report['randomization']['verdict']}\n",
        "repeatable within 0.001\n",
        f"left out: {(~ill).sum()} with a black mask, 0 without a mask\n",
        f"{found['verdict']}\n",
    ):
        assert text in outcome.out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--sanity-check", "--masks", "{masks}/none"), 3, "none: no such folder of masks"),
        (
            ("--sanity-check", "--masks", "{empty}"),
            3,
            "none of its 0 .png files has the name of an image",
        ),
        (("--masks", "{masks}"), 2, "--masks: only with --sanity-check"),
        (("--sanity-check", "--dicom"), 2, "--sanity-check: not with --dicom"),
        (("--sanity-check", "--pair", "a", "b"), 2, "--sanity-check: not with --pair"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_one_line(
    cxr: Cxr, single_run: Path, masks: Path, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [option.format(masks=masks, empty=tmp_path / "empty") for option in options]
    outcome = cxr("gradcam", single_run, "-o", tmp_path / "out", *given)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
