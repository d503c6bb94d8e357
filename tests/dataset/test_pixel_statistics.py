"""Statistics of pixels."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_cli.dataset.pixel_statistics import mean_image, pixel_statistics


@given(
    count=st.integers(1, 6),
    side=st.integers(1, 9),
    seed=st.integers(0, 1000),
    brightest=st.sampled_from([1, 2, 256]),
)
def test_pixel_statistics_are_numpy_s(count: int, side: int, seed: int, brightest: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, brightest, (count, side, side), np.uint8)
    rows = np.flatnonzero(rng.random(count) < 0.6)
    assume(len(rows))
    values = images[rows].astype(np.float64) / 255
    pixels = pixel_statistics(images, rows)
    assert pixels.mean == pytest.approx(values.mean(), rel=1e-12)
    assert pixels.std == pytest.approx(values.std(), rel=1e-12, abs=1e-15)


def test_pixel_statistics_worked_by_hand() -> None:
    images = np.array([[[0, 255]], [[255, 255]], [[7, 7]]], np.uint8)
    pixels = pixel_statistics(images, np.array([0, 1]))
    assert (pixels.mean, pixels.std) == (0.75, pytest.approx(3**0.5 / 4))


def test_the_mean_image_is_of_the_named_images_to_the_nearest_gray_value() -> None:
    images = np.array([[[10, 255]], [[11, 255]], [[200, 0]], [[11, 254]]], np.uint8)
    image = mean_image(images, np.array([0, 1, 3]))  # 32 / 3 and 764 / 3
    assert image.dtype == np.uint8
    assert image.tolist() == [[11, 255]]
