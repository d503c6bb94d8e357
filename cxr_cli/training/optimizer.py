"""Optimizers of the recipes."""

import optax


def adam(lr: float) -> optax.GradientTransformation:
    """Adam (Kingma & Ba 2014) with epsilon 1e-7, Keras' default, which the paper used."""
    return optax.adam(lr, b1=0.9, b2=0.999, eps=1e-7)
