"""Losses: one float32 value a row, from logits."""

import jax.numpy as jnp
import optax
from jax import Array


def softmax_cross_entropy(logits: Array, labels: Array) -> Array:
    """Cross entropy of the softmax, in nats.

    Args:
        logits: float [B, C].
        labels: int [B], 0 ... C-1.

    Returns:
        float32 [B], not negative.
    """
    losses: Array = optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), labels)
    return losses


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


def masked_mean(values: Array, weights: Array) -> Array:
    """Mean of values [...] weighted by weights [...]; padded rows have weight 0."""
    return jnp.sum(values * weights) / jnp.sum(weights)
