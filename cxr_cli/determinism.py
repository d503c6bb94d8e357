"""The same bits on a GPU: XLA's flag for it. A CPU computes so in any case."""

import os
from collections.abc import Mapping, MutableMapping

FLAGS = "XLA_FLAGS"
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
"""No sums in an order that changes, and no choice of kernels by measuring them."""


def require_determinism(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let XLA compute the same bits in every run; to be called before JAX is imported.

    What has no such kernel ends with an error of XLA. Other flags of the user stay.

    Args:
        environment: variables of this process.
    """
    environment[FLAGS] = f"{environment.get(FLAGS, '')} {DETERMINISTIC}".lstrip()


def is_required(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether XLA was asked to, by `require_determinism` or by the user."""
    return DETERMINISTIC in environment.get(FLAGS, "").split()
