"""Pointing game, share of heat and IoU: by hand, against OpenCV's enlarging, and as properties."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr_cli.explain.localization import (
    FIGURES,
    centered_gaussian,
    enlargement,
    heat_share,
    judge_localization,
    localization_report,
    locate,
    overlap,
    pointing_game,
)


def one(rows: slice, columns: slice, size: int = 8) -> np.ndarray:
    mask = np.zeros((1, size, size), bool)
    mask[0, rows, columns] = True
    return mask


CORNER = one(slice(0, 4), slice(0, 4))
"""The upper left quarter of an image of 8 pixels."""


@pytest.mark.parametrize("cells", [1, 2, 3, 7])
def test_maps_are_enlarged_as_for_overlays(cells: int) -> None:
    heat = np.random.default_rng(0).random((cells, cells)).astype(np.float32)
    weights = enlargement(cells, 20)
    np.testing.assert_allclose(weights.sum(1), 1)
    enlarged = cv2.resize(heat, (20, 20), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(weights @ heat @ weights.T, enlarged, atol=1e-6)


@pytest.mark.parametrize(
    ("heat", "hit"),
    [
        ([[3, 1], [1, 1]], 1.0),
        ([[1, 1], [1, 3]], 0.0),
        # Two cells are hottest, and one of them lies in the finding.
        ([[3, 1], [1, 3]], 0.5),
        # A map that says nothing hits as often as one points at random.
        ([[1, 1], [1, 1]], 0.25),
        ([[0, 0], [0, 0]], 0.0),
    ],
)
def test_the_hottest_cell_hits_or_misses(heat: list[list[int]], hit: float) -> None:
    assert pointing_game(np.array([heat], np.float32), CORNER).item() == hit


def test_a_hit_may_lie_beside_the_finding_by_the_tolerance() -> None:
    # The hottest cell's center is pixel (42, 42) of 56, the tolerance 3.75 pixels.
    heat = np.array([[[0, 0], [0, 1]]], np.float32)
    near, far = one(slice(42, 44), slice(45, 50), 56), one(slice(42, 44), slice(46, 50), 56)
    assert pointing_game(heat, near).item() == 1
    assert pointing_game(heat, far).item() == 0


def test_the_share_of_heat_inside_is_that_of_the_enlarged_map() -> None:
    assert heat_share(np.ones((1, 2, 2)), CORNER).item() == pytest.approx(0.25)
    assert heat_share(np.zeros((1, 2, 2)), CORNER).item() == 0
    # One hot cell of 2 x 2 is on 8 pixels, along each side, 1 1 7/8 5/8 3/8 1/8 0 0: 3.5 of 4 are inside.
    only = np.array([[[1, 0], [0, 0]]], np.float32)
    assert heat_share(only, CORNER).item() == pytest.approx((3.5 / 4) ** 2)


def test_the_overlap_is_of_what_has_half_the_largest_heat() -> None:
    # Half of the largest heat has where the product of the two sides is 1/2 or more: of
    # 1 1 7/8 5/8 3/8, rows 1, 1 and 7/8 have four pixels each and row 5/8 three, all inside 16.
    only = np.array([[[1, 0], [0, 0]]], np.float32)
    assert overlap(only, CORNER).item() == pytest.approx(15 / 16)
    assert overlap(only, one(slice(4, 8), slice(4, 8))).item() == 0
    assert overlap(np.ones((1, 2, 2)), CORNER).item() == pytest.approx(0.25)
    assert overlap(np.zeros((1, 2, 2)), CORNER).item() == 0


MAPS = arrays(np.float32, (3, 3, 4), elements=st.floats(0, 8, width=16))
MASKS = arrays(bool, (2, 12, 12))


@given(maps=MAPS, masks=MASKS)
def test_figures_are_shares_that_no_scale_and_no_mirror_changes(maps: np.ndarray, masks: np.ndarray) -> None:
    for figure in FIGURES.values():
        found = figure(maps, masks)
        assert found.shape == (2, 3)
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
        np.testing.assert_allclose(figure(4 * maps, masks), found, atol=1e-9)
        np.testing.assert_allclose(figure(maps[:, :, ::-1], masks[:, :, ::-1]), found, atol=1e-9)


@given(maps=MAPS, masks=MASKS)
def test_heat_is_inside_or_outside(maps: np.ndarray, masks: np.ndarray) -> None:
    with_heat = maps.max((1, 2)) > 0
    total = heat_share(maps, masks) + heat_share(maps, ~masks)
    np.testing.assert_allclose(total, np.broadcast_to(with_heat, total.shape), atol=1e-9)


def test_chance_is_measured_by_maps_that_do_not_look() -> None:
    # Two patients whose findings lie in opposite corners, each with heat where it should be.
    masks = np.concatenate([CORNER, one(slice(4, 8), slice(4, 8))])
    maps = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], np.float32)
    located = locate(maps, masks, np.array([0, 1]))
    pointing = located["pointing_game"]
    assert pointing.own.tolist() == [1, 1]
    assert pointing.other.tolist() == [0, 0]
    assert pointing.even.tolist() == [0.25, 0.25]
    assert pointing.center.tolist() == [0.25, 0.25]
    assert located["heat_share"].even.tolist() == [0.25, 0.25]
    # Images of one patient are not each other's chance.
    assert np.isnan(locate(maps, masks, np.array([0, 0]))["pointing_game"].other).all()


def test_the_gaussian_is_highest_in_the_middle() -> None:
    drawn = centered_gaussian(3, 5)[0]
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (1, 2)
    assert drawn[1, 2] == 1
    # A third of the height from the middle is 4/3 standard deviations of 1/4.
    assert drawn[0, 2] == pytest.approx(np.exp(-0.5 * (4 / 3) ** 2))


def corners(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of as many patients whose findings lie in the two upper quarters by turns, and right maps."""
    masks = np.concatenate([CORNER, CORNER[:, :, ::-1]] * (count // 2))
    maps = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]] * (count // 2), np.float32)
    return maps, masks, np.arange(count)


def test_right_maps_are_above_chance_and_above_other_patients_maps() -> None:
    maps, masks, patients = corners(20)
    everyone = np.ones(20, bool)
    report = localization_report(locate(maps, masks, patients), patients, everyone, np.random.default_rng(0))
    pointing = report["pointing_game"]
    assert (report["images"], report["patients"]) == (20, 20)
    # Wilson's interval of 20 hits in 20 images: 20 / (20 + 1.96^2).
    assert (pointing["value"], pointing["high"]) == (1.0, 1.0)
    assert pointing["low"] == pytest.approx(20 / (20 + 1.959964**2), abs=1e-4)
    assert pointing["above_chance"] is True
    # A share of heat that is the same on all images says nothing of others, and has no interval.
    assert report["heat_share"]["value"] == pytest.approx((3.5 / 4) ** 2)
    assert (report["heat_share"]["low"], report["heat_share"]["method"]) == (None, "none")
    assert pointing["other"] == pytest.approx(9 / 19)
    assert judge_localization(report).endswith("than chance, and than maps of other patients do")


def test_maps_that_always_point_to_one_place_are_told() -> None:
    maps, masks, patients = corners(20)
    chosen = np.arange(20) % 2 == 0
    same = localization_report(
        locate(maps[chosen], masks[chosen], patients[chosen]),
        patients[chosen],
        np.ones(10, bool),
        np.random.default_rng(0),
    )
    assert "no more than maps of other patients do" in judge_localization(same)
    wrong = localization_report(
        locate(maps[::-1], masks, patients), patients, np.ones(20, bool), np.random.default_rng(0)
    )
    assert wrong["pointing_game"]["above_chance"] is False
    assert judge_localization(wrong).startswith("the maps do not point into the findings")
