"""What every architecture offers, so that heads, training and inference take any."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from flax import nnx
from jax import Array

from cxr_cli.models.nn.rematerialize import rematerialized

Block = Callable[[Array, Array | None], Array]
"""Maps (feature map [B,H,W,C], mask or None) to the next feature map [B,h,w,D]."""

Statistics = nnx.State[Any, Any]
"""The running statistics of a network's batch normalizations."""


class Backbone(nnx.Module):
    """From images to logits in three parts.

    A mask means training: batch statistics are those of the images that count, and the running ones move.
    Keys, one an image [B], mean training too: dropout draws from them.

    Attributes:
        STAGES: the modules with parameters, from the image to the logits, as dotted paths, those of one depth
            together: what --freeze counts and --layer-decay goes down. The last holds the classifier.
        embedding_size: length E of an image's vector.
        rematerialize: the backward pass computes what lies within a block again, so that between the passes
            only the maps between blocks are kept.
    """

    STAGES: tuple[tuple[str, ...], ...]
    embedding_size: int
    rematerialize = False

    @abstractmethod
    def layers(self) -> Mapping[str, tuple[Block, ...]]:
        """Return the way from images to the last feature map: layers by name, in order, each of blocks.

        A layer begins with the pooling before it, so that its map is as fine as it can be.
        """

    def features(
        self, x: Array, mask: Array | None = None, *, after: str | None = None, until: str | None = None
    ) -> Array:
        """Map images [B,H,W,1] to the last feature map [B,h,w,C]; or go a part of that way.

        Args:
            x: images, or the map of the layer `after`.
            mask: bool [B] in training.
            after: the layer whose map x is; None for images.
            until: the layer whose map is wanted; None for the last.
        """
        layers = self.layers()
        names = list(layers)
        start = 0 if after is None else names.index(after) + 1
        stop = len(names) if until is None else names.index(until) + 1
        for name in names[start:stop]:
            for number, block in enumerate(layers[name]):
                x = self._again(name, number, x, mask) if self.rematerialize else block(x, mask)
        return x

    def _again(self, name: str, number: int, x: Array, mask: Array | None) -> Array:
        """Apply a block as `rematerialize` says; running statistics move once."""
        block = self.block_alone(name, number, mask)
        x, moved = rematerialized(block, nnx.state(self, nnx.BatchStat), x)
        nnx.update(self, moved)
        return x

    def block_alone(
        self, name: str, number: int, mask: Array | None
    ) -> Callable[[Statistics, Array], tuple[Array, Statistics]]:
        """Return a block of a layer as a pure function from (running statistics, map) to (map, statistics).

        Args:
            name: the layer's.
            number: of the block in its layer.
            mask: bool [B] in training.
        """
        graph, others = nnx.graphdef(self), nnx.state(self, nnx.Not(nnx.BatchStat))

        def apply(statistics: Statistics, x: Array) -> tuple[Array, Statistics]:
            backbone = nnx.merge(graph, statistics, others, copy=True)
            x = backbone.layers()[name][number](x, mask)
            return x, nnx.state(backbone, nnx.BatchStat)

        return apply

    @abstractmethod
    def embedding(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to one vector an image [B,E]."""

    @abstractmethod
    def head(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]."""

    def training_logits(self, x: Array, mask: Array, keys: Array) -> tuple[Array, ...]:
        """Map images to the logits [B,classes] of the head, and of auxiliary heads where there are any."""
        return (self.head(self.features(x, mask), keys),)
