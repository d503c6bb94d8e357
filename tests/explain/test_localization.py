"""Localization metrics: by hand, against OpenCV's interpolation, and as properties."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr_cli.explain.localization import (
    METRICS,
    centered_gaussian,
    energy_pointing_game,
    interpolation,
    iou,
    locate,
    pointing_game,
)


def one(rows: slice, columns: slice, size: int = 8) -> np.ndarray:
    mask = np.zeros((1, size, size), bool)
    mask[0, rows, columns] = True
    return mask


CORNER = one(slice(0, 4), slice(0, 4))
"""The upper left quarter of an image of 8 pixels."""


@pytest.mark.parametrize("cells", [1, 2, 3, 7])
def test_maps_are_interpolated_as_for_overlays(cells: int) -> None:
    saliency = np.random.default_rng(0).random((cells, cells)).astype(np.float32)
    weights = interpolation(cells, 20)
    np.testing.assert_allclose(weights.sum(1), 1)
    upsampled = cv2.resize(saliency, (20, 20), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(weights @ saliency @ weights.T, upsampled, atol=1e-6)


@pytest.mark.parametrize(
    ("saliency", "hit"),
    [
        ([[3, 1], [1, 1]], 1.0),
        ([[1, 1], [1, 3]], 0.0),
        # Two cells share the maximum, and one of them lies in the finding.
        ([[3, 1], [1, 3]], 0.5),
        # A constant map hits as often as a random point does.
        ([[1, 1], [1, 1]], 0.25),
        ([[0, 0], [0, 0]], 0.0),
    ],
)
def test_the_maximum_hits_or_misses(saliency: list[list[int]], hit: float) -> None:
    assert pointing_game(np.array([saliency], np.float32), CORNER).item() == hit


def test_a_hit_may_lie_outside_the_finding_within_the_tolerance() -> None:
    # The maximum, a cell's center, is pixel (42, 42) of 56, the tolerance 3.75 pixels.
    saliency = np.array([[[0, 0], [0, 1]]], np.float32)
    near, far = one(slice(42, 44), slice(45, 50), 56), one(slice(42, 44), slice(46, 50), 56)
    assert pointing_game(saliency, near).item() == 1
    assert pointing_game(saliency, far).item() == 0


def test_the_energy_inside_is_that_of_the_interpolated_map() -> None:
    assert energy_pointing_game(np.ones((1, 2, 2)), CORNER).item() == pytest.approx(0.25)
    assert energy_pointing_game(np.zeros((1, 2, 2)), CORNER).item() == 0
    # One positive cell of 2 x 2 is 1 1 7/8 5/8 3/8 1/8 0 0 along each side of 8 pixels: 3.5 of 4 are inside.
    only = np.array([[[1, 0], [0, 0]]], np.float32)
    assert energy_pointing_game(only, CORNER).item() == pytest.approx((3.5 / 4) ** 2)


def test_the_iou_is_of_the_map_binarized_at_half_its_largest_value() -> None:
    # The map is at least half its largest value where the product of both sides is 1/2 or more: of
    # 1 1 7/8 5/8 3/8, rows 1, 1 and 7/8 have four pixels each and row 5/8 three, all inside 16.
    only = np.array([[[1, 0], [0, 0]]], np.float32)
    assert iou(only, CORNER).item() == pytest.approx(15 / 16)
    assert iou(only, one(slice(4, 8), slice(4, 8))).item() == 0
    assert iou(np.ones((1, 2, 2)), CORNER).item() == pytest.approx(0.25)
    assert iou(np.zeros((1, 2, 2)), CORNER).item() == 0


MAPS = arrays(np.float32, (3, 3, 4), elements=st.floats(0, 8, width=16))
MASKS = arrays(bool, (2, 12, 12))


@given(maps=MAPS, masks=MASKS)
def test_metrics_are_shares_that_neither_scaling_nor_flipping_changes(
    maps: np.ndarray, masks: np.ndarray
) -> None:
    for metric in METRICS.values():
        found = metric(maps, masks)
        assert found.shape == (2, 3)
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
        np.testing.assert_allclose(metric(4 * maps, masks), found, atol=1e-9)
        np.testing.assert_allclose(metric(maps[:, :, ::-1], masks[:, :, ::-1]), found, atol=1e-9)


@given(maps=MAPS, masks=MASKS)
def test_energy_is_inside_or_outside(maps: np.ndarray, masks: np.ndarray) -> None:
    positive = maps.max((1, 2)) > 0
    total = energy_pointing_game(maps, masks) + energy_pointing_game(maps, ~masks)
    np.testing.assert_allclose(total, np.broadcast_to(positive, total.shape), atol=1e-9)


def test_chance_is_measured_by_maps_that_ignore_the_image() -> None:
    # Two patients whose findings lie in opposite corners, each with a map that points to it.
    masks = np.concatenate([CORNER, one(slice(4, 8), slice(4, 8))])
    maps = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], np.float32)
    located = locate(maps, masks, np.array([0, 1]))
    pointing = located["pointing_game"]
    assert pointing.own.tolist() == [1, 1]
    assert pointing.other_patients.tolist() == [0, 0]
    assert pointing.uniform.tolist() == [0.25, 0.25]
    assert pointing.centered.tolist() == [0.25, 0.25]
    assert located["energy_pointing_game"].uniform.tolist() == [0.25, 0.25]
    # Images of one patient are not each other's chance.
    assert np.isnan(locate(maps, masks, np.array([0, 0]))["pointing_game"].other_patients).all()


def test_the_gaussian_is_highest_in_the_middle() -> None:
    drawn = centered_gaussian(3, 5)[0]
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (1, 2)
    assert drawn[1, 2] == 1
    # A third of the height from the middle is 4/3 standard deviations of 1/4.
    assert drawn[0, 2] == pytest.approx(np.exp(-0.5 * (4 / 3) ** 2))
