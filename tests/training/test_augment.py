"""Random changes of images: turned the right way, drawn image by image, and none where none is asked for."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.training.augment import NO_AUGMENTATION, Augmentation, augment, turn

KEYS = jax.random.split(jax.random.key(0), 64)


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (64, 9, 7)).astype(np.uint8)


def test_nothing_asked_changes_nothing(images: NDArray[np.uint8]) -> None:
    given = jnp.asarray(images)
    assert augment(given, KEYS, NO_AUGMENTATION) is given


def test_a_quarter_turn_is_counter_clockwise() -> None:
    image = np.arange(25.0, dtype=np.float32).reshape(5, 5)
    np.testing.assert_allclose(turn(image, jnp.deg2rad(90.0), jnp.float32(1)), np.rot90(image), atol=1e-3)


def test_a_zoom_of_two_keeps_the_center_and_doubles_distances() -> None:
    image = np.zeros((9, 9), np.float32)
    image[4, 4], image[4, 6], image[2, 4] = 1, 2, 3
    zoomed = np.asarray(turn(image, jnp.float32(0), jnp.float32(2)))
    assert (zoomed[4, 4], zoomed[4, 8], zoomed[0, 4]) == (1, 2, 3)


@pytest.mark.parametrize(("degrees", "scale"), [(12.0, 1.0), (-15.0, 0.9), (7.0, 1.2)])
def test_images_are_turned_and_zoomed_as_opencv_does(degrees: float, scale: float) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(1).uniform(0, 255, (40, 48)).astype(np.float32), (0, 0), 3)
    matrix = cv2.getRotationMatrix2D((23.5, 19.5), degrees, scale)
    # OpenCV rounds places to 1/32 of a pixel.
    expected = cv2.warpAffine(image, matrix, (48, 40), flags=cv2.INTER_LINEAR)
    found = np.asarray(turn(jnp.asarray(image), jnp.deg2rad(degrees), jnp.float32(scale)))
    np.testing.assert_allclose(found[10:-10, 10:-10], expected[10:-10, 10:-10], atol=1.5)
    assert image[10:-10, 10:-10].std() > 5


def test_flips_are_of_the_kind_asked_for_and_even(images: NDArray[np.uint8]) -> None:
    def kinds(flip: str) -> list[int]:
        flipped = np.asarray(augment(jnp.asarray(images), KEYS, Augmentation(flip=flip)))
        candidates = (images, images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1])
        matches = np.stack([(flipped == candidate).all((1, 2)) for candidate in candidates])
        assert (matches.sum(0) == 1).all()
        return list(matches.sum(1).tolist())

    plain, horizontal, vertical, both = kinds("horizontal")
    # 64 fair draws: within 4 standard deviations of 32.
    assert abs(horizontal - 32) <= 16
    assert (plain + horizontal, vertical, both) == (64, 0, 0)
    assert min(kinds("both")) >= 4


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation("both", 15.0, 0.1, 0.1, 0.2), Augmentation(rotation=5.0), Augmentation(contrast=0.5)],
)
def test_a_images_draw_does_not_depend_on_its_batch(
    images: NDArray[np.uint8], augmentation: Augmentation
) -> None:
    whole = augment(jnp.asarray(images), KEYS, augmentation)
    part = augment(jnp.asarray(images[8:12]), KEYS[8:12], augmentation)
    np.testing.assert_allclose(whole[8:12], part, atol=1e-3)
    assert whole.shape == images.shape
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 255
    assert (np.asarray(whole[8:12]) != images[8:12]).any()


def test_images_are_shifted_by_whole_pixels_and_their_edges_go_on() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 10, 20)).astype(np.uint8)
    keys = jax.random.split(jax.random.key(1), 300)
    shifted = np.asarray(augment(jnp.asarray(np.repeat(image, 300, 0)), keys, Augmentation(shift=0.2)))
    seen = set()
    for one in shifted:
        # The image with its edges going on, cut out at each place that there may be.
        wide = np.pad(image[0], ((2, 2), (4, 4)), mode="edge")
        places = [(y, x) for y in range(5) for x in range(9) if (wide[y : y + 10, x : x + 20] == one).all()]
        assert len(places) == 1
        seen |= set(places)
    assert len(seen) > 35


def test_contrast_stretches_about_the_images_mean() -> None:
    image = np.full((1, 10, 10), 100, np.uint8)
    image[0, :5] = 120
    keys = jax.random.split(jax.random.key(3), 200)
    changed = np.asarray(augment(jnp.asarray(np.repeat(image, 200, 0)), keys, Augmentation(contrast=0.2)))
    np.testing.assert_allclose(changed.mean((1, 2)), 110, rtol=1e-5)
    spread = (changed[:, 0, 0] - changed[:, 9, 9]) / 20
    assert 0.8 <= spread.min() < 0.82
    assert 1.18 < spread.max() <= 1.2
