"""Lowerings of convolutions on a CPU, side by side: `python tests/benchmarks/convolutions.py [SHAPE ...]`.

GFLOP/s of the forward pass, the derivative by the image and the derivative by the kernel, the best of some
runs, beside the product of two 2048 x 2048 matrices: XLA's own convolution, with the library of kernels that
it takes by default and without (`cxr_cli.models.nn.compiler_options`); patches times a matrix; products of
shifted images; and these two image by image, which stays in cache. Float32; all results are compared.
"""

import argparse
import math
import time
from collections.abc import Callable
from datetime import date
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from cxr_cli.models.nn.compiler_options import OWN_KERNELS
from cxr_cli.models.nn.convolution import native_convolution

Sides = tuple[tuple[int, int], tuple[int, int]]
Lowering = Callable[[Array, Array, int, Sides], Array]


def shifts(x: Array, window: tuple[int, ...], stride: int, padding: Sides) -> list[Array]:
    """Return what each tap of a window sees of x [B,H,W,C]."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    rows, columns = ((x.shape[i + 1] - window[i]) // stride * stride + 1 for i in range(2))
    return [
        x[:, i : i + rows : stride, j : j + columns : stride]
        for i in range(window[0])
        for j in range(window[1])
    ]


def patches(x: Array, kernel: Array, stride: int, padding: Sides) -> Array:
    """Convolve by one product of all patches, written side by side."""
    parts = jnp.concatenate(shifts(x, kernel.shape[:2], stride, padding), -1)
    product = parts.reshape(-1, parts.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1])
    return product.reshape(*parts.shape[:-1], -1)


def shifted(x: Array, kernel: Array, stride: int, padding: Sides) -> Array:
    """Convolve by one product for each tap."""
    parts = shifts(x, kernel.shape[:2], stride, padding)
    taps = kernel.reshape(-1, *kernel.shape[2:])
    products = [part.reshape(-1, part.shape[-1]) @ tap for part, tap in zip(parts, taps, strict=True)]
    total: Array = reduce(jnp.add, products)
    return total.reshape(*parts[0].shape[:-1], -1)


def by_image(lowering: Lowering) -> Lowering:
    """Convolve one image after the other."""

    def each(x: Array, kernel: Array, stride: int, padding: Sides) -> Array:
        mapped: Array = lax.map(lambda image: lowering(image[None], kernel, stride, padding)[0], x)
        return mapped

    return each


CANDIDATES: dict[str, tuple[Lowering, dict[str, str]]] = {
    "library": (native_convolution, {}),
    "own": (native_convolution, OWN_KERNELS),
    "patches": (patches, OWN_KERNELS),
    "patches by image": (by_image(patches), OWN_KERNELS),
    "shifted": (shifted, OWN_KERNELS),
    "shifted by image": (by_image(shifted), OWN_KERNELS),
}


def same(size: int, channels_in: int, window: int, channels_out: int, stride: int = 1) -> tuple[Any, ...]:
    """Return a layer that pads half a window."""
    half = window // 2
    return (size, channels_in, (window, window), channels_out, stride, ((half, half), (half, half)))


NONE = ((0, 0), (0, 0))
SHAPES: dict[str, tuple[Any, ...]] = {
    "112x32": same(112, 32, 3, 32),
    "56x64": same(56, 64, 3, 64),
    "28x128": same(28, 128, 3, 128),
    "14x256": same(14, 256, 3, 256),
    "7x512": same(7, 512, 3, 512),
    "56x128-stride-2": same(56, 128, 3, 128, 2),
    "56x192-48": same(56, 192, 3, 48),
    "14x192-48": same(14, 192, 3, 48),
    "stem": same(224, 1, 7, 64, 2),
    "71x80-192": (73, 80, (3, 3), 192, 1, NONE),
    "147x32-64": same(147, 32, 3, 64),
    "35x48-64-5x5": same(35, 48, 5, 64),
    "35x288-384-stride-2": (35, 288, (3, 3), 384, 2, NONE),
    "17x192-7x1": (17, 192, (7, 1), 192, 1, ((3, 3), (0, 0))),
    "17x192-1x7": (17, 192, (1, 7), 192, 1, ((0, 0), (3, 3))),
    "8x384-1x3": (8, 384, (1, 3), 384, 1, ((0, 0), (1, 1))),
}
"""Height and width, channels in, window, channels out, stride, padding."""


def seconds(function: Any, *arguments: Array) -> float:
    """Return the shortest of some calls, after one that compiles."""
    took = []
    jax.block_until_ready(function(*arguments))
    while len(took) < 2 or (sum(took) < 0.2 and len(took) < 20):
        began = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        took.append(time.perf_counter() - began)
    return min(took)


def row(batch: int, shape: tuple[Any, ...], passed: str) -> list[float]:
    """Return the GFLOP/s of each candidate."""
    size, channels_in, window, channels_out, stride, padding = shape
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Array:
        return jnp.asarray(rng.standard_normal(shape, np.float32))

    x, kernel = draw(batch, size, size, channels_in), draw(*window, channels_in, channels_out)
    out = jax.eval_shape(lambda: native_convolution(x, kernel, stride, padding)).shape
    upstream, expected, found = draw(*out), None, []
    for lowering, options in CANDIDATES.values():
        convolve = partial(lowering, stride=stride, padding=padding)
        functions = {
            "forward": lambda x, kernel, _, f=convolve: f(x, kernel),
            "by image": lambda x, kernel, u, f=convolve: jax.vjp(lambda x: f(x, kernel), x)[1](u)[0],
            "by kernel": lambda x, kernel, u, f=convolve: jax.vjp(lambda k: f(x, k), kernel)[1](u)[0],
        }
        function = jax.jit(functions[passed], compiler_options=options or None)
        result = function(x, kernel, upstream)
        expected = result if expected is None else expected
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4 * float(jnp.abs(expected).max()))
        operations = 2 * math.prod(out) * math.prod(window) * channels_in
        found.append(operations / seconds(function, x, kernel, upstream) / 1e9)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", choices=[*SHAPES, []], help="which layers; all if none is named")
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    square = jnp.ones((2048, 2048))
    peak = 2 * 2048**3 / seconds(jax.jit(jnp.matmul), square, square) / 1e9
    print(
        f"{date.today()}, jax {jax.__version__}, batch {options.batch}, GFLOP/s; a product reaches {peak:.0f}"
    )
    print(f"| layer | pass | {' | '.join(CANDIDATES)} |")
    print("| --- " * (2 + len(CANDIDATES)) + "|")
    for name in options.shapes or SHAPES:
        for passed in ("forward", "by image", "by kernel"):
            cells = " | ".join(f"{each:.0f}" for each in row(options.batch, SHAPES[name], passed))
            print(f"| {name} | {passed} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
