"""Batch normalization (Ioffe & Szegedy 2015) as torch computes it."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array, lax

from cxr_cli.models.nn.channels import channel_sums, scale_and_shift, wide

MOMENTUM = 0.1


class BatchNorm(nnx.Module):
    """Normalize each channel by the batch's statistics in training, by running ones otherwise.

    As in torch: the batch's own variance is the population's (over n), the running one the sample's (over
    n - 1), and running <- (1 - momentum) running + momentum batch. All arithmetic is float32, or float64 for
    float64 images.

    Attributes:
        frozen: take the running statistics in training too, and leave them as they are.
    """

    def __init__(self, channels: int, *, epsilon: float = 1e-5, momentum: float = MOMENTUM) -> None:
        """Begin with scale 1, bias 0, running mean 0 and running variance 1, each [channels]."""
        self.scale = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.var = nnx.BatchStat(jnp.ones(channels))
        self.epsilon = epsilon
        self.momentum = momentum
        self.frozen = False

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Normalize x [B,H,W,C].

        Args:
            x: a batch of feature maps.
            mask: bool [B], in training: the images that count. Padding is normalized, but not counted; where
                all is padding the running statistics stay.
        """
        scale, bias = wide(self.scale[...]), wide(self.bias[...])
        if mask is None or self.frozen:
            return _normalized(x, scale, bias, self.mean[...], lax.rsqrt(self.var[...] + self.epsilon))
        count = jnp.sum(mask, dtype=wide(x).dtype) * x.shape[1] * x.shape[2]
        share = mask / jnp.maximum(count, 1)
        normalized, mean, var = _normalize_by_batch(x, scale, bias, share, self.epsilon)
        pace = self.momentum * jnp.any(mask)
        self.mean[...] = _moved(self.mean[...], mean, pace)
        self.var[...] = _moved(self.var[...], var * (count / jnp.maximum(count - 1, 1)), pace)
        return normalized


def _of_pixels(share: Array, x: Array) -> Array:
    """Return what each pixel [B,H,W,1] of x [B,H,W,C] has of its image's share [B]."""
    return jnp.broadcast_to(share[:, None, None, None], (*x.shape[:3], 1))


def _moved(running: Array, batch: Array, pace: Array) -> Array:
    return (1 - pace) * running + pace * lax.stop_gradient(batch)


def _normalized(x: Array, scale: Array, bias: Array, mean: Array, inverse_deviation: Array) -> Array:
    """Return x [B,H,W,C] normalized, in its own type; all else is [C]."""
    slope = scale * inverse_deviation
    return scale_and_shift(x, slope, bias - mean * slope)


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def _normalize_by_batch(
    x: Array, scale: Array, bias: Array, share: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """Normalize x [B,H,W,C] by its own statistics; return it, mean and variance. Share: [B], of one pixel.

    The derivative is written out (Ioffe & Szegedy 2015, section 3): a pass over x and the cotangent for the
    sums, a pass for the result, and no array kept but x. Mean and variance pass no gradient on.
    """
    return _normalize_forward(x, scale, bias, share, epsilon)[0]


_Saved = tuple[Array, Array, Array, Array, Array]


def _normalize_forward(
    x: Array, scale: Array, bias: Array, share: Array, epsilon: float
) -> tuple[tuple[Array, Array, Array], _Saved]:
    shares = _of_pixels(share, x)
    mean = channel_sums(lambda x, share: wide(x) * share, x, shares)
    var = channel_sums(lambda x, share: jnp.square(wide(x) - mean) * share, x, shares)
    inverse_deviation = lax.rsqrt(var + epsilon)
    normalized = _normalized(x, scale, bias, mean, inverse_deviation)
    return (normalized, mean, var), (x, scale, share, mean, inverse_deviation)


def _normalize_backward(
    epsilon: float,  # noqa: ARG001 - as in the function
    saved: _Saved,
    cotangents: tuple[Array, Array, Array],
) -> tuple[Array, Array, Array, None]:
    x, scale, share, mean, inverse_deviation = saved
    upstream = cotangents[0]
    by_bias = channel_sums(wide, upstream)
    by_scale = inverse_deviation * channel_sums(lambda x, u: wide(u) * (wide(x) - mean), x, upstream)
    by_statistics = by_bias + (wide(x) - mean) * (inverse_deviation * by_scale)
    by_x = scale * inverse_deviation * (wide(upstream) - share[:, None, None, None] * by_statistics)
    return by_x.astype(x.dtype), by_scale, by_bias, None


_normalize_by_batch.defvjp(_normalize_forward, _normalize_backward)


class Standardize(nnx.Module):
    """Subtract a mean and divide by a deviation, both given and not learned; at first 0 and 1."""

    def __init__(self, units: int) -> None:
        """Begin as the identity on vectors of `units`."""
        self.mean = nnx.BatchStat(jnp.zeros(units))
        self.std = nnx.BatchStat(jnp.ones(units))

    def __call__(self, x: Array) -> Array:
        """Map vectors [B,units]."""
        return (x - self.mean[...].astype(x.dtype)) / self.std[...].astype(x.dtype)
