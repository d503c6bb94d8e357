"""Convolutions as products against XLA's own convolution: values, and gradients by picture and by kernel."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from cxr_cli.models.nn.convolution import (
    Lowering,
    Padding,
    Sides,
    convolve,
    depthwise_convolution,
    grouped_convolution,
    native_convolution,
    pointwise_convolution,
)

# Sums of up to a thousand float32 products, in another order.
ROUNDING = 2e-5


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def assert_same_function(
    lowered: Callable[[Array, Array], Array], native: Callable[[Array, Array], Array], x: Array, kernel: Array
) -> None:
    """Compare values, and gradients by x and by kernel."""
    upstream = normal(9, *jax.eval_shape(native, x, kernel).shape)

    @partial(jax.jit, static_argnums=0)
    def all_of(function: Callable[[Array, Array], Array]) -> tuple[Array, ...]:
        value, gradient = jax.vjp(function, x, kernel)
        return value, *gradient(upstream)

    for one, other in zip(all_of(lowered), all_of(native), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=ROUNDING * float(jnp.abs(other).max()))


@pytest.mark.parametrize(
    ("batch", "height", "width", "channels_in", "channels_out", "stride"),
    [(4, 8, 8, 16, 6, 1), (1, 7, 5, 3, 9, 1), (1, 1, 1, 8, 8, 1), (2, 13, 8, 32, 1, 2), (2, 7, 7, 3, 5, 3)],
)
def test_a_pointwise_convolution_as_a_product_equals_the_native_one(
    batch: int, height: int, width: int, channels_in: int, channels_out: int, stride: int
) -> None:
    x, kernel = normal(0, batch, height, width, channels_in), normal(1, 1, 1, channels_in, channels_out)
    assert_same_function(
        lambda x, kernel: pointwise_convolution(x, kernel, stride),
        lambda x, kernel: native_convolution(x, kernel, stride),
        x,
        kernel,
    )


ONE, TWO = ((1, 1), (1, 1)), ((2, 2), (2, 2))


@pytest.mark.parametrize(
    ("shape", "window", "stride", "padding"),
    [
        ((4, 8, 8, 12), (3, 3), 1, ONE),
        ((1, 1, 1, 2), (3, 3), 1, ONE),
        ((3, 6, 11, 4), (5, 5), 1, TWO),
        ((2, 8, 8, 6), (3, 3), 2, ONE),  # torch's padding of an even picture: the last column is seen once
        ((2, 8, 9, 6), (3, 3), 2, ((0, 1), (1, 1))),  # SAME
        ((2, 11, 7, 3), (5, 5), 2, TWO),
        ((2, 12, 12, 3), (5, 5), 2, ((1, 2), (1, 2))),  # SAME
        ((2, 10, 13, 2), (5, 5), 3, TWO),
        ((2, 6, 9, 3), (1, 7), 1, ((0, 0), (3, 3))),
        ((2, 8, 6, 3), (3, 3), 2, ((0, 0), (0, 0))),  # the last row and column are not seen
    ],
)
def test_a_depthwise_convolution_as_products_equals_the_native_one(
    shape: tuple[int, ...], window: tuple[int, int], stride: int, padding: Sides
) -> None:
    channels = shape[-1]
    assert_same_function(
        lambda x, kernel: depthwise_convolution(x, kernel, stride, padding),
        lambda x, kernel: native_convolution(x, kernel, stride, padding, channels),
        normal(0, *shape),
        normal(1, *window, 1, channels),
    )


def test_a_depthwise_convolution_keeps_the_type_it_is_given() -> None:
    x, kernel = normal(0, 2, 6, 6, 4).astype(jnp.bfloat16), normal(1, 3, 3, 1, 4).astype(jnp.bfloat16)

    def value_and_gradients() -> tuple[Array, ...]:
        value, gradient = jax.vjp(lambda x, kernel: depthwise_convolution(x, kernel, 1, ONE), x, kernel)
        return value, *gradient(value)

    assert [part.dtype for part in jax.eval_shape(value_and_gradients)] == [jnp.bfloat16] * 3


@pytest.mark.parametrize(
    ("groups", "channels_in", "channels_out", "stride"),
    [
        (32, 4, 4, 1),  # four blocks of eight groups
        (4, 3, 6, 2),  # one block
        (3, 40, 8, 1),  # a group is more than a block
        (6, 7, 2, 2),  # three of six groups fit, no more
    ],
)
def test_a_grouped_convolution_in_blocks_equals_the_native_one(
    groups: int, channels_in: int, channels_out: int, stride: int
) -> None:
    assert_same_function(
        lambda x, kernel: grouped_convolution(x, kernel, stride, ONE, groups),
        lambda x, kernel: native_convolution(x, kernel, stride, ONE, groups),
        normal(0, 2, 6, 5, groups * channels_in),
        normal(1, 3, 3, channels_in, groups * channels_out),
    )


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


@pytest.mark.parametrize(
    ("kernel_shape", "groups", "stride", "padding", "convolutions"),
    [
        ((1, 1, 16, 8), 1, 1, "SAME", 0),
        ((1, 1, 16, 8), 1, 2, ((0, 0), (0, 0)), 0),
        ((1, 1, 16, 8), 1, 1, ONE, 1),
        ((3, 3, 1, 16), 16, 2, "SAME", 0),
        ((3, 3, 1, 16), 16, 1, ONE, 0),
        ((1, 1, 1, 16), 16, 2, "SAME", 1),  # a stride beyond the window
        ((3, 3, 1, 32), 16, 1, "SAME", 1),  # one block
        ((3, 3, 16, 8), 1, 1, "SAME", 1),
    ],
)
def test_on_a_cpu_only_ordinary_convolutions_stay_convolutions(
    kernel_shape: tuple[int, ...], groups: int, stride: int, padding: Padding, convolutions: int
) -> None:
    def found(lowering: Lowering) -> str:
        run = partial(convolve, stride=stride, padding=padding, groups=groups, lowering=lowering)
        return str(jax.make_jaxpr(run)(jnp.zeros((2, 7, 8, 16)), jnp.zeros(kernel_shape)))

    assert found("native").count("= conv_general_dilated[") == 1
    assert found("product").count("= conv_general_dilated[") == convolutions
    assert "feature_group_count=16" not in found("product") or stride > 1
