"""Compute a block of a network again in the backward pass, so that only its input is kept between the passes.

`jax.checkpoint` says the same, but on a CPU it saves nothing: XLA drops the barriers that it sets there, and
runs all second passes before the backward pass. Here a second pass waits for the block's cotangent, because
its input depends on it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array

Pure = Callable[..., tuple[Array, Any]]
"""Maps (statistics, x [B,H,W,C], arrays it was closed over) to (map [B,h,w,D], new statistics)."""


def rematerialized(block: Pure, statistics: Any, x: Array) -> tuple[Array, Any]:
    """Return `block(statistics, x)`, differentiated in x and in all that `block` is closed over.

    Statistics pass no gradient on, and those of the second pass are dropped.
    """
    pure, learned = jax.closure_convert(block, statistics, x)
    out: tuple[Array, Any] = _run_twice(pure, statistics, x, *learned)
    return out


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run_twice(pure: Pure, statistics: Any, x: Array, *learned: Array) -> tuple[Array, Any]:
    return pure(statistics, x, *learned)


_Saved = tuple[Any, Array, tuple[Array, ...]]


def _first_pass(pure: Pure, statistics: Any, x: Array, *learned: Array) -> tuple[tuple[Array, Any], _Saved]:
    return pure(statistics, x, *learned), (statistics, x, learned)


def _second_pass(pure: Pure, saved: _Saved, cotangents: tuple[Array, Any]) -> tuple[Any, ...]:
    statistics, x, learned = saved
    upstream = cotangents[0]
    # Nothing is added, but by a number that there is only once the blocks behind have had their turn.
    x = x + 0 * upstream[0, 0, 0, 0].astype(x.dtype)
    _, backward = jax.vjp(lambda x, learned: pure(statistics, x, *learned)[0], x, learned)
    by_x, by_learned = backward(upstream)
    return None, by_x, *by_learned


_run_twice.defvjp(_first_pass, _second_pass)
