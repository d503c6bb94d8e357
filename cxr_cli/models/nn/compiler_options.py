"""XLA's options for the programs that run networks."""

from functools import cache

import jax

OWN_KERNELS = {"xla_cpu_experimental_ynn_fusion_type": ""}
"""Convolutions, products and sums are computed by XLA's CPU backend, not by a kernel library (YNNPACK)."""


@cache
def compiler_options() -> dict[str, str] | None:
    """Return what `jax.jit` is to compile the outermost function of a program with, on the default device.

    Without that library the derivatives of convolutions by their kernels are 1.3 to 6 times as fast, most of
    the rest somewhat faster, and products as fast. Sums over rows would be far slower: `channels` has them.

    Returns:
        None, for XLA's own, where the device is no CPU or its XLA has no such option.
    """
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=OWN_KERNELS).lower().compile()
    except jax.errors.JaxRuntimeError:
        return None
    return OWN_KERNELS
