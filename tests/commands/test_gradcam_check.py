"""`cxr gradcam --check` by its command line; see tests/dataset/test_masks.py for the masks of phantoms."""

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
def one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_cli.explain.sanity.DRAWS", 1)


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


def test_maps_are_put_to_the_proof(cxr: Cxr, single_run: Path, masks: Path, tmp_path: Path) -> None:
    argv = ("gradcam", single_run, "--check", "--masks", masks, "--layer", "stage2", "--target", "label")
    outcome = cxr(*argv, "-o", tmp_path / "out", "--beside", single_run)
    assert outcome.code == 0, outcome.err
    report = json.loads((tmp_path / "out" / "check.json").read_text())
    table = pd.read_csv(tmp_path / "out" / "check.csv", keep_default_na=False, na_values={"overlap": ""})
    ill = table["label"] != "normal"
    assert (report["images"], report["layer"], report["cells"]) == (len(table), "stage2", [4, 4])
    assert report["repeating"]["repeatable"] is True
    assert report["repeating"]["same_call"] == 0
    assert report["other_run"]["correlation"]["value"] == pytest.approx(1)
    stages = [stage["drawn_anew"] for stage in report["forgetting"]["stages"]]
    assert (stages[0], stages[-1]) == ("classifier", "stem")
    assert report["forgetting"]["stages"][-1]["correlation"] < 0.9
    found = report["masks"]
    assert (found["images"], found["without_finding"], found["without_mask"]) == (ill.sum(), (~ill).sum(), 0)
    assert table["overlap"].notna().equals(ill)
    everyone = found["groups"]["all"]
    assert everyone["overlap"]["value"] == pytest.approx(table["overlap"].mean())
    assert everyone["heat_share"]["even"] == pytest.approx(12**2 / SIZE**2)
    assert set(found["groups"]) >= {"all", "label covid19", "label pneumonia"}
    for told in (
        "4 x 4 cells, target label",
        f"{report['forgetting']['verdict']}\n",
        "repeatable within 0.001\n",
        f"left out are {(~ill).sum()} whose mask is black and 0 without a mask\n",
        f"{found['verdict']}\n",
    ):
        assert told in outcome.out


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--check", "--masks", "{masks}/none"), 3, "none: no such folder of masks"),
        (
            ("--check", "--masks", "{empty}"),
            3,
            "none of its 0 .png files is the mask of an image by its name",
        ),
        (("--masks", "{masks}"), 2, "--masks: only with --check"),
        (("--check", "--dicom"), 2, "--check: not with --dicom"),
        (("--check", "--pair", "a", "b"), 2, "--check: not with --pair"),
    ],
)
def test_what_cannot_be_checked_is_told_in_a_line(
    cxr: Cxr, single_run: Path, masks: Path, tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [option.format(masks=masks, empty=tmp_path / "empty") for option in options]
    outcome = cxr("gradcam", single_run, "-o", tmp_path / "out", *given)
    assert outcome.code == code
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
