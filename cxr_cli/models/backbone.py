"""What every architecture offers, so that heads, training and inference take any."""

from abc import abstractmethod
from typing import ClassVar

from flax import nnx
from jax import Array


class Backbone(nnx.Module):
    """From films to logits in three parts.

    A mask means training: batch statistics are those of the films that count, and the running ones move.
    Keys, one a film [B], mean training too: dropout draws from them.

    Attributes:
        STAGES: the modules with parameters, from the film to the logits, as dotted paths, those of one depth
            together: what --freeze counts and --layer-decay goes down. The last holds the classifier.
        embedding_size: length E of a film's vector.
    """

    STAGES: ClassVar[tuple[tuple[str, ...], ...]]
    embedding_size: int

    @abstractmethod
    def features(self, x: Array, mask: Array | None = None) -> Array:
        """Map films [B,H,W,1] to the last feature map [B,h,w,C]; mask bool [B] in training."""

    @abstractmethod
    def embedding(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to one vector a film [B,E]."""

    @abstractmethod
    def head(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]."""

    def training_logits(self, x: Array, mask: Array, keys: Array) -> tuple[Array, ...]:
        """Map films to the logits [B,classes] of the head, and of auxiliary heads where a net has them."""
        return (self.head(self.features(x, mask), keys),)
