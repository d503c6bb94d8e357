"""What every architecture offers, so that heads, training and inference take any."""

from typing import Protocol

from jax import Array


class Backbone(Protocol):
    """What every architecture offers; shapes as in `CovidNet`."""

    embedding_size: int

    def features(self, x: Array) -> Array:
        """Map films [B,H,W,1] to the last feature map [B,h,w,C]."""

    def embedding(self, features: Array, key: Array | None = None) -> Array:
        """Map the last feature map to one vector a film [B,E]."""

    def head(self, features: Array, key: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]."""
