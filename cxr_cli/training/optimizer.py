"""Optimizers of the recipes."""

import optax


def adam(lr: float) -> optax.GradientTransformation:
    """Adam with the defaults of Kingma & Ba 2014 (beta 0.9 and 0.999), epsilon 1e-7 as in Keras, which the paper used."""
    return optax.adam(lr, b1=0.9, b2=0.999, eps=1e-7)
