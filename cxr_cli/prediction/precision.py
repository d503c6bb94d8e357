"""The precision of a run's arithmetic. Parameters, losses and scores stay float32."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from cxr_cli.runs.settings import Precision

# How matrix products treat float32 on a GPU; on a CPU they are exact either way.
MATMUL_PRECISION = {"float32": "float32", "tf32": "tensorfloat32", "bfloat16": "default"}


def resolve_precision(precision: Precision) -> Precision:
    """Return the precision that suits the default device for "auto"; another stays."""
    if precision != "auto":
        return precision
    return "float32" if jax.default_backend() == "cpu" else "bfloat16"


def matmul_precision(precision: str) -> Any:
    """Return the context in which a function of this precision is traced."""
    return jax.default_matmul_precision(MATMUL_PRECISION[precision])


def to_compute_type(tree: Any, precision: str) -> Any:
    """Cast the float32 arrays of a tree to the type that layers compute in; gradients pass through."""
    if precision != "bfloat16":
        return tree

    def cast(leaf: Array) -> Array:
        return leaf.astype(jnp.bfloat16) if leaf.dtype == jnp.float32 else leaf

    return jax.tree.map(cast, tree)
