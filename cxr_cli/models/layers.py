"""Convolution, pooling, dropout and dense layers, each written so that XLA runs it well.

Pictures are [batch, height, width, channels]; parameters are float32; biases begin at zero.

XLA's CPU backend runs some convolutions far below what the machine can do, so a convolution has two
lowerings. Measured on 2 cores, forward and backward, batch 8 (tests/benchmarks prints them anew):

    1x1, 256 -> 64 at 56x56       native  197 ms    matrix product          27 ms
    depthwise 3x3, 192 at 28x28   native  115 ms    nine shifted products   10 ms
    2x2 max pool, 256 at 56x56    native   94 ms    maximum of four slices  2.5 ms
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

Lowering = Literal["native", "product"]


def platform_lowering() -> Lowering:
    """Return the lowering that suits the default device: products on a CPU, XLA's convolution elsewhere."""
    return "product" if jax.default_backend() == "cpu" else "native"


def glorot_uniform(rng: np.random.Generator | None, shape: tuple[int, ...], depthwise: bool = False) -> Array:
    """Draw a float32 kernel [..., in, out] within +-sqrt(6 / (fan in + fan out)) (Glorot & Bengio 2010).

    As Keras draws by default, and so the paper's nets were drawn: a depthwise kernel counts all channels as
    fan in and one as fan out. He's initialisation makes a COVID-Net's logits start at several thousand, for
    each of its 16 unnormalised sums doubles the signal, and the net does not learn.

    NumPy draws: the numbers are the same on every device, and XLA would take 20 s to compile the draws of a
    COVID-Net. Without a generator the kernel is zero, to be filled with saved weights.
    """
    if rng is None:
        return jnp.zeros(shape, jnp.float32)
    *window, channels_in, channels_out = shape
    if depthwise:
        channels_in, channels_out = channels_out, channels_in
    limit = math.sqrt(6.0 / (math.prod(window) * (channels_in + channels_out)))
    return jnp.asarray(rng.uniform(-limit, limit, shape), jnp.float32)


def native_convolution(x: Array, kernel: Array, stride: int = 1, groups: int = 1) -> Array:
    """Convolve x [B,H,W,C] with an HWIO kernel, SAME padding, by XLA's own convolution."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding="SAME",
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


def max_pool(x: Array) -> Array:
    """Take the maximum of each 2x2 block of x [B,H,W,C]; H and W are even.

    The gradient of tied values is shared between them, where XLA's pooling gives it to the first: after
    a ReLU ties are zeros, where no gradient passes anyway.
    """
    rows = jnp.maximum(x[:, 0::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, 0::2], rows[:, :, 1::2])


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Zero a share `rate` of x and scale the rest by 1 / (1 - rate); without a key return x itself."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0)


class Conv(nnx.Module):
    """Convolution with bias, SAME padding, odd square kernel."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw a kernel [K, K, channels_in / groups, channels_out] and a zero bias."""
        shape = (kernel_size, kernel_size, channels_in // groups, channels_out)
        self.kernel = nnx.Param(glorot_uniform(rng, shape, depthwise=1 < groups == channels_in))
        self.bias = nnx.Param(jnp.zeros(channels_out))
        self.stride = stride
        self.groups = groups
        self.lowering = lowering

    def __call__(self, x: Array) -> Array:
        """Map x [B,H,W,channels_in] to [B,H/stride,W/stride,channels_out]."""
        return self._convolve(x, self.kernel[...]) + self.bias[...]

    def _convolve(self, x: Array, kernel: Array) -> Array:
        if self.lowering == "product" and self.stride == 1:
            if kernel.shape[:2] == (1, 1) and self.groups == 1:
                return pointwise_convolution(x, kernel)
            if kernel.shape[2] == 1 and self.groups == x.shape[-1] == kernel.shape[-1]:
                return depthwise_convolution(x, kernel)
        return native_convolution(x, kernel, self.stride, self.groups)


class Dense(nnx.Module):
    """Fully connected layer with bias."""

    def __init__(self, units_in: int, units_out: int, *, rng: np.random.Generator | None) -> None:
        """Draw a kernel [units_in, units_out] and a zero bias."""
        self.kernel = nnx.Param(glorot_uniform(rng, (units_in, units_out)))
        self.bias = nnx.Param(jnp.zeros(units_out))

    def __call__(self, x: Array) -> Array:
        """Map x [B,units_in] to [B,units_out]."""
        return x @ self.kernel[...] + self.bias[...]
