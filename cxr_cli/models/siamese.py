"""The siamese head: one backbone applied to two images, and a weighted distance of their vectors."""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.backbone import Backbone
from cxr_cli.models.nn.layers import glorot_uniform


class Siamese(nnx.Module):
    """Compare images by their backbone's vectors x and y: logit of "different" = sum(alpha |x - y|) + bias.

    Source: "Siamesifying the COVID-Net", eq. 1 and section 2.3; the probability of "same class" is
    sigmoid(-logit). The distance is symmetric to the last bit, since |x - y| is.
    """

    def __init__(self, backbone: Backbone, *, rng: np.random.Generator | None) -> None:
        """Put the head over a backbone, which is one module, never copied."""
        self.backbone = backbone
        # Not negative: more distance means more different from the first step on.
        self.alpha = nnx.Param(jnp.abs(glorot_uniform(rng, (backbone.embedding_size, 1))[:, 0]))
        self.bias = nnx.Param(jnp.zeros(()))
        below = tuple(tuple(f"backbone.{part}" for part in stage) for stage in backbone.STAGES[:-1])
        self.STAGES = (*below, ("alpha", "bias"))

    def embed(self, images: Array, mask: Array | None = None) -> Array:
        """Map images [B,H,W,1] to vectors [B,E]; mask bool [B] in training."""
        return self.backbone.embedding(self.backbone.features(images, mask))

    def difference(self, x: Array, y: Array) -> Array:
        """Return the logits of "different" for vectors x and y [...,E] that broadcast, shape [...]."""
        return jnp.abs(x - y) @ self.alpha[...] + self.bias[...]

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the logits of "different" [B] for two batches of images [B,H,W,1]."""
        return self.difference(self.embed(first), self.embed(second))
