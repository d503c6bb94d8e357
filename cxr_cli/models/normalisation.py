"""Batch normalisation (Ioffe & Szegedy 2015) as torch computes it."""

import jax.numpy as jnp
from flax import nnx
from jax import Array, lax

MOMENTUM = 0.1


class BatchNorm(nnx.Module):
    """Normalise each channel by the batch's statistics in training, by running ones otherwise.

    As in torch: the batch's own variance is the population's (over n), the running one the sample's (over
    n - 1), and running <- (1 - momentum) running + momentum batch. Statistics are float32.

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
        """Normalise x [B,H,W,C].

        Args:
            x: a batch of feature maps.
            mask: bool [B], in training: the films that count. Padding is normalised, but not counted.
        """
        if mask is None or self.frozen:
            mean, var = self.mean[...], self.var[...]
        else:
            mean, var = self._observe(x, mask)
        scale = self.scale[...] * lax.rsqrt(var + self.epsilon)
        shift = self.bias[...] - mean * scale
        return x * scale.astype(x.dtype) + shift.astype(x.dtype)

    def _observe(self, x: Array, mask: Array) -> tuple[Array, Array]:
        """Return mean and variance of the films that count, and move the running ones towards them."""
        weights = mask.astype(jnp.float32)
        share = (weights / jnp.sum(weights))[:, None]
        exact = x.astype(jnp.float32)
        mean = jnp.sum(jnp.mean(exact, (1, 2)) * share, 0)
        var = jnp.sum(jnp.mean(jnp.square(exact - mean), (1, 2)) * share, 0)
        count = jnp.sum(weights) * x.shape[1] * x.shape[2]
        self.mean[...] = self._moved(self.mean[...], mean)
        self.var[...] = self._moved(self.var[...], var * count / jnp.maximum(count - 1, 1))
        return mean, var

    def _moved(self, running: Array, batch: Array) -> Array:
        return (1 - self.momentum) * running + self.momentum * lax.stop_gradient(batch)
