"""Losses: one float32 value a row, from logits."""

import jax
import jax.numpy as jnp
import optax
from jax import Array


def softmax_cross_entropy(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
    """Cross entropy of the softmax, in nats.

    Args:
        logits: float [B, C].
        labels: int [B], 0 ... C-1.
        smoothing: share of a label that is spread evenly over all classes (Szegedy et al. 2016, section 7).

    Returns:
        float32 [B], not negative.
    """
    exact = logits.astype(jnp.float32)
    if smoothing == 0.0:
        losses: Array = optax.softmax_cross_entropy_with_integer_labels(exact, labels)
        return losses
    targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
    smoothed: Array = optax.softmax_cross_entropy(exact, targets)
    return smoothed


def binary_cross_entropy(logits: Array, targets: Array) -> Array:
    """Cross entropy of the sigmoid, in nats, stable for any logit ("Siamesifying the COVID-Net", eq. 3).

    Args:
        logits: float [...].
        targets: float or bool [...], 1 where the event named by a positive logit is true.

    Returns:
        float32 [...], not negative.
    """
    losses: Array = optax.sigmoid_binary_cross_entropy(
        logits.astype(jnp.float32), targets.astype(jnp.float32)
    )
    return losses
