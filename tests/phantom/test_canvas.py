"""The drawing plane."""

import numpy as np
import pytest

from cxr_cli.phantom.canvas import Frame, ellipse, ribbon, smooth_curve, smooth_step

SQUARE = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]


def test_pixels_and_grid_are_inverse() -> None:
    frame = Frame(50, shift=(0.03, -0.02), zoom=1.1, tilt=7.0)
    x, y = frame.grid
    back = frame.pixels([(x[12, 31], y[12, 31])])
    assert back == pytest.approx(np.array([[31, 12]]), abs=1e-4)


def test_an_ideal_frame_maps_the_unit_square_onto_the_image() -> None:
    x, y = Frame(4).grid
    assert x[0] == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert y[:, 0] == pytest.approx([0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize("size", [32, 200])
def test_a_filled_square_covers_its_share_of_the_image(size: int) -> None:
    filled = Frame(size).fill(SQUARE)
    assert filled.dtype == np.float32
    assert filled.mean() == pytest.approx(0.25, rel=0.02)
    assert filled[size // 2, size // 2] == 1
    assert filled[0, 0] == 0


def test_overlapping_polygons_are_a_union() -> None:
    frame = Frame(64)
    assert np.array_equal(frame.fill(SQUARE, SQUARE), frame.fill(SQUARE))


@pytest.mark.parametrize("sigma", [0.005, 0.05])
def test_blur_keeps_the_sum_and_widens(sigma: float) -> None:
    frame = Frame(256)
    spot = frame.fill(ellipse((0.5, 0.5), (0.03, 0.03)))
    blurred = frame.blur(spot, sigma)
    assert blurred.sum() == pytest.approx(spot.sum(), rel=0.02)
    x, _ = frame.grid
    spread = np.sqrt((blurred * (x - 0.5) ** 2).sum() / blurred.sum())
    # A disc of radius r has the variance r^2 / 4 along one axis, and the Gaussian's adds to it.
    assert spread == pytest.approx(np.hypot(0.015, sigma), rel=0.06)


def test_ribbon_of_a_straight_line_is_a_rectangle() -> None:
    outline = ribbon(np.array([(0.0, 0.0), (1.0, 0.0)]), 0.2)
    assert outline == pytest.approx(np.array([(0, 0.1), (1, 0.1), (1, -0.1), (0, -0.1)]))


def test_smooth_curve_keeps_open_ends_and_cuts_corners() -> None:
    curve = smooth_curve([(0, 0), (1, 0), (1, 1)], rounds=1)
    assert curve == pytest.approx(np.array([(0, 0), (0.25, 0), (0.75, 0), (1, 0.25), (1, 0.75), (1, 1)]))


def test_smooth_step_by_hand() -> None:
    values = np.array([-1, 0, 0.5, 1, 2], np.float32)
    assert smooth_step(values, 0, 1) == pytest.approx([0, 0, 0.5, 1, 1])
    assert smooth_step(values, 1, 0) == pytest.approx([1, 1, 0.5, 0, 0])


def test_a_cloud_is_the_same_at_every_size() -> None:
    coarse = Frame(64).cloud(8, np.random.default_rng(3))
    fine = Frame(128).cloud(8, np.random.default_rng(3))
    assert fine.reshape(64, 2, 64, 2).mean((1, 3)) == pytest.approx(coarse, abs=0.05)
