"""Regions of images, all else occluded."""

import numpy as np
import pytest

from cxr_cli.audit.regions import GRID, IMAGE, REGIONS, Region, cell_features, occlude
from cxr_cli.errors import BadInput

MASKED = [region for region in REGIONS if region.cells is not None]


def region(name: str) -> Region:
    return next(each for each in REGIONS if each.name == name)


def shares() -> dict[str, float]:
    return {each.name: float(each.cells.mean()) for each in MASKED if each.cells is not None}


def test_parts_have_the_size_that_their_descriptions_say() -> None:
    assert shares() == {
        "image": 1.0,
        "corners": 4 * (3 / 16) ** 2,
        "border": 1 - (14 / 16) ** 2,
        "surroundings": 1 - 12 / 16 * 14 / 16,
        "center blanked": 1 - (10 / 16) ** 2,
    }


def test_parts_look_the_same_in_a_mirror() -> None:
    for each in MASKED:
        assert each.cells is not None
        np.testing.assert_array_equal(each.cells, each.cells[:, ::-1])
        np.testing.assert_array_equal(each.cells, each.cells[::-1])


@pytest.mark.parametrize("size", [16, 64, 97])
def test_what_is_occluded_is_the_fill_and_what_is_visible_the_image(size: int) -> None:
    images = np.random.default_rng(0).integers(0, 100, (3, size, size), np.uint8)
    fill = np.full((size, size), 200, np.uint8)
    for each in MASKED:
        seen = occlude(images, each, fill)
        assert seen.dtype == np.uint8
        hidden = seen == 200
        np.testing.assert_array_equal(hidden[0], hidden[1])
        np.testing.assert_array_equal(seen[~hidden], images[~hidden])
        assert abs((~hidden).mean() - shares()[each.name]) < 2.1 / size * 4, each.name
    np.testing.assert_array_equal(occlude(images, IMAGE, fill), images)


def test_the_border_of_a_image_of_32_pixels_is_two_pixels_wide() -> None:
    images, fill = np.ones((1, 32, 32), np.uint8), np.zeros((32, 32), np.uint8)
    expected = np.ones((32, 32), np.uint8)
    expected[2:-2, 2:-2] = 0
    np.testing.assert_array_equal(occlude(images, region("border"), fill)[0], expected)


def test_a_thumbnail_keeps_brightness_and_loses_detail() -> None:
    image = np.full((1, 100, 100), 50, np.uint8)
    image[:, :, 50:] = 150
    image[:, ::2] += 40  # lines of one pixel
    thumbnail = occlude(image, region("thumbnail"), image[0])
    assert thumbnail.shape == image.shape
    assert abs(int(thumbnail[0, 50, 10]) - 70) <= 1
    assert abs(int(thumbnail[0, 50, 90]) - 170) <= 1
    assert np.ptp(thumbnail[0, 20:80, 10].astype(int)) <= 1


def test_cell_features_are_each_cells_mean_and_deviation() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64), np.uint8)
    features = cell_features(images, np.array([3, 1]))
    cells = images[[3, 1]].astype(float).reshape(2, GRID, 4, GRID, 4)
    np.testing.assert_allclose(features[..., 0], cells.mean((2, 4)), rtol=1e-5)
    np.testing.assert_allclose(features[..., 1], cells.std((2, 4)), rtol=1e-4)


def test_cells_of_any_size_are_those_that_regions_show() -> None:
    """An image bright in one cell alone has that cell's mean, whatever does not divide evenly."""
    for size in (16, 37, 100):
        one = np.zeros((GRID, GRID), np.bool_)
        one[5, 11] = True
        image = occlude(
            np.full((1, size, size), 80, np.uint8),
            Region("", "", one, False),
            np.zeros((size, size), np.uint8),
        )
        features = cell_features(image, np.array([0]))
        np.testing.assert_allclose(features[0, ..., 0], 80.0 * one)
        np.testing.assert_allclose(features[0, ..., 1], 0, atol=1e-3)


def test_images_smaller_than_the_grid_are_refused() -> None:
    with pytest.raises(BadInput, match="images of 8 pixels; an audit needs 16"):
        cell_features(np.zeros((1, 8, 8), np.uint8), np.array([0]))
