"""Where a saliency map lies on an image, and in what color."""

import numpy as np
import pytest
from matplotlib import colormaps

from cxr_cli.explain.overlay import COLORS, OPACITY, frame_part, lay_over, place_map
from cxr_cli.images.raster import crop, cropped_part, resize

GRAY = np.array([[0, 100, 200]], np.uint8)


def test_maps_are_interpolated_between_the_centers_of_its_cells() -> None:
    placed = place_map(np.array([[0.0, 1.0]], np.float32), (2, 8), (slice(0, 2), slice(0, 8)))
    # Two cells of four pixels: their centers are at 2 and 6, and pixel centers at 0.5, 1.5, ...
    expected = [0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1]
    np.testing.assert_allclose(placed, [expected, expected], atol=1e-6)


@pytest.mark.parametrize("crops", [(0.0, 0.0), (0.08, 0.1), (0.25, 0.0), (0.0, 0.2)])
@pytest.mark.parametrize("shape", [(61, 83), (120, 90)])
def test_crop_and_squeeze_are_undone(shape: tuple[int, int], crops: tuple[float, float]) -> None:
    # An image with one bright spot, prepared as images are, taken for a map: its maximum lies on the spot.
    image = np.zeros(shape, np.uint8)
    spot = (shape[0] // 2 + 5, shape[1] // 2 - 9)
    image[spot[0] - 2 : spot[0] + 3, spot[1] - 2 : spot[1] + 3] = 255
    prepared = resize(crop(image, *crops), 32)
    part = cropped_part(shape, *crops)
    placed = place_map(prepared.astype(np.float32), shape, part)
    rows, columns = np.indices(shape)
    center = [float((at * placed).sum() / placed.sum()) for at in (rows, columns)]
    assert center == pytest.approx(spot, abs=0.3)
    outside = np.ones(shape, bool)
    outside[part] = False
    assert not placed[outside].any()


@pytest.mark.parametrize("color", COLORS)
def test_a_map_of_zeros_leaves_the_image_as_it_is(color: str) -> None:
    drawn = lay_over(GRAY, np.zeros((1, 3), np.float32), color)
    np.testing.assert_array_equal(drawn, GRAY[..., None].repeat(3, -1))


def test_the_papers_red_is_more_opaque_where_the_map_is_larger() -> None:
    drawn = lay_over(GRAY, np.array([[1.0, 0.5, 0.0]], np.float32), "red")
    half = 0.5 * OPACITY
    expected = [[255 * OPACITY, 0, 0], [100 + half * 155, 100 * (1 - half), 100 * (1 - half)], [200] * 3]
    np.testing.assert_allclose(drawn[0], expected, atol=1)


def test_colors_are_those_of_the_colormap() -> None:
    drawn = lay_over(GRAY, np.ones((1, 3), np.float32), "viridis")
    end = 255 * np.array(colormaps["viridis"](1.0)[:3])
    np.testing.assert_allclose(drawn[0], (1 - OPACITY) * GRAY[0, :, None] + OPACITY * end, atol=1)


def test_the_models_input_is_framed_unless_it_is_the_whole_image() -> None:
    whole = np.zeros((20, 30, 3), np.uint8)
    frame_part(whole, (slice(0, 20), slice(0, 30)))
    assert not whole.any()
    frame_part(whole, (slice(4, 18), slice(3, 27)))
    framed = np.argwhere(whole.any(-1))
    assert framed.min(0).tolist() == [4, 3]
    assert framed.max(0).tolist() == [17, 26]
    assert not whole[5:17, 4:26].any()
