"""Random changes of training images, on the device, under jit."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.ndimage import map_coordinates

from cxr_cli.runs.settings import AugmentationConfig


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed; see `AugmentationConfig`, whose values these are."""

    flip: str = "none"
    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    contrast: float = 0.0

    @classmethod
    def of(cls, config: AugmentationConfig) -> "Augmentation":
        """Take the configured values."""
        return cls(config.flip, config.rotation, config.zoom, config.shift, config.contrast)


NO_AUGMENTATION = Augmentation()


def augment(images: Array, keys: Array, augmentation: Augmentation) -> Array:
    """Augment each image by its own key: flip, rotation and zoom about its center, shift, contrast.

    Source: the pneumoperitoneum paper, section 3.1.1, has the flips and the rotation, each uniformly random.
    It does not say what comes in from outside an image: here the image's edge values are repeated. Black
    corners are edges that no image has, and cost a model that was trained on whole images 0.12 of its
    accuracy at 5 degrees (cxr3).

    Args:
        images: uint8 [B, H, W].
        keys: [B]; an image's draw does not depend on its batch.
        augmentation: how far.

    Returns:
        float32 [B, H, W], 0 ... 255, or uint8 where nothing is to be changed.
    """
    if augmentation == NO_AUGMENTATION:
        return images
    return jax.vmap(partial(_augment_one, augmentation=augmentation))(images.astype(jnp.float32), keys)


def _augment_one(image: Array, key: Array, augmentation: Augmentation) -> Array:
    horizontal, vertical, angle, scale, shift, contrast = jax.random.split(key, 6)
    if augmentation.flip != "none":
        image = jnp.where(jax.random.bernoulli(horizontal), image[:, ::-1], image)
    if augmentation.flip == "both":
        image = jnp.where(jax.random.bernoulli(vertical), image[::-1], image)
    if augmentation.rotation or augmentation.zoom:
        image = turn(
            image,
            jnp.deg2rad(_within(angle, augmentation.rotation)),
            1.0 + _within(scale, augmentation.zoom),
        )
    if augmentation.shift:
        image = _shifted(image, jax.random.uniform(shift, (2,), minval=-1, maxval=1) * augmentation.shift)
    if augmentation.contrast:
        mean = image.mean()
        image = jnp.clip(mean + (image - mean) * (1.0 + _within(contrast, augmentation.contrast)), 0.0, 255.0)
    return image


def _within(key: Array, limit: float) -> Array:
    return jax.random.uniform(key, minval=-limit, maxval=limit)


def _shifted(image: Array, shares: Array) -> Array:
    """Shift an image [H,W] by shares of its height and width, to whole pixels, so that nothing is blurred."""
    places = [
        jnp.clip(jnp.arange(size) - jnp.round(share * size).astype(jnp.int32), 0, size - 1)
        for size, share in zip(image.shape, shares, strict=True)
    ]
    return image[places[0]][:, places[1]]


def turn(image: Array, angle: Array, scale: Array) -> Array:
    """Turn an image [H,W] counter-clockwise by `angle` (radians) and enlarge it by `scale`, about its center.

    Bilinear; beyond the edges, edge values are repeated.
    """
    height, width = image.shape
    rows = jnp.arange(height) - (height - 1) / 2
    columns = jnp.arange(width) - (width - 1) / 2
    y, x = jnp.meshgrid(rows, columns, indexing="ij")
    sine, cosine = jnp.sin(angle) / scale, jnp.cos(angle) / scale
    source = [
        cosine * y + sine * x + (height - 1) / 2,
        cosine * x - sine * y + (width - 1) / 2,
    ]
    turned: Array = map_coordinates(image, source, order=1, mode="nearest")
    return turned
