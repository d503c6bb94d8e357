"""Convolutions, each written so that XLA runs it well.

Images are [batch, height, width, channels], kernels [height, width, channels in / groups, channels out].

XLA's CPU backend runs some convolutions far below what the machine can do, so a convolution has two
lowerings. Time of the lowered one, forward and backward, as a share of the native one's (2 cores, batch 4,
jax 0.10.2; tests/benchmarks measures it):

    1x1, 256 -> 64 at 56x56                matrix product           0.15
    1x1, 256 -> 512 at 56x56, stride 2     slice, matrix product    0.31
    depthwise 3x3, 144 at 56x56            shifted products         0.10
    depthwise 3x3, 96 at 112x112, stride 2 shifted products         0.05
    depthwise 5x5, 672 at 14x14            shifted products         0.09
    3x3, 256 at 28x28, 32 groups           blocks of 32 channels    0.01

Ordinary ones stay XLA's own, forward and backward, compiled with `compiler_options`: patches and products of
shifted images are slower (tests/benchmarks/convolutions.py; docs/benchmarks.md has the table).
"""

from collections.abc import Sequence
from functools import partial, reduce
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

from cxr_cli.models.nn.channels import folded_sums
from cxr_cli.models.nn.sharing import sum_over_images

Lowering = Literal["native", "product"]


BLOCK = 32
"""Channels that a grouped convolution takes together on a CPU."""


def platform_lowering() -> Lowering:
    """Return the lowering that suits the default device: products on a CPU, XLA's convolution elsewhere."""
    return "product" if jax.default_backend() == "cpu" else "native"


Sides = tuple[tuple[int, int], tuple[int, int]]
Padding = Literal["SAME"] | Sides
"""TensorFlow's SAME, or zeros before and after the rows and the columns: torch pads both sides alike."""


def convolve(
    x: Array,
    kernel: Array,
    *,
    stride: int = 1,
    padding: Padding = "SAME",
    groups: int = 1,
    lowering: Lowering,
) -> Array:
    """Convolve x [B,H,W,C] with a kernel [K,L,C/groups,D] in the lowering that suits its shape."""
    sides = _sides(x, kernel, stride, padding)
    if lowering == "product":
        if kernel.shape[:2] == (1, 1) and groups == 1 and sides == ((0, 0), (0, 0)):
            return pointwise_convolution(x, kernel, stride)
        if groups == x.shape[-1] == kernel.shape[-1] and stride <= min(kernel.shape[:2]):
            return depthwise_convolution(x, kernel, stride, sides)
        if groups > 1:
            return grouped_convolution(x, kernel, stride, sides, groups)
    return native_convolution(x, kernel, stride, sides, groups)


def _sides(x: Array, kernel: Array, stride: int, padding: Padding) -> Sides:
    """Return the zeros that SAME means for these shapes, or the padding itself."""
    if padding != "SAME":
        return padding
    rows, columns = lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], (stride, stride), "SAME")
    return rows, columns


