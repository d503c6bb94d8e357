"""Layers against XLA's own convolution, and against constants worked out by hand."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from cxr_cli.models.nn.convolution import native_convolution
from cxr_cli.models.nn.layers import Conv, Dense, GrayStem, dropout, glorot_uniform

# Sums of up to a thousand float32 products, in another order.
ROUNDING = 2e-5


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def assert_equal_to_rounding(found: Array, expected: Array) -> None:
    scale = float(jnp.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * scale)


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


@pytest.mark.parametrize(
    ("window", "padding", "expected"),
    [
        (3, 1, ((1, 1), (1, 1))),
        (3, 0, ((0, 0), (0, 0))),
        ((1, 7), (0, 3), ((0, 0), (3, 3))),
        ((7, 1), (3, 0), ((3, 3), (0, 0))),
        (3, "SAME", ((1, 1), (0, 1))),  # of 7 rows and 8 columns by twos: one column is missing, at the end
    ],
)
@pytest.mark.parametrize("lowering", ["native", "product"])
def test_padding_is_torchs_or_tensorflows(window: Any, padding: Any, expected: Any, lowering: Any) -> None:
    x = normal(0, 2, 7, 8, 3)
    layer = Conv(3, 4, window, stride=2, padding=padding, lowering=lowering, rng=np.random.default_rng(3))
    (top, bottom), (left, right) = expected
    padded = jnp.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    none = ((0, 0), (0, 0))
    assert_equal_to_rounding(
        jax.jit(lambda: layer(x))(), native_convolution(padded, layer.kernel[...], 2, none)
    )


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "padding"), [(9, 7, 2, 3), (8, 3, 2, "SAME"), (11, 3, 2, 0)]
)
@pytest.mark.parametrize("lowering", ["native", "product"])
def test_the_gray_stem_is_the_color_convolution_of_a_image_copied_threefold(
    size: int, kernel_size: int, stride: int, padding: Any, lowering: Any
) -> None:
    image, color_kernel = normal(0, 2, size, size, 1), normal(1, kernel_size, kernel_size, 3, 5)
    # Each channel has a mean and a deviation of its own, so the border's zeros are three different grays.
    slope, constant = jnp.asarray([0.8, 1.1, 1.3]), jnp.asarray([-0.5, 0.2, 2.0])
    stem = GrayStem(5, kernel_size, stride=stride, padding=padding, lowering=lowering, rng=None)
    stem.kernel[...] = jnp.einsum("klcd,c->kld", color_kernel, slope)[:, :, None]
    stem.offset[...] = jnp.einsum("klcd,c->kld", color_kernel, constant)[:, :, None]
    sides = padding if padding == "SAME" else ((padding, padding), (padding, padding))
    expected = native_convolution(image * slope + constant, color_kernel, stride, sides)
    assert_equal_to_rounding(jax.jit(lambda: stem(image))(), expected)


def test_dropout_zeroes_its_share_and_scales_the_rest() -> None:
    x = jnp.full((200, 500), 3.0)
    first, other = jax.random.split(jax.random.key(0), (2, 200))
    dropped = np.asarray(dropout(x, 0.2, first))
    assert set(np.unique(dropped)) == {0.0, np.float32(3.0 / np.float32(0.8))}
    # 100,000 draws: the standard deviation of the share is 0.0013.
    assert abs((dropped == 0).mean() - 0.2) < 0.006
    assert (dropped != np.asarray(dropout(x, 0.2, other))).any()


def test_a_images_dropout_does_not_depend_on_its_batch() -> None:
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
