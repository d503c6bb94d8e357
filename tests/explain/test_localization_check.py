"""Localization of findings by masks: which images count, intervals, baselines and verdicts."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.localization import locate
from cxr_cli.explain.localization_check import (
    LocalizationGroup,
    LocalizationReport,
    check_localization,
    summarize_group,
)
from cxr_cli.explain.select import ImageSet
from cxr_cli.images.read import Geometry

PATIENTS = PLACES = np.arange(4)


def one(rows: slice, columns: slice, size: int = 8) -> np.ndarray:
    mask = np.zeros((1, size, size), bool)
    mask[0, rows, columns] = True
    return mask


CORNER = one(slice(0, 4), slice(0, 4))
"""The upper left quarter of an image of 8 pixels."""


def corners(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of as many patients whose findings lie in the two upper quarters by turns, and right maps."""
    masks = np.concatenate([CORNER, CORNER[:, :, ::-1]] * (count // 2))
    maps = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]] * (count // 2), np.float32)
    return maps, masks, np.arange(count)


def verdict(group: LocalizationGroup) -> str:
    return LocalizationReport("masks", group.images, 0, 0, {"all": group}).verdict


def test_right_maps_are_above_chance_and_above_other_patients_maps() -> None:
    maps, masks, patients = corners(20)
    everyone = np.ones(20, bool)
    group = summarize_group(locate(maps, masks, patients), patients, everyone, np.random.default_rng(0))
    pointing = group.as_json()["pointing_game"]
    assert (group.images, group.patients) == (20, 20)
    # Wilson's interval of 20 hits in 20 images: 20 / (20 + 1.96^2).
    assert (pointing["value"], pointing["high"]) == (1.0, 1.0)
    assert pointing["low"] == pytest.approx(20 / (20 + 1.959964**2), abs=1e-4)
    assert pointing["above_chance"] is True
    # A value that is the same for all images has no bootstrap interval.
    energy = group.as_json()["energy_pointing_game"]
    assert energy["value"] == pytest.approx((3.5 / 4) ** 2)
    assert (energy["low"], energy["method"]) == (None, "none")
    assert pointing["other_patients"] == pytest.approx(9 / 19)
    assert verdict(group).endswith("than chance, and than maps of other patients do")


def test_maps_that_always_point_to_one_place_are_reported() -> None:
    maps, masks, patients = corners(20)
    chosen = np.arange(20) % 2 == 0
    same = summarize_group(
        locate(maps[chosen], masks[chosen], patients[chosen]),
        patients[chosen],
        np.ones(10, bool),
        np.random.default_rng(0),
    )
    assert "no more often than maps of other patients do" in verdict(same)
    wrong = summarize_group(
        locate(maps[::-1], masks, patients), patients, np.ones(20, bool), np.random.default_rng(0)
    )
    assert wrong.metrics["pointing_game"].above_chance is False
    assert verdict(wrong).startswith("the maps do not point to the findings")


def explanation(maps: NDArray[np.float32], targets: list[str]) -> Explanation:
    table = pd.DataFrame({"target": targets})
    images = ImageSet(np.zeros((len(maps), 2, 2), np.uint8), np.arange(len(maps)), table)
    return Explanation(images, table, maps, "stage4")


def put_mask(folder: Path, name: str, filled: bool) -> None:
    assert cv2.imwrite(str(folder / f"{name}.png"), np.full((8, 8), 255 * filled, np.uint8))


def test_images_without_a_finding_are_counted_and_left_out(tmp_path: Path) -> None:
    images = explanation(np.random.default_rng(0).random((4, 4, 4)).astype(np.float32), ["a", "a", "b", "b"])
    images.table["source"] = [f"images/{number}.dcm" for number in PLACES]
    images.table["label"] = ["a", "a", "b", "b"]
    images.table["predicted"] = ["a", "b", "b", "b"]
    put_mask(tmp_path, "0", filled=False)
    with pytest.raises(BadInput, match="the masks of all 1 images are black: there is no finding"):
        check_localization(tmp_path, images, Geometry(8), PATIENTS, np.random.default_rng(0))
    for name in ("1", "3"):
        put_mask(tmp_path, name, filled=True)
    report, columns = check_localization(tmp_path, images, Geometry(8), PATIENTS, np.random.default_rng(0))
    assert (report.images, report.without_finding, report.without_mask) == (2, 1, 1)
    assert columns["energy_pointing_game"].isna().tolist() == [True, False, True, False]
    assert columns["mask"].tolist() == [
        str(tmp_path / "0.png"),
        str(tmp_path / "1.png"),
        "",
        str(tmp_path / "3.png"),
    ]
    # A mask of the whole image contains all of any map.
    energy = report.groups["all"].metrics["energy_pointing_game"]
    assert energy.estimate.value == pytest.approx(1)
    assert energy.above_chance is False
    images_of = {name: group.images for name, group in report.groups.items()}
    parts = {"label a": 1, "label b": 1, "correct predictions": 1, "incorrect predictions": 1}
    assert images_of == {"all": 2, **parts}
