"""Arithmetic by channel: sums over pixels of feature maps; scales and biases, whose derivatives they are.

XLA's CPU backend reads 1 GB a second where it adds up the rows of a matrix itself, and 17 to 40 GB where a
library does it; but with that library derivatives by kernels take 1.3 to 6 times as long
(`compiler_options`). The sums here do without the library, at 20 to 40 GB a second (float32, 2 cores, jax
0.10.2).
"""

from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp
from jax import Array, lax


def wide(x: Array) -> Array:
    """Return x in float32, or in float64 if it is."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def channel_sums(term: Callable[..., Array], *maps: Array) -> Array:
    """Add up term(*maps) over all pixels of all images: [C].

    Args:
        term: of pixels alone, each by itself: it is called with parts of the maps too.
        maps: [B,H,W,C], or [B,H,W,1].
    """

    def by_parts(*maps: Array) -> Array:
        return folded_sums(term, *(part.reshape(len(part), -1, part.shape[-1]) for part in maps))

    def as_a_whole(*maps: Array) -> Array:
        return jnp.sum(term(*maps), (0, 1, 2))

    sums: Array = lax.platform_dependent(*maps, cpu=by_parts, default=as_a_whole)
    return sums


def folded_sums(term: Callable[..., Array], *maps: Array) -> Array:
    """Add up term(*maps), of maps [B,N,...,C], over all axes but the last, as is fast on a CPU: [C].

    Some 16 parts of the second axis are added to one another while they are read; that sum is small. Not of
    the first: devices that share a batch each add up their own images, and exchange sums alone.
    """
    count = maps[0].shape[1]
    parts = min(range(8, 17), key=lambda parts: (count % parts, -parts)) if count > 16 else count
    length = count // parts
    pieces = [slice(i * length, (i + 1) * length) for i in range(parts)]
    folded = reduce(jnp.add, [term(*(each[:, piece] for each in maps)) for piece in pieces])
    rest = term(*(each[:, parts * length :] for each in maps))
    return _summed_rows(folded) + _summed_rows(rest)


def _summed_rows(x: Array) -> Array:
    rows = x.reshape(-1, x.shape[-1])
    return jnp.ones(len(rows), x.dtype) @ rows


@jax.custom_vjp
def add_bias(x: Array, bias: Array) -> Array:
    """Add a bias [C] to x [B,H,W,C]."""
    return x + bias


def _add_bias_forward(x: Array, bias: Array) -> tuple[Array, Array]:
    return add_bias(x, bias), bias


def _add_bias_backward(bias: Array, cotangent: Array) -> tuple[Array, Array]:
    # The derivative by the kernel reads the same array; a product, unlike a sum, makes XLA write it but once.
    by_bias = lax.platform_dependent(
        wide(cotangent), cpu=_summed_rows, default=lambda upstream: jnp.sum(upstream, (0, 1, 2))
    )
    return cotangent, by_bias.astype(bias.dtype)


add_bias.defvjp(_add_bias_forward, _add_bias_backward)


@jax.custom_vjp
def scale_and_shift(x: Array, scale: Array, shift: Array) -> Array:
    """Return scale [C] times x [B,H,W,C] plus shift [C], computed in their type, in the type of x."""
    return (wide(x) * scale + shift).astype(x.dtype)


def _scale_and_shift_forward(x: Array, scale: Array, shift: Array) -> tuple[Array, tuple[Array, Array]]:
    return scale_and_shift(x, scale, shift), (x, scale)


def _scale_and_shift_backward(saved: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array, Array]:
    x, scale = saved
    by_x = (wide(cotangent) * scale).astype(x.dtype)
    by_scale = channel_sums(lambda x, upstream: wide(x) * wide(upstream), x, cotangent)
    return by_x, by_scale, channel_sums(wide, cotangent)


scale_and_shift.defvjp(_scale_and_shift_forward, _scale_and_shift_backward)
