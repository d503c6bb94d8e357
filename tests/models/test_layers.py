"""Layers against XLA's own convolution and pooling, and against constants worked out by hand."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array, lax

from cxr_cli.models.convolution import depthwise_convolution, native_convolution, pointwise_convolution
from cxr_cli.models.layers import Conv, Dense, dropout, glorot_uniform
from cxr_cli.models.pooling import max_pool_2x2

# Sums of up to a thousand float32 products, in another order.
ROUNDING = 2e-5


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def assert_equal_to_rounding(found: Array, expected: Array) -> None:
    scale = float(jnp.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * scale)


def assert_same_function(
    lowered: Callable[[Array, Array], Array], native: Callable[[Array, Array], Array], x: Array, kernel: Array
) -> None:
    """Compare values, and gradients by x and by kernel."""
    upstream = normal(9, *jax.eval_shape(native, x, kernel).shape)

    def all_of(function: Callable[[Array, Array], Array]) -> tuple[Array, ...]:
        value, gradient = jax.vjp(function, x, kernel)
        return value, *gradient(upstream)

    found, expected = jax.jit(lambda: all_of(lowered))(), jax.jit(lambda: all_of(native))()
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert_equal_to_rounding(one, other)


@pytest.mark.parametrize(
    ("batch", "height", "width", "channels_in", "channels_out"),
    [(4, 8, 8, 16, 6), (1, 7, 5, 3, 9), (1, 1, 1, 8, 8), (2, 13, 1, 32, 1)],
)
def test_a_pointwise_convolution_as_a_product_equals_the_native_one(
    batch: int, height: int, width: int, channels_in: int, channels_out: int
) -> None:
    x, kernel = normal(0, batch, height, width, channels_in), normal(1, 1, 1, channels_in, channels_out)
    assert_same_function(pointwise_convolution, native_convolution, x, kernel)


@pytest.mark.parametrize(
    ("batch", "height", "width", "channels", "size"),
    [
        (4, 8, 8, 12, 3),
        (1, 7, 5, 3, 3),
        (1, 1, 1, 2, 3),
        (2, 2, 9, 1, 3),
        (3, 6, 11, 4, 5),
        (8, 28, 28, 6, 3),
    ],
)
def test_a_depthwise_convolution_as_products_equals_the_native_one(
    batch: int, height: int, width: int, channels: int, size: int
) -> None:
    x, kernel = normal(0, batch, height, width, channels), normal(1, size, size, 1, channels)

    def native(x: Array, kernel: Array) -> Array:
        return native_convolution(x, kernel, groups=channels)

    assert_same_function(lambda x, kernel: depthwise_convolution(x, kernel, 1, ((size // 2,) * 2,) * 2), native, x, kernel)


def test_a_depthwise_convolution_keeps_the_type_it_is_given() -> None:
    x, kernel = normal(0, 2, 6, 6, 4).astype(jnp.bfloat16), normal(1, 3, 3, 1, 4).astype(jnp.bfloat16)

    def value_and_gradients() -> tuple[Array, ...]:
        value, gradient = jax.vjp(lambda x, kernel: depthwise_convolution(x, kernel, 1, ((1, 1), (1, 1))), x, kernel)
        return value, *gradient(value)

    assert [part.dtype for part in jax.eval_shape(value_and_gradients)] == [jnp.bfloat16] * 3


def test_a_stride_of_two_pads_two_before_and_three_after() -> None:
    x = jnp.zeros((1, 8, 8, 1)).at[0, 0, 7, 0].set(1.0)
    kernel = jnp.arange(49.0).reshape(7, 7, 1, 1)
    out = native_convolution(x, kernel, stride=2)[0, :, :, 0]
    # Window (a, b) begins at pixel (2a - 2, 2b - 2): pixel (0, 7) has place (2 - 2a, 9 - 2b) in it.
    expected = np.zeros((4, 4))
    for a, b in np.ndindex(4, 4):
        if 0 <= 2 - 2 * a < 7 and 0 <= 9 - 2 * b < 7:
            expected[a, b] = 7 * (2 - 2 * a) + (9 - 2 * b)
    np.testing.assert_array_equal(out, expected)


LAYERS: list[dict[str, Any]] = [
    {"channels_in": 6, "channels_out": 10, "kernel_size": 1},
    {"channels_in": 6, "channels_out": 6, "kernel_size": 3, "groups": 6},
    {"channels_in": 6, "channels_out": 10, "kernel_size": 3},
    {"channels_in": 6, "channels_out": 10, "kernel_size": 7, "stride": 2},
    {"channels_in": 6, "channels_out": 12, "kernel_size": 3, "groups": 3},
    {"channels_in": 6, "channels_out": 12, "kernel_size": 3, "groups": 6},
    {"channels_in": 6, "channels_out": 10, "kernel_size": 1, "stride": 2},
]


@pytest.mark.parametrize("settings", LAYERS, ids=str)
def test_a_layer_is_the_same_in_both_lowerings(settings: dict[str, Any]) -> None:
    x = normal(0, 2, 8, 8, 6)
    bias = normal(1, settings["channels_out"])

    def output(lowering: Any) -> Array:
        layer = Conv(**settings, lowering=lowering, rng=np.random.default_rng(3))
        np.testing.assert_array_equal(layer.bias[...], 0.0)
        layer.bias[...] = bias
        return layer(x)

    assert_equal_to_rounding(output("product"), output("native"))


@pytest.mark.parametrize("settings", LAYERS[:2], ids=str)
def test_each_lowering_is_what_its_name_says(settings: dict[str, Any]) -> None:
    def program(lowering: Any) -> str:
        layer = Conv(**settings, lowering=lowering, rng=np.random.default_rng(3))
        return str(jax.make_jaxpr(layer)(jnp.zeros((2, 8, 8, 6))))

    assert "conv_general_dilated" in program("native")
    assert "conv_general_dilated" not in program("product")


def xla_max_pool(x: Array) -> Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def assert_same_pooling(
    found: Callable[[Array], Array], expected: Callable[[Array], Array], x: Array
) -> None:
    """Compare values and gradients, bit for bit."""
    upstream = normal(1, *jax.eval_shape(expected, x).shape)

    @partial(jax.jit, static_argnums=0)
    def both(function: Callable[[Array], Array]) -> tuple[Array, Array]:
        value, gradient = jax.vjp(function, x)
        return value, gradient(upstream)[0]

    for one, other in zip(both(found), both(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(1, 2, 2, 1), (3, 8, 6, 5)])
def test_max_pool_equals_xlas_where_no_values_tie(shape: tuple[int, ...]) -> None:
    x = jnp.asarray(np.random.default_rng(0).permutation(math.prod(shape)).reshape(shape), jnp.float32)
    assert_same_pooling(max_pool_2x2, xla_max_pool, x)


def test_max_pool_equals_xlas_behind_a_relu_whose_zeros_tie() -> None:
    x = normal(0, 4, 8, 8, 6) - 1.0  # most blocks of four hold several zeros after the ReLU, some four
    assert (xla_max_pool(x) < 0).any()
    assert_same_pooling(lambda x: max_pool_2x2(nnx.relu(x)), lambda x: xla_max_pool(nnx.relu(x)), x)


def test_max_pool_passes_on_the_whole_gradient_of_a_tie() -> None:
    gradient = jax.grad(lambda x: max_pool_2x2(x).sum())(jnp.ones((1, 2, 2, 1)))
    assert float(gradient.sum()) == 1.0


def test_dropout_zeroes_its_share_and_scales_the_rest() -> None:
    x = jnp.full((200, 500), 3.0)
    first, other = jax.random.split(jax.random.key(0), (2, 200))
    dropped = np.asarray(dropout(x, 0.2, first))
    assert set(np.unique(dropped)) == {0.0, np.float32(3.0 / np.float32(0.8))}
    # 100,000 draws: the standard deviation of the share is 0.0013.
    assert abs((dropped == 0).mean() - 0.2) < 0.006
    assert (dropped != np.asarray(dropout(x, 0.2, other))).any()


def test_a_films_dropout_does_not_depend_on_its_batch() -> None:
    x, keys = jnp.ones((6, 50)), jax.random.split(jax.random.key(0), 6)
    np.testing.assert_array_equal(dropout(x, 0.5, keys)[2:4], dropout(x[2:4], 0.5, keys[2:4]))


def test_dropout_without_a_key_is_the_identity() -> None:
    x = normal(0, 3, 4)
    assert dropout(x, 0.5, None) is x


@pytest.mark.parametrize(
    ("shape", "depthwise", "limit"),
    [
        ((100, 500), False, 0.1),  # sqrt(6 / (100 + 500))
        ((1, 1, 200, 400), False, 0.1),
        ((3, 3, 80, 160), False, math.sqrt(6 / (9 * 240))),
        ((3, 3, 1, 5399), True, 1 / 90),  # Keras: 9 x 5399 in and 9 x 1 out, 6 / 48600
    ],
)
def test_kernels_are_drawn_as_keras_draws(shape: tuple[int, ...], depthwise: bool, limit: float) -> None:
    kernel = np.asarray(glorot_uniform(np.random.default_rng(0), shape, depthwise))
    assert kernel.dtype == np.float32
    assert limit * 0.999 < np.abs(kernel).max() <= np.float32(limit)
    assert abs(kernel.mean()) < limit * 0.02
    np.testing.assert_allclose(kernel.var(), limit**2 / 3, rtol=0.02)


def test_layers_draw_by_their_own_fans() -> None:
    def largest(layer: Conv | Dense) -> float:
        return float(jnp.abs(layer.kernel[...]).max())

    rng = np.random.default_rng(0)
    depthwise = Conv(599, 599, 3, groups=599, lowering="native", rng=rng)  # 6 / (9 x 600)
    assert largest(depthwise) == pytest.approx(1 / 30, rel=0.01)
    grouped = Conv(80, 40, 3, groups=2, lowering="native", rng=rng)  # 40 channels in of each group, 40 out
    assert largest(grouped) == pytest.approx(math.sqrt(6 / (9 * 80)), rel=0.01)
    assert largest(Dense(100, 500, rng=rng)) == pytest.approx(0.1, rel=0.01)


def test_without_a_generator_kernels_are_zero() -> None:
    assert not glorot_uniform(None, (3, 3, 2, 2)).any()
