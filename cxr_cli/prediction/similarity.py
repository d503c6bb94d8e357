"""Differences of feature vectors by a siamese model's head; no image goes through its backbone again."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.models.network import Network, Variables

Differences = Callable[[Variables, NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Maps (variables, x [N, M or 1, E], y [N or 1, M, E]) to the logits of "different" [N, M]."""

NUMBERS_AT_A_TIME = 2**26
"""Size of |x - y|, which bounds its memory to 256 MiB."""


def differences_function(network: Network, numbers_at_a_time: int = NUMBERS_AT_A_TIME) -> Differences:
    """Make the function that compares vectors by a siamese model's weighted distance, in float32."""

    @jax.jit
    def block(variables: Variables, x: Array, y: Array) -> Array:
        difference: Array = network.bind(variables).difference(x, y)
        return difference

    def differences(
        variables: Variables, x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        parts = []
        rows_at_a_time = max(1, numbers_at_a_time // (y.shape[-2] * y.shape[-1]))
        for start in range(0, len(x), rows_at_a_time):
            rows = slice(start, start + rows_at_a_time)
            parts.append(block(variables, jnp.asarray(x[rows]), jnp.asarray(y[rows] if len(y) > 1 else y)))
        return np.concatenate([np.asarray(part) for part in parts])

    return differences
