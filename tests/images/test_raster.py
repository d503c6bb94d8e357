"""PNG, JPEG, TIFF and BMP decoding against hand-worked values, and the pixel work of every image."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cxr_cli.images.raster import _has_sixteen_bits, crop, image_id, read_raster, resize, to_gray
from cxr_cli.images.rejected import RejectedImageError

SIDE = 40
RAMP = np.add.outer(np.arange(SIDE), 3 * np.arange(SIDE + 8)).astype(
    np.uint8
)  # 40 x 48, values 0..180, no symmetry


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def flat(value: tuple[int, ...], mode: str) -> Image.Image:
    """An image of one value, with one black pixel at the left top, so that it is not constant."""
    image = Image.new(mode, (SIDE, SIDE), value)
    image.putpixel((0, 0), {"RGB": (0, 0, 0), "LA": (0, 255)}[mode])
    return image


def test_gray_png_is_read_as_it_is(tmp_path: Path) -> None:
    image = read_raster(save(tmp_path / "a.png", Image.fromarray(RAMP)))
    assert image.pixels.dtype == np.uint8
    np.testing.assert_array_equal(image.pixels, RAMP)
    assert image.mapping == "PNG; gray as stored"


def test_jpeg_keeps_gray_within_its_loss(tmp_path: Path) -> None:
    image = read_raster(save(tmp_path / "a.jpg", Image.fromarray(RAMP), quality=95))
    assert np.abs(image.pixels.astype(int) - RAMP).max() <= 8


@pytest.mark.parametrize(
    ("color", "expected"),
    [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((100, 150, 200), 141), ((77, 77, 77), 77)],
)
def test_color_becomes_luminance(tmp_path: Path, color: tuple[int, int, int], expected: int) -> None:
    # 0.299 R + 0.587 G + 0.114 B: 76.2, 149.7, 29.1, 29.9 + 88.05 + 22.8 = 140.75.
    assert read_raster(save(tmp_path / "a.png", flat(color, "RGB"))).pixels[5, 5] == expected


def test_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray((RAMP > 60).astype(np.uint8)).convert("P")
    image.putpalette([200, 200, 200, 10, 10, 10])  # index 0 is the brighter one
    pixels = read_raster(save(tmp_path / "a.png", image)).pixels
    np.testing.assert_array_equal(pixels, np.where(RAMP > 60, 10, 200))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    pixels = read_raster(save(tmp_path / "a.png", Image.fromarray(RAMP > 60))).pixels
    np.testing.assert_array_equal(pixels, np.where(RAMP > 60, 255, 0))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opaque_alpha_changes_nothing(tmp_path: Path, mode: str) -> None:
    pixels = read_raster(save(tmp_path / "a.png", Image.fromarray(RAMP).convert(mode))).pixels
    np.testing.assert_array_equal(pixels, RAMP)


def test_transparent_parts_lie_on_black(tmp_path: Path) -> None:
    # Half transparent 200: 200 * 128 / 255 = 100.4.
    assert read_raster(save(tmp_path / "a.png", flat((200, 128), "LA"))).pixels[5, 5] == 100
    layers = np.full((SIDE, SIDE, 4), 255, np.uint8)
    layers[:, 10:] = 200, 200, 200, 0
    pixels = read_raster(save(tmp_path / "b.png", Image.fromarray(layers))).pixels
    assert set(pixels[:, :10].ravel()) == {255}
    assert set(pixels[:, 10:].ravel()) == {0}


def test_transparent_palette_entry_is_black(tmp_path: Path) -> None:
    image = Image.fromarray((RAMP > 60).astype(np.uint8)).convert("P")
    image.putpalette([200, 200, 200, 90, 90, 90])
    pixels = read_raster(save(tmp_path / "a.png", image, transparency=0)).pixels
    np.testing.assert_array_equal(pixels, np.where(RAMP > 60, 90, 0))


def test_sixteen_bits_are_mapped_from_the_images_own_range(tmp_path: Path) -> None:
    values = np.full((SIDE, SIDE), 1000, np.uint16)
    values[0, :3] = 4000, 2500, 1012  # 255 * 1500 / 3000 = 127.5 -> 128 (even); 255 * 12 / 3000 = 1.02
    image = read_raster(save(tmp_path / "a.png", Image.fromarray(values)))
    assert image.pixels[0, :4].tolist() == [255, 128, 1, 0]
    assert image.mapping == "PNG; 16-bit gray, full range 1000..4000"


def test_sixteen_bit_color_keeps_its_low_byte(tmp_path: Path) -> None:
    values = np.zeros((SIDE, SIDE, 3), np.uint16)
    values[0, :3] = [[0, 0, 250], [250, 250, 250], [0, 250, 0]]  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "a.png"), values)
    image = read_raster(tmp_path / "a.png")
    # Luminance 74.75, 250, 146.75 of at most 250, to 0..255.
    assert image.pixels[0, :4].tolist() == [76, 255, 150, 0]
    assert "16-bit color" in image.mapping


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.uint16, "16-bit gray"),
        (np.int32, "integer gray"),
        (np.float32, "floating-point gray"),
    ],
)
def test_deep_tiffs_are_mapped_from_their_own_range(
    tmp_path: Path, dtype: type[np.generic], kind: str, compression: str
) -> None:
    values = (RAMP.astype(np.float64) * 13 + 100).astype(dtype)
    save(tmp_path / "a.tif", Image.fromarray(values), compression=compression)
    image = read_raster(tmp_path / "a.tif")
    span = f"full range {values.min():g}..{values.max():g}"
    assert image.mapping == f"TIFF; {kind}, {span}"
    expected = to_gray(values, float(values.min()), float(values.max()))
    np.testing.assert_array_equal(image.pixels, expected)
    if dtype is not np.int32:  # Pillow knows none of these that is inverted
        save(tmp_path / "b.tif", Image.fromarray(values), compression=compression, tiffinfo={262: 0})
        inverted = read_raster(tmp_path / "b.tif")
        assert inverted.mapping == f"TIFF; {kind}, white is zero: inverted, {span}"
        np.testing.assert_array_equal(inverted.pixels, 255 - expected)


@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "a.bmp", "a.png"])
def test_gray_of_eight_bits_is_read_as_it_is_from_every_format(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, Image.fromarray(RAMP))
    np.testing.assert_array_equal(read_raster(tmp_path / name).pixels, RAMP)


def test_a_tiff_whose_data_lie_at_a_place_with_the_digits_16_is_not_of_16_bits(tmp_path: Path) -> None:
    save(tmp_path / "a.tif", Image.fromarray(RAMP).convert("RGB"), compression="tiff_lzw")
    with Image.open(tmp_path / "a.tif") as image:
        (tile,) = image.tile
        image.tile = [tile._replace(args=(tile.args[0], False, 1610))]
        assert not _has_sixteen_bits(image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_set_upright_as_pillow_does(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(RAMP), exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_raster(path).pixels, expected)


def test_an_image_turned_by_exif_has_its_sides_swapped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: the left bottom comes to the left top
    pixels = read_raster(save(tmp_path / "a.png", Image.fromarray(RAMP), exif=exif)).pixels
    assert pixels.shape == (SIDE + 8, SIDE)
    assert pixels[0, 0] == RAMP[-1, 0]


def text(path: Path) -> None:
    path.write_text("not an image")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_png(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    save(path, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:800])


def cut_jpeg(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    save(path, Image.fromarray(noise), format="JPEG")
    path.write_bytes(path.read_bytes()[:-400])


def constant(path: Path) -> None:
    save(path, Image.new("L", (SIDE, SIDE), 7))


def constant_sixteen_bits(path: Path) -> None:
    save(path, Image.fromarray(np.full((SIDE, SIDE), 700, np.uint16)))


def fully_transparent(path: Path) -> None:
    save(path, Image.merge("LA", (Image.fromarray(RAMP), Image.new("L", RAMP.shape[::-1], 0))))


def tiny(path: Path) -> None:
    save(path, Image.fromarray(RAMP[:31]))


def cmyk(path: Path) -> None:
    save(path, Image.fromarray(RAMP).convert("CMYK"), format="JPEG")


def animated(path: Path) -> None:
    save(path, Image.fromarray(RAMP), save_all=True, append_images=[Image.fromarray(RAMP.max() - RAMP)])


def gif_under_another_name(path: Path) -> None:
    save(path, Image.fromarray(RAMP), format="GIF")


def two_pages(path: Path) -> None:
    save(path, Image.fromarray(RAMP), format="TIFF", save_all=True, append_images=[Image.fromarray(RAMP)])


def cut_tiff(path: Path) -> None:
    save(path, Image.fromarray(RAMP), format="TIFF")
    path.write_bytes(path.read_bytes()[:-400])


def not_a_number(path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[0, 0] = np.nan
    save(path, Image.fromarray(values), format="TIFF")


def bomb(path: Path) -> None:
    save(path, Image.new("1", (20_000, 20_000)))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (text, "not a PNG, JPEG, TIFF or BMP"),
        (empty, "not a PNG, JPEG, TIFF or BMP"),
        (cut_png, "truncated"),
        (cut_jpeg, "truncated"),
        (constant, "constant"),
        (constant_sixteen_bits, "constant"),
        (fully_transparent, "constant"),
        (tiny, "too small: 48 x 31"),
        (cmyk, "color mode CMYK"),
        (animated, "more than one image"),
        (gif_under_another_name, "not a PNG, JPEG, TIFF or BMP"),
        (two_pages, "more than one image"),
        (cut_tiff, "cannot be decoded"),
        (not_a_number, "has values that are no numbers"),
        (bomb, "too large"),
    ],
)
def test_what_is_no_image_is_rejected_with_a_reason(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / "image.png")
    with pytest.raises(RejectedImageError, match=reason):
        read_raster(tmp_path / "image.png")


def test_a_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedImageError, match="cannot be opened"):
        read_raster(tmp_path / "gone.png")


def test_to_gray_clips_and_rounds() -> None:
    # (v + 10) * 255 / 20: 0 for -10, 127.5 -> 128 for 0, 12.75 -> 13 for -9, 255 for 10.
    assert to_gray(np.array([-50, -10, -9, 0, 10, 50]), -10, 10).tolist() == [0, 0, 13, 128, 255, 255]
    assert to_gray(np.array([3, 3]), 3, 3).tolist() == [0, 0]


def test_crop_takes_the_top_first_and_then_the_borders_of_the_rest() -> None:
    image = np.arange(100 * 60).reshape(100, 60).astype(np.uint8)
    # 20 rows off above leave 80; a tenth of 80 rows and of 60 columns goes off each side.
    np.testing.assert_array_equal(crop(image, 0.2, 0.1), image[28:92, 6:54])
    np.testing.assert_array_equal(crop(image, 0.0, 0.0), image)


@given(
    height=st.integers(32, 70),
    width=st.integers(32, 70),
    top=st.floats(0, 0.5, exclude_max=True),
    border=st.floats(0, 0.5, exclude_max=True),
)
def test_a_crop_is_never_empty(height: int, width: int, top: float, border: float) -> None:
    assert crop(np.zeros((height, width), np.uint8), top, border).size > 0


def test_shrinking_averages_areas() -> None:
    image = np.array([[10, 20, 0, 0], [30, 40, 0, 0], [0, 0, 200, 100], [0, 0, 100, 0]], np.uint8)
    assert resize(image, 2).tolist() == [[25, 0], [0, 100]]


def test_an_axis_that_shrinks_is_averaged_even_where_the_other_grows() -> None:
    # Stripes of one pixel: 8 columns to 4 must give the mean everywhere, whatever the rows do.
    stripes = np.tile(np.array([0, 200], np.uint8), (2, 4))
    assert set(resize(stripes, 4).ravel().tolist()) == {100}


def test_enlarging_stays_within_the_images_values() -> None:
    edge = np.array([[50, 50, 200, 200]] * 4, np.uint8)
    large = resize(edge, 64)
    assert large.shape == (64, 64)
    assert (large.min(), large.max()) == (50, 200)


def test_image_id_is_the_digest_of_shape_and_pixels() -> None:
    image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    expected = hashlib.sha256(bytes([2, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6])).hexdigest()[:16]
    assert image_id(image) == expected
    assert image_id(image.reshape(3, 2)) != expected
    assert image_id(np.asfortranarray(image)) == expected
