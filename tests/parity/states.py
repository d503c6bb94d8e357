"""Weights, images and labels drawn by NumPy from names and shapes alone, the same on every machine."""

import math
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
BATCH = 2


@dataclass(frozen=True)
class Temper:
    """How batch normalizations are drawn, so that a model's output tells of every layer, and not of rounding.

    A random model of many layers is chaotic: in one of 50 an activation that rounding pushes over a ReLU's
    edge changes the gradients of all layers below, and those of float32 are wrong by some percent. With
    branches that add little to what they are added to, or with few activations near the edge, they are not.

    Attributes:
        gain: the scales, about; activations in inference shall neither vanish nor explode.
        branches: regular expression for the names of the scales at the end of residual branches.
        branch_gain: those scales, about.
        lift: added to the biases.
    """

    gain: float = 1.0
    branches: str = "none"
    branch_gain: float = 0.05
    lift: float = 0.0


def draw_state(shapes: Mapping[str, tuple[int, ...]], temper: Temper) -> dict[str, NDArray[np.float32]]:
    """Draw a state dict in torch's names from the shapes by name."""
    return {name: _draw(name, shape, shapes, temper).astype(np.float32) for name, shape in shapes.items()}


def _draw(
    name: str, shape: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]], temper: Temper
) -> NDArray[np.float64]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    layer, _, kind = name.rpartition(".")
    normalization = f"{layer}.running_var" in shapes
    match kind:
        case "running_var":
            return rng.uniform(0.5, 1.5, shape)
        case "running_mean":
            return rng.normal(0, 0.1, shape)
        case "bias":
            return rng.normal(temper.lift if normalization else 0.0, 0.1, shape)
        case "weight" if normalization:
            gain = temper.branch_gain if re.fullmatch(temper.branches, name) else temper.gain
            return rng.uniform(0.8 * gain, 1.2 * gain, shape)
        case _:
            # He et al. 2015: a ReLU's variance stays as it is.
            return rng.normal(0, math.sqrt(2 / math.prod(shape[1:])), shape)


def draw_images(size: int) -> NDArray[np.float32]:
    """Draw gray images [2,size,size,1] in 0..1: large blocks of light and dark under noise."""
    rng = np.random.default_rng(size)
    blocks = rng.uniform(0, 0.8, (BATCH, 7, 7))
    at = np.arange(size) * 7 // size
    images = blocks[:, at][:, :, at] + rng.uniform(0, 0.2, (BATCH, size, size))
    return images[..., None].astype(np.float32)


def draw_labels() -> NDArray[np.int64]:
    """Draw a class for each image [2]."""
    return np.random.default_rng(0).integers(0, CLASSES, BATCH)


def digest(tensors: Iterable[tuple[str, NDArray[np.floating]]]) -> NDArray[np.float64]:
    """Make three numbers of each named tensor: its norm and its products with two random directions.

    The directions are drawn from the name, so that a permuted or transposed tensor has other numbers; their
    coordinates are standard normal, so that an error e of the tensor changes a product by about |e|.
    """
    return np.array([_digest(name, tensor) for name, tensor in tensors])


def _digest(name: str, tensor: NDArray[np.floating]) -> list[float]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    flat = np.asarray(tensor, np.float64).ravel()
    directions = (rng.standard_normal(flat.size, np.float32) for _ in range(2))
    return [float(np.linalg.norm(flat)), *(float(flat @ direction) for direction in directions)]


NOTHING = 1e-9
"""The share of the largest gradient below which, in float64, a gradient is rounding and no more."""


def scales(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say what differences of tensors with these norms [tensors] are to be seen as shares of.

    That is each one's own norm; but a bias that a later batch normalization takes away has a gradient that is
    zero but for rounding, and what it differs by is seen beside the largest norm.
    """
    return np.where(norms > NOTHING * norms.max(), norms, norms.max())
