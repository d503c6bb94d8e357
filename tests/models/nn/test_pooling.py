"""Pooling against XLA's own and against constants worked out by hand."""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array, lax

from cxr_cli.models.nn.pooling import (
    average_pool,
    global_average_pool,
    max_pool,
    max_pool_2x2,
    zone_average_pool,
)


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def distinct(*shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(0).permutation(math.prod(shape)).reshape(shape), jnp.float32)


def xla_max_pool(x: Array, window: int = 2, stride: int = 2, padding: int = 0) -> Array:
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    strides = (1, stride, stride, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), strides, sides)


def xla_average_pool(x: Array, window: int, stride: int, padding: int) -> Array:
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    strides = (1, stride, stride, 1)
    return lax.reduce_window(x, 0.0, lax.add, (1, window, window, 1), strides, sides) / window**2


def assert_same_pooling(
    found: Callable[[Array], Array], expected: Callable[[Array], Array], x: Array, rounding: float = 0.0
) -> None:
    """Compare values and gradients."""
    upstream = normal(1, *jax.eval_shape(expected, x).shape)

    @partial(jax.jit, static_argnums=0)
    def both(function: Callable[[Array], Array]) -> tuple[Array, Array]:
        value, gradient = jax.vjp(function, x)
        return value, gradient(upstream)[0]

    for one, other in zip(both(found), both(expected), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding * float(jnp.abs(other).max()))


@pytest.mark.parametrize("shape", [(1, 2, 2, 1), (3, 8, 6, 5)])
def test_max_pool_2x2_equals_xlas_where_no_values_tie(shape: tuple[int, ...]) -> None:
    assert_same_pooling(max_pool_2x2, xla_max_pool, distinct(*shape))


def test_max_pool_2x2_equals_xlas_behind_a_relu_whose_zeros_tie() -> None:
    x = normal(0, 4, 8, 8, 6) - 1.0  # most blocks of four hold several zeros after the ReLU, some four
    assert (xla_max_pool(x) < 0).any()
    assert_same_pooling(lambda x: max_pool_2x2(nnx.relu(x)), lambda x: xla_max_pool(nnx.relu(x)), x)


def test_max_pool_2x2_passes_on_the_whole_gradient_of_a_tie() -> None:
    gradient = jax.grad(lambda x: max_pool_2x2(x).sum())(jnp.ones((1, 2, 2, 1)))
    assert float(gradient.sum()) == 1.0


WINDOWS = [
    (3, 2, 1, (2, 8, 7, 3)),  # ResNet's and DenseNet's
    (3, 2, 0, (2, 9, 8, 3)),  # Inception's; the last column of an even picture is not seen
    (2, 2, 0, (1, 5, 6, 2)),
    (5, 3, 2, (1, 11, 7, 1)),
    (3, 1, 1, (2, 1, 5, 2)),
]


@pytest.mark.parametrize(("window", "stride", "padding", "shape"), WINDOWS)
def test_max_pool_equals_xlas(window: int, stride: int, padding: int, shape: tuple[int, ...]) -> None:
    assert_same_pooling(
        lambda x: max_pool(x, window, stride, padding),
        lambda x: xla_max_pool(x, window, stride, padding),
        distinct(*shape) - 1000.0,  # all below zero: zeros of padding would win
        1e-6,
    )


@pytest.mark.parametrize(("window", "stride", "padding", "shape"), WINDOWS)
def test_average_pool_equals_xlas(window: int, stride: int, padding: int, shape: tuple[int, ...]) -> None:
    assert_same_pooling(
        lambda x: average_pool(x, window, stride, padding),
        lambda x: xla_average_pool(x, window, stride, padding),
        normal(0, *shape),
        1e-6,
    )


def test_of_tied_values_the_first_has_the_gradient() -> None:
    x = jnp.asarray([[0.0, 2.0, 1.0], [2.0, 2.0, 1.0], [1.0, 0.0, 2.0]])[None, :, :, None]
    gradient = jax.grad(lambda x: max_pool(x, 3, 1).sum())(x)
    expected = np.zeros((3, 3))
    expected[0, 1] = 1.0
    np.testing.assert_array_equal(gradient[0, :, :, 0], expected)


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (2, 1)])
def test_max_pool_passes_nan_on(place: tuple[int, int]) -> None:
    assert jnp.isnan(max_pool(jnp.ones((1, 3, 3, 1)).at[0, *place, 0].set(jnp.nan), 3, 1)).all()


def test_average_pool_counts_the_padding() -> None:
    found = average_pool(jnp.ones((1, 3, 3, 1)), 3, 1, padding=1)
    np.testing.assert_allclose(found[0, :, :, 0] * 9, [[4, 6, 4], [6, 9, 6], [4, 6, 4]], rtol=1e-6)


def test_global_average_pool_is_the_mean_of_each_channel() -> None:
    x = jnp.asarray([[[[1.0, 10.0], [3.0, 30.0]]]])
    np.testing.assert_array_equal(global_average_pool(x), [[2.0, 20.0]])


def test_zones_of_a_picture_that_cannot_be_divided_evenly_overlap() -> None:
    # Rows 0-1 and 1-2 of three; columns 0-1 and 2-3 of four.
    x = jnp.arange(12.0).reshape(1, 3, 4, 1)
    zones = zone_average_pool(x, 2, 2)
    np.testing.assert_allclose(jnp.concatenate(zones, -1), [[2.5, 4.5, 6.5, 8.5]])
    assert all(jnp.isfinite(zone).all() for zone in zone_average_pool(x[:, :1, :1], 3, 2))
