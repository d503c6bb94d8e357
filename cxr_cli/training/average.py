"""The average of a model over its training steps, which does better than the last step's model."""

import jax
import jax.numpy as jnp
from jax import Array

from cxr_cli.models.network import Variables


def moving_average(average: Variables, variables: Variables, share: float, steps: Array) -> Variables:
    """Move an average of parameters and batch statistics towards a step's.

    Not optax.ema, which corrects for a beginning at zero instead of weighing the first steps more.

    Args:
        average: so far.
        variables: after this step.
        share: that the average keeps of itself, 0 ... 1; less in the first steps, (1 + n) / (10 + n) after
            n, so that the initial model is forgotten soon (as TensorFlow's ExponentialMovingAverage does).
        steps: int32 [], steps done before this one.
    """
    kept = jnp.minimum(share, (1.0 + steps) / (10.0 + steps))

    def move(before: Array, now: Array) -> Array:
        moved: Array = before + (1.0 - kept) * (now - before)
        return moved

    moved: Variables = jax.tree.map(move, average, variables)
    return moved
