"""Layers with parameters: convolution, the gray stem, dense; and dropout.

Images are [batch, height, width, channels]; parameters are float32; biases begin at zero.
"""

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.nn.channels import add_bias
from cxr_cli.models.nn.convolution import Lowering, Padding, convolve


def glorot_uniform(rng: np.random.Generator | None, shape: tuple[int, ...], depthwise: bool = False) -> Array:
    """Draw a float32 kernel [..., in, out] within +-sqrt(6 / (fan in + fan out)) (Glorot & Bengio 2010).

    As Keras draws by default, as the paper's networks were initialized: a depthwise kernel counts all
    channels as fan in and one as fan out. He's initialization makes a COVID-Net's logits start at several
    thousand, for each of its 16 unnormalized sums doubles the signal, and the network does not learn.

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


def dropout(x: Array, rate: float, keys: Array | None) -> Array:
    """Zero a share `rate` of x [B,...] and scale the rest by 1 / (1 - rate); without keys return x itself.

    One key an image [B]: an image's draw is the same in whichever batch it comes.
    """
    if keys is None:
        return x
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1.0 - rate, x.shape[1:]))(keys)
    return jnp.where(kept, x / (1.0 - rate), 0.0)


class Conv(nnx.Module):
    """Convolution in the lowering that suits the platform."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: Literal["SAME"] | int | tuple[int, int] = "SAME",
        groups: int = 1,
        bias: bool = True,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw a kernel [K, L, channels_in / groups, channels_out] and a zero bias.

        Args:
            channels_in, channels_out: of the feature maps.
            kernel_size: height and width, or one number for both.
            stride: of the windows, both ways.
            padding: TensorFlow's SAME, or torch's: zeros on each side, or (above and below, left and right).
            groups: how many parts the channels are convolved in, each by itself.
            bias: whether there is one.
            lowering: of the convolution.
            rng: of the draw; None for zeros.
        """
        height, width = _both_ways(kernel_size)
        shape = (height, width, channels_in // groups, channels_out)
        self.kernel = nnx.Param(glorot_uniform(rng, shape, depthwise=1 < groups == channels_in))
        self.bias = nnx.Param(jnp.zeros(channels_out)) if bias else None
        self.stride = stride
        self.padding = _sides(padding)
        self.groups = groups
        self.lowering = lowering

    def __call__(self, x: Array) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out]."""
        out = convolve(
            x,
            self.kernel[...],
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
            lowering=self.lowering,
        )
        return out if self.bias is None else add_bias(out, self.bias[...])


class GrayStem(nnx.Module):
    """The first convolution of a network that was made for color, for gray images, without bias.

    Equal gray channels g, normalized channel by channel, are a_c x + b_c of one normalized image x. So the
    three-channel convolution is that of x with sum(a_c W_c), the kernel, plus that of a plane of ones with
    sum(b_c W_c), the offset. No bias does for the second: at the image's borders windows reach into zeros.
    """

    def __init__(
        self,
        channels_out: int,
        kernel_size: int,
        *,
        stride: int,
        padding: Literal["SAME"] | int,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw a kernel [K, K, 1, channels_out]; the offset, of the same shape, is zero."""
        shape = (kernel_size, kernel_size, 1, channels_out)
        self.kernel = nnx.Param(glorot_uniform(rng, shape))
        self.offset = nnx.Param(jnp.zeros(shape))
        self.stride = stride
        self.padding = _sides(padding)
        self.lowering = lowering

    def __call__(self, x: Array) -> Array:
        """Map images x [B,H,W,1] to [B,h,w,channels_out]."""

        def part(plane: Array, kernel: Array) -> Array:
            return convolve(plane, kernel, stride=self.stride, padding=self.padding, lowering=self.lowering)

        return part(x, self.kernel[...]) + part(jnp.ones((1, *x.shape[1:]), x.dtype), self.offset[...])


def _both_ways(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _sides(padding: Literal["SAME"] | int | tuple[int, int]) -> Padding:
    if padding == "SAME":
        return "SAME"
    rows, columns = _both_ways(padding)
    return (rows, rows), (columns, columns)


class Dense(nnx.Module):
    """Fully connected layer with bias."""

    def __init__(self, units_in: int, units_out: int, *, rng: np.random.Generator | None) -> None:
        """Draw a kernel [units_in, units_out] and a zero bias."""
        self.kernel = nnx.Param(glorot_uniform(rng, (units_in, units_out)))
        self.bias = nnx.Param(jnp.zeros(units_out))

    def __call__(self, x: Array) -> Array:
        """Map x [B,units_in] to [B,units_out], of bfloat16 to float32: scores of bfloat16 would often tie."""
        kind = jnp.promote_types(x.dtype, jnp.float32)
        return jnp.matmul(x, self.kernel[...], preferred_element_type=kind) + self.bias[...]
