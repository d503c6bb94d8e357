"""The first five stages of EfficientNet-Lites, one or several side by side, for few images.

On chest images these maps carry more information than the last ones (see docs/benchmarks.md), and what
follows them has most of the parameters.
"""

from collections.abc import Sequence
from itertools import accumulate

import jax.numpy as jnp
from flax import nnx
from jax import Array
from jax.nn import relu6
from numpy.random import Generator

from cxr_cli.models.architecture import Architecture, published
from cxr_cli.models.backbone import Block
from cxr_cli.models.efficientnet import LITE0, LITE1, LITE2, EfficientNetConfig, make_stages, make_stem
from cxr_cli.models.imagenet import PooledBackbone
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Dense
from cxr_cli.models.nn.normalization import Standardize
from cxr_cli.models.nn.pooling import global_average_pool, zone_average_pool

ZONES = (3, 2)
"""Rows and columns: upper, middle and lower zone of either side, as radiologists score images."""
STEM = "stem"
LAYERS = (STEM, "stage1", "stage2", "stage3", "stage4", "stage5")


class Middle(nnx.Module):
    """Stem and first five stages of one network."""

    def __init__(self, config: EfficientNetConfig, *, lowering: Lowering, rng: Generator | None) -> None:
        """Draw the parameters."""
        self.stem = make_stem(config, lowering=lowering, rng=rng)
        self.stages = make_stages(config, 5, lowering=lowering, rng=rng)
        first_three, fourth, fifth = config.channels[:3], config.channels[3], config.channels[4]
        self.channels = (config.stem, *first_three, fourth, fourth + fifth)

    def layer(self, number: int, x: Array, mask: Array | None) -> Array:
        """Apply a layer of LAYERS, by number; the last joins the fourth stage's map to the fifth's."""
        if number == 0:
            return relu6(self.stem(x, mask))
        out = x
        for block in self.stages[number - 1]:
            out = block(out, mask)
        return out if number < 5 else jnp.concatenate([x, out], axis=-1)


class MidEfficientNet(PooledBackbone):
    """The first five stages of one or several networks, which share the images and the classifier.

    A layer's map is the networks' maps, concatenated along channels; the last one has 1/16 of the
    image's size. An image's vector is each channel's mean, maximum and means over the lungs' six zones,
    standardized by what `training.probe` sees, for their scales differ a hundredfold.
    """

    def __init__(
        self,
        configs: Sequence[EfficientNetConfig],
        classes: int | None,
        *,
        lowering: Lowering,
        rng: Generator | None,
    ) -> None:
        """Draw the parameters; classes=None: no classifier and no logits."""
        self.networks = nnx.List(Middle(config, lowering=lowering, rng=rng) for config in configs)
        self.dropout = max(config.dropout for config in configs)
        channels = sum(network.channels[-1] for network in self.networks)
        self.embedding_size = (2 + ZONES[0] * ZONES[1]) * channels
        self.standardize = Standardize(self.embedding_size)
        self.classifier = None if classes is None else Dense(self.embedding_size, classes, rng=rng)
        networks = [f"networks.{number}" for number in range(len(configs))]
        parts = (STEM, *(f"stages.{number}" for number in range(5)))
        self.STAGES = (
            *(tuple(f"{network}.{part}" for network in networks) for part in parts),
            ("classifier",),
        )

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return stem and stages, from images [B,H,W,1] to [B,H/16,W/16,C], sizes rounded up."""
        return {name: (self._side_by_side(number),) for number, name in enumerate(LAYERS)}

    def _side_by_side(self, number: int) -> Block:
        """Return the block that takes each network's part of a map through its layer; images go to all."""

        def block(x: Array, mask: Array | None) -> Array:
            parts = [x] * len(self.networks)
            if number > 0:
                ends = list(accumulate(network.channels[number - 1] for network in self.networks))
                parts = jnp.split(x, ends[:-1], axis=-1)
            maps = [
                network.layer(number, part, mask) for network, part in zip(self.networks, parts, strict=True)
            ]
            return jnp.concatenate(maps, axis=-1)

        return block

    def embedding(self, features: Array, keys: Array | None = None) -> Array:  # noqa: ARG002 - no dropout here
        """Map the last feature map [B,h,w,C] to means, maxima and the zones' means [B,8C], standardized."""
        pooled = (
            global_average_pool(features),
            jnp.max(features, (1, 2)),
            *zone_average_pool(features, *ZONES),
        )
        return self.standardize(jnp.concatenate(pooled, axis=-1))


ARCHITECTURES = tuple(
    Architecture(name=name, build=published(MidEfficientNet, configs), parts=parts)
    for name, configs, parts in (
        ("efficientnet_lite0_mid", (LITE0,), ("efficientnet_lite0",)),
        ("efficientnet_lite2_mid", (LITE2,), ("efficientnet_lite2",)),
        (
            "efficientnet_lites_mid",
            (LITE0, LITE1, LITE2),
            ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
        ),
    )
)