def native_convolution(
    x: Array, kernel: Array, stride: int = 1, padding: Padding = "SAME", groups: int = 1
) -> Array:
    """Convolve x [B,H,W,C] with a kernel [K,L,C/groups,D] by XLA's own convolution."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def pointwise_convolution(x: Array, kernel: Array, stride: int = 1) -> Array:
    """Convolve x [B,H,W,C] with a 1x1 kernel [1,1,C,D], without padding, as one matrix product.

    Of two matrices: the derivative by the kernel of a product with more dimensions begins with a transposed
    copy of x, which took longer than all else.
    """
    strided = x[:, ::stride, ::stride]
    product = strided.reshape(-1, strided.shape[-1]) @ kernel[0, 0]
    return product.reshape(*strided.shape[:-1], -1)


def grouped_convolution(x: Array, kernel: Array, stride: int, padding: Sides, groups: int) -> Array:
    """Convolve the groups of x [B,H,W,C], each with its own part of a kernel [K,L,C/groups,D].

    Neighboring groups are put together until they have some 32 channels, and each such block is an ordinary
    convolution, with zeros in its kernel from one group to another: the machine multiplies 32 channels with
    32 in hardly more time than 4 with 4.
    """
    channels_in, channels_out = kernel.shape[2], kernel.shape[3] // groups
    joined = max(n for n in range(1, groups + 1) if groups % n == 0 and n <= max(1, BLOCK // channels_in))
    blocks = groups // joined
    parts = kernel.reshape(*kernel.shape[:3], blocks, joined, channels_out)
    dense = jnp.einsum("klibgo,gh->bklhigo", parts, jnp.eye(joined, dtype=kernel.dtype))
    dense = dense.reshape(blocks, *kernel.shape[:2], joined * channels_in, joined * channels_out)
    return jnp.concatenate(
        [
            native_convolution(part, block, stride, padding)
            for part, block in zip(jnp.split(x, blocks, -1), dense, strict=True)
        ],
        -1,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def depthwise_convolution(x: Array, kernel: Array, stride: int, padding: Sides) -> Array:
    """Convolve each channel of x [B,H,W,C] with its own kernel [K,L,1,C] as a sum of K*L shifted products.

    Its derivatives are written out because XLA's own are slow on a CPU. The one by x is the same sum again,
    for each of the stride's phases by itself. The one by the kernel goes image by image, to stay in cache.
    """
    return _shifted_products(_zero_padded(x, padding), kernel, stride)


def _zero_padded(x: Array, padding: Sequence[tuple[int, int]]) -> Array:
    """Pad x [B,H,W,C]; negative padding takes away."""
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((*side, 0) for side in padding), (0, 0, 0)))


def _shifts(x: Array, size: tuple[int, ...], stride: int) -> list[Array]:
    """Return what each tap of windows [K,L] sees of x [B,H,W,C]: K*L arrays [B,h,w,C], rows first."""
    rows, columns = ((x.shape[i + 1] - size[i]) // stride * stride + 1 for i in range(2))
    return [
        x[:, i : i + rows : stride, j : j + columns : stride] for i in range(size[0]) for j in range(size[1])
    ]


def _shifted_products(x: Array, kernel: Array, stride: int) -> Array:
    """Convolve x [B,H,W,C] without padding with a depthwise kernel [K,L,1,C]."""
    taps = kernel.reshape(-1, kernel.shape[-1])
    products = [shift * tap for shift, tap in zip(_shifts(x, kernel.shape[:2], stride), taps, strict=True)]
    total: Array = reduce(jnp.add, products)
    return total


def _depthwise_forward(
    x: Array, kernel: Array, stride: int, padding: Sides
) -> tuple[Array, tuple[Array, Array]]:
    return depthwise_convolution(x, kernel, stride, padding), (x, kernel)


def _depthwise_backward(
    stride: int, padding: Sides, saved: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    x, kernel = saved

    def of_image(image_and_cotangent: tuple[Array, Array]) -> Array:
        image, upstream = image_and_cotangent
        shifts = _shifts(_zero_padded(image[None], padding), kernel.shape[:2], stride)
        return jnp.stack([folded_sums(jnp.multiply, shift, upstream[None]) for shift in shifts])

    by_kernel = sum_over_images(of_image, (x, cotangent))
    return _depthwise_by_x(cotangent, kernel, stride, padding, x.shape), by_kernel.reshape(kernel.shape)


def _depthwise_by_x(
    cotangent: Array, kernel: Array, stride: int, padding: Sides, shape: tuple[int, ...]
) -> Array:
    """Return the derivative by x of this shape.

    Window o reaches padded pixel stride * o + i by tap i. So the pixels of phase a, stride * m + a, take from
    windows m, m - 1, ... by taps a, a + stride, ...: a convolution of the cotangent with every stride-th
    tap, turned by 180 degrees. The phases, interleaved, are the padded image.
    """
    padded = [size + sum(side) for size, side in zip(shape[1:3], padding, strict=True)]
    phase_size = [-(-size // stride) for size in padded]

    def phase(a: int, b: int) -> Array:
        taps = kernel[a::stride, b::stride][::-1, ::-1]
        before = [size - 1 for size in taps.shape[:2]]
        after = [size - windows for size, windows in zip(phase_size, cotangent.shape[1:3], strict=True)]
        sides = list(zip(before, after, strict=True))
        return _shifted_products(_zero_padded(cotangent, sides), taps, 1)

    phases = [jnp.stack([phase(a, b) for b in range(stride)], 3) for a in range(stride)]
    interleaved = jnp.stack(phases, 2).reshape(shape[0], *(stride * size for size in phase_size), shape[3])
    (top, _), (left, _) = padding
    return interleaved[:, top : top + shape[1], left : left + shape[2]]


depthwise_convolution.defvjp(_depthwise_forward, _depthwise_backward)
