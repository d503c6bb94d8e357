"""Sums by channel, as they are on a CPU, against NumPy's in float64 and against JAX's own derivatives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array

from cxr_cli.models.nn.channels import add_bias, channel_sums, folded_sums, scale_and_shift

jitted_sums = jax.jit(channel_sums, static_argnums=0)


def normal(seed: int, *shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_sums_are_those_of_numpy_whatever_the_shape(
    images: int, height: int, width: int, channels: int
) -> None:
    x, shares = normal(0, images, height, width, channels), normal(1, images, height, width, 1)
    found = jitted_sums(lambda x, share: jnp.square(x - 1) * share, x, shares)
    terms = np.square(np.asarray(x, np.float64) - 1) * np.asarray(shares, np.float64)
    np.testing.assert_allclose(found, terms.sum((0, 1, 2)), rtol=0, atol=1e-6 * np.abs(terms).sum())


@pytest.mark.parametrize("rows", [1, 7, 16, 17, 28, 149])
def test_parts_and_their_rest_are_each_row_once(rows: int) -> None:
    x = jnp.arange(rows * 12.0).reshape(2, rows, 3, 2)
    np.testing.assert_array_equal(jax.jit(partial(folded_sums, jnp.positive))(x), x.sum((0, 1, 2)))


def test_a_million_equal_values_add_up() -> None:
    """Added one after the other in float32, they would be 1.6e-4 off."""
    x = jnp.full((16, 256, 256, 1), 0.1)
    np.testing.assert_allclose(
        channel_sums(lambda x: x, x), [16 * 256 * 256 * np.float64(x[0, 0, 0, 0])], 2e-6
    )


def gradients(function: Callable[..., Array], *arguments: Any) -> tuple[Array, ...]:
    value, gradient = jax.vjp(function, *arguments)
    return value, *gradient(normal(9, *value.shape).astype(value.dtype))


@pytest.mark.parametrize(
    ("ours", "formula", "vectors"),
    [(add_bias, lambda x, bias: x + bias, 1), (scale_and_shift, lambda x, a, b: x * a + b, 2)],
)
def test_derivatives_are_those_of_the_formula(
    ours: Callable[..., Array], formula: Callable[..., Array], vectors: int
) -> None:
    arguments = (normal(0, 3, 7, 5, 4), *normal(1, vectors, 4))
    for one, other in zip(
        jax.jit(partial(gradients, ours))(*arguments), gradients(formula, *arguments), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * float(jnp.abs(other).max()))


def test_types_stay_and_sums_of_bfloat16_are_exact_to_float32() -> None:
    x, bias = jnp.ones((4, 16, 16, 2), jnp.bfloat16), jnp.zeros(2, jnp.bfloat16)
    _, by_x, by_bias = jax.eval_shape(partial(gradients, add_bias), x, bias)
    assert (by_x.dtype, by_bias.dtype) == (jnp.bfloat16, jnp.bfloat16)
    vectors = jnp.ones((2, 2), jnp.float32)
    assert [each.dtype for each in jax.eval_shape(partial(gradients, scale_and_shift), x, *vectors)] == [
        jnp.bfloat16,
        jnp.bfloat16,
        jnp.float32,
        jnp.float32,
    ]
    # 1024 ones in bfloat16, one after the other, stop at 256.
    assert jitted_sums(lambda x: x.astype(jnp.float32), x).tolist() == [1024.0, 1024.0]


def test_a_gpu_sums_as_it_does() -> None:
    """The CPU's way is in no program for another platform."""
    x, bias = jax.ShapeDtypeStruct((4, 32, 32, 8), jnp.float32), jax.ShapeDtypeStruct((8,), jnp.float32)

    def program(platform: str) -> str:
        traced = jax.jit(lambda x, bias: gradients(add_bias, x, bias)[2] + channel_sums(jnp.abs, x)).trace(
            x, bias
        )
        return str(traced.lower(lowering_platforms=(platform,)).as_text())

    assert "dot_general" in program("cpu")
    assert "slice" in program("cpu")
    assert not any(word in program("cuda") for word in ("dot_general", "slice"))
