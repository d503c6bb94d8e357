"""Convolutions, each written so that XLA runs it well.

Pictures are [batch, height, width, channels], kernels [height, width, channels in / groups, channels out].

XLA's CPU backend runs some convolutions far below what the machine can do, so a convolution has two
lowerings. Measured on 2 cores, forward and backward, batch 8 (tests/benchmarks prints them anew):

    1x1, 256 -> 64 at 56x56       native  197 ms    matrix product          27 ms
    depthwise 3x3, 192 at 28x28   native  115 ms    nine shifted products   10 ms
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

Lowering = Literal["native", "product"]


def platform_lowering() -> Lowering:
    """Return the lowering that suits the default device: products on a CPU, XLA's convolution elsewhere."""
    return "product" if jax.default_backend() == "cpu" else "native"


Padding = Literal["SAME"] | tuple[tuple[int, int], tuple[int, int]]
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
    if lowering == "product" and stride == 1 and padding == "SAME":
        if kernel.shape[:2] == (1, 1) and groups == 1:
            return pointwise_convolution(x, kernel)
        if kernel.shape[2] == 1 and groups == x.shape[-1] == kernel.shape[-1]:
            return depthwise_convolution(x, kernel)
    return native_convolution(x, kernel, stride, padding, groups)


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


def pointwise_convolution(x: Array, kernel: Array) -> Array:
    """Convolve x [B,H,W,C] with a 1x1 kernel [1,1,C,D] as one matrix product."""
    return x @ kernel[0, 0]


@jax.custom_vjp
def depthwise_convolution(x: Array, kernel: Array) -> Array:
    """Convolve each channel of x [B,H,W,C] with its own odd kernel [K,K,1,C], stride 1, SAME padding.

    A sum of K*K shifted products. Its derivatives are written out because XLA's own are slow on a
    CPU: the one by x is the same sum with the kernel turned by 180 degrees; the one by the kernel goes
    film by film and sums rows before columns, which stays in cache (18 ms for 58 at 112x112x48).
    """
    height, width = x.shape[1:3]
    size = kernel.shape[0]
    half = size // 2
    padded = jnp.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    return sum(
        (
            padded[:, i : i + height, j : j + width, :] * kernel[i, j, 0]
            for i in range(size)
            for j in range(size)
        ),
        start=jnp.zeros((), x.dtype),
    )


def _depthwise_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return depthwise_convolution(x, kernel), (x, kernel)


def _depthwise_backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    x, kernel = saved
    size, half = kernel.shape[0], kernel.shape[0] // 2
    height, width = x.shape[1:3]

    def kernel_gradient(film_and_cotangent: tuple[Array, Array]) -> Array:
        film, upstream = film_and_cotangent
        padded = jnp.pad(film, ((half, half), (half, half), (0, 0)))
        shifts = [
            jnp.sum(jnp.sum(padded[i : i + height, j : j + width] * upstream, 0), 0)
            for i in range(size)
            for j in range(size)
        ]
        return jnp.stack(shifts).reshape(kernel.shape)

    by_kernel = jnp.sum(lax.map(kernel_gradient, (x, cotangent)), 0).astype(kernel.dtype)
    return depthwise_convolution(cotangent, kernel[::-1, ::-1]), by_kernel


depthwise_convolution.defvjp(_depthwise_forward, _depthwise_backward)
