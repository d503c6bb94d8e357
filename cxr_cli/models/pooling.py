"""Pooling of pictures [batch, height, width, channels]."""

import jax.numpy as jnp
from jax import Array, lax


def max_pool_2x2(x: Array) -> Array:
    """Take the maximum of each 2x2 block of x [B,H,W,C]; H and W are even.

    The gradient of tied values is shared between them, where XLA's pooling gives it to the first: after
    a ReLU ties are zeros, where no gradient passes anyway.
    On a CPU this takes 2.5 ms where XLA's own takes 94 (256 channels at 56x56, batch 8, with backward).
    """
    rows = jnp.maximum(x[:, 0::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, 0::2], rows[:, :, 1::2])


def max_pool(x: Array, window: int, stride: int, padding: int = 0) -> Array:
    """Take the maximum of windows [window, window] of x [B,H,W,C], as torch does: the padding never wins."""
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    largest: Array = lax.reduce_window(
        x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), sides
    )
    return largest


def average_pool(x: Array, window: int, stride: int, padding: int = 0) -> Array:
    """Take the mean of windows [window, window] of x [B,H,W,C]; zeros of the padding count, as in torch."""
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    total: Array = lax.reduce_window(x, 0.0, lax.add, (1, window, window, 1), (1, stride, stride, 1), sides)
    return total / window**2


def global_average_pool(x: Array) -> Array:
    """Take the mean of each channel of x [B,H,W,C]: [B,C]."""
    return jnp.mean(x, axis=(1, 2))
