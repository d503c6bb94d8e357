"""Batch normalization against constants worked out by hand and against the formula's own derivatives."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from cxr_cli.models.nn.normalization import BatchNorm

# One channel, two images of 1x2 pixels: mean 4, variance 5 of the four, 20/3 as a sample of four.
IMAGES = jnp.asarray([1.0, 3.0, 5.0, 7.0]).reshape(2, 1, 2, 1)
NORMALIZED = [2 * (x - 4) / np.sqrt(5 + 0.5) + 1 for x in (1, 3, 5, 7)]


def layer() -> BatchNorm:
    norm = BatchNorm(1, epsilon=0.5)
    norm.scale[...], norm.bias[...] = jnp.full(1, 2.0), jnp.full(1, 1.0)
    return norm


def test_training_normalizes_by_the_batch_and_moves_the_running_statistics() -> None:
    norm = layer()
    found = norm(IMAGES, jnp.ones(2, bool))
    np.testing.assert_allclose(found.ravel(), NORMALIZED, rtol=1e-6)
    np.testing.assert_allclose(norm.mean[...], [0.9 * 0 + 0.1 * 4], rtol=1e-6)
    np.testing.assert_allclose(norm.var[...], [0.9 * 1 + 0.1 * 20 / 3], rtol=1e-6)


def test_padding_does_not_count() -> None:
    norm, mask = layer(), jnp.asarray([True, False, True, False])
    images = jnp.full((4, 1, 2, 1), 1000.0).at[0::2].set(IMAGES)
    np.testing.assert_allclose(norm(images, mask)[0::2].ravel(), NORMALIZED, rtol=1e-6)
    np.testing.assert_allclose(norm.mean[...], [0.4], rtol=1e-6)
    np.testing.assert_allclose(norm.var[...], [0.9 + 2 / 3], rtol=1e-6)


def test_a_batch_of_padding_alone_is_finite_and_moves_nothing() -> None:
    norm = layer()
    norm.mean[...], norm.var[...] = jnp.full(1, 3.0), jnp.full(1, 15.5)
    assert jnp.isfinite(norm(IMAGES, jnp.zeros(2, bool))).all()
    assert (float(norm.mean[0]), float(norm.var[0])) == (3.0, 15.5)
    graph, variables = nnx.split(norm)

    def total(x: Array) -> Array:
        return nnx.merge(graph, variables, copy=True)(x, jnp.zeros(2, bool)).sum()

    assert jnp.isfinite(jax.grad(total)(IMAGES)).all()


def test_inference_normalizes_by_the_running_statistics() -> None:
    norm = layer()
    norm.mean[...], norm.var[...] = jnp.full(1, 3.0), jnp.full(1, 15.5)
    np.testing.assert_allclose(norm(IMAGES).ravel(), [0.0, 1.0, 2.0, 3.0], atol=1e-6)


def test_a_frozen_layer_takes_its_running_statistics_in_training_and_keeps_them() -> None:
    norm = layer()
    norm.mean[...], norm.var[...], norm.frozen = jnp.full(1, 3.0), jnp.full(1, 15.5), True
    np.testing.assert_allclose(norm(IMAGES, jnp.ones(2, bool)).ravel(), [0.0, 1.0, 2.0, 3.0], atol=1e-6)
    assert (float(norm.mean[0]), float(norm.var[0])) == (3.0, 15.5)


def test_momentum_is_the_batchs_share() -> None:
    norm = BatchNorm(1, momentum=0.01)
    norm(IMAGES, jnp.ones(2, bool))
    np.testing.assert_allclose(norm.mean[...], [0.04], rtol=1e-6)


def test_a_single_value_has_no_sample_variance_and_the_population_s_stands_in() -> None:
    norm = layer()
    norm(jnp.full((1, 1, 1, 1), 7.0), jnp.ones(1, bool))
    np.testing.assert_allclose(norm.var[...], [0.9], rtol=1e-6)


def formula(x: Array, scale: Array, bias: Array, mask: Any, epsilon: float) -> Array:
    """The definition, over the images that count, for JAX to differentiate."""
    counted = x[np.flatnonzero(mask)]
    mean, var = counted.mean((0, 1, 2)), counted.var((0, 1, 2))
    return (x - mean) / jnp.sqrt(var + epsilon) * scale + bias


@pytest.mark.parametrize("mask", [[True] * 4, [True, False, True, True]])
def test_gradients_are_those_of_the_formula(mask: list[bool]) -> None:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((4, 5, 3, 6)) * 2 + 5, jnp.float32)
    upstream = jnp.asarray(rng.standard_normal(x.shape), jnp.float32)  # padding has a gradient here too
    scale, bias = jnp.asarray(rng.standard_normal((2, 6)), jnp.float32)
    graph, variables = nnx.split(BatchNorm(6, epsilon=1e-3))

    def ours(x: Array, scale: Array, bias: Array) -> Array:
        norm = nnx.merge(graph, variables, copy=True)
        norm.scale[...], norm.bias[...] = scale, bias
        return norm(x, jnp.asarray(mask))

    @partial(jax.jit, static_argnums=0)
    def all_of(function: Any) -> tuple[Array, ...]:
        value, gradient = jax.vjp(function, x, scale, bias)
        return value, *gradient(upstream)

    expected = all_of(lambda x, scale, bias: formula(x, scale, bias, mask, 1e-3))
    for one, other in zip(all_of(ours), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * float(jnp.abs(other).max()))


def test_bfloat16_pictures_have_float32_statistics() -> None:
    norm = BatchNorm(2, momentum=1.0)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 32, 32, 2)) + 10, jnp.bfloat16)
    assert norm(x, jnp.ones(4, bool)).dtype == norm(x).dtype == jnp.bfloat16
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(norm.mean[...], exact.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.var[...], exact.var((0, 1, 2), ddof=1), rtol=1e-4)
