"""Methods that combine a feature map and the gradient of a score into a saliency map, as in their papers.

A[b,i,j,k] is the feature map and g = dS/dA the gradient of the explained score S, a logit, not a probability.
Each method returns the positive part of a weighted sum over the channels k, float32 [B,h,w]: the evidence
for the score, in the unit of the score.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from cxr_cli.explain.choices import Method

Combine = Callable[[Array, Array], Array]
"""Maps (feature map [B,h,w,C], gradient [B,h,w,C]), float32, to maps [B,h,w], not negative."""


def gradcam(features: Array, gradients: Array) -> Array:
    """relu(sum_k w_k A_k), w_k = mean over i,j of g_k.

    Source: Selvaraju et al. 2017, "Grad-CAM", eq. 1 and 2.
    """
    weights = jnp.mean(gradients, (1, 2), keepdims=True)
    return jnp.maximum(jnp.sum(weights * features, -1), 0)


def gradcam_plus_plus(features: Array, gradients: Array) -> Array:
    """relu(sum_k w_k A_k), w_k = sum over i,j of alpha_k relu(g_k), alpha_k = 1 / (2 + g_k sum of A_k).

    Source: Chattopadhay et al. 2018, "Grad-CAM++", eq. 19, where the derivatives are those of exp(S), the
    second g^2 exp(S) and the third g^3 exp(S), as in the authors' code and in pytorch-grad-cam: alpha =
    g^2 / (2 g^2 + g^3 sum A). Divided by g^2 it needs no epsilon; pytorch-grad-cam adds 1e-6 to the
    denominator, which exceeds g^2 for a layer followed by a mean over the map. The paper's feature maps are
    outputs of a ReLU; of others the positive part is summed, which keeps alpha between 0 and 1/2.
    """
    positive = jnp.maximum(gradients, 0)
    activation = jnp.sum(jnp.maximum(features, 0), (1, 2), keepdims=True)
    weights = jnp.sum(positive / (2 + positive * activation), (1, 2), keepdims=True)
    return jnp.maximum(jnp.sum(weights * features, -1), 0)


def hirescam(features: Array, gradients: Array) -> Array:
    """relu(sum_k g_k A_k), position by position.

    Source: Draelos & Carin 2020, "Use HiResCAM instead of Grad-CAM", eq. 4; the ReLU as in Grad-CAM.
    """
    return jnp.maximum(jnp.sum(gradients * features, -1), 0)


def layercam(features: Array, gradients: Array) -> Array:
    """relu(sum_k relu(g_k) A_k), position by position.

    Source: Jiang et al. 2021, "LayerCAM", eq. 5 to 7.
    """
    return jnp.maximum(jnp.sum(jnp.maximum(gradients, 0) * features, -1), 0)


METHODS: dict[Method, Combine] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "hirescam": hirescam,
    "layercam": layercam,
}
