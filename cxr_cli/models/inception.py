"""Inception v3 (Szegedy et al. 2016) as torchvision has it; its names for the parts are TensorFlow's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.architecture import Architecture, published
from cxr_cli.models.backbone import Block
from cxr_cli.models.imagenet import ConvNorm, PooledBackbone, Stem
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Dense
from cxr_cli.models.nn.pooling import average_pool, global_average_pool, max_pool
from cxr_cli.models.weights.cards import timm_card
from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier

EPSILON = 1e-3
SMALLEST_IMAGE = 299
"""Height and width in pixels that training needs: below, the auxiliary head's 5x5 convolution has no room."""
AUXILIARY_AFTER = "mixed_6e"
"""The layer whose map [B,h,w,768] the auxiliary head takes too."""


@dataclass(frozen=True)
class InceptionConfig:
    """The shape of an Inception v3.

    Attributes:
        narrower: each of the published channel counts is divided by this, a divisor of 16.
        dropout: share of the embedding that training zeroes before the classifier.
    """

    narrower: int = 1
    dropout: float = 0.5


INCEPTION_V3 = InceptionConfig()


class Unit(ConvNorm):
    """Convolution, batch normalization, ReLU."""

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out], not negative."""
        return nnx.relu(super().__call__(x, mask))


Draw = Callable[..., Unit]
"""Draws a unit for (channels in, channels out, kernel size, stride=, padding=)."""


class InceptionA(nnx.Module):
    """Branches of 1x1, 5x5, two 3x3, and pooling, side by side."""

    def __init__(self, channels_in: int, pooled: int, unit: Draw) -> None:
        """Draw the units; `pooled` is what the pooling branch gives."""
        self.branch1x1 = unit(channels_in, 64, 1)
        self.branch5x5_1 = unit(channels_in, 48, 1)
        self.branch5x5_2 = unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = unit(channels_in, 64, 1)
        self.branch3x3dbl_2 = unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = unit(96, 96, 3, padding=1)
        self.branch_pool = unit(channels_in, pooled, 1)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H,W,224 + pooled]."""
        branches = (
            self.branch1x1(x, mask),
            _chain(x, mask, self.branch5x5_1, self.branch5x5_2),
            _chain(x, mask, self.branch3x3dbl_1, self.branch3x3dbl_2, self.branch3x3dbl_3),
            self.branch_pool(average_pool(x, 3, stride=1, padding=1), mask),
        )
        return jnp.concatenate(branches, -1)


class InceptionB(nnx.Module):
    """Halve the map: 3x3, two 3x3, and max pooling, side by side."""

    def __init__(self, channels_in: int, unit: Draw) -> None:
        """Draw the units."""
        self.branch3x3 = unit(channels_in, 384, 3, stride=2, padding=0)
        self.branch3x3dbl_1 = unit(channels_in, 64, 1)
        self.branch3x3dbl_2 = unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = unit(96, 96, 3, stride=2, padding=0)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,(H-1)//2,(W-1)//2,480 + channels_in]."""
        branches = (
            self.branch3x3(x, mask),
            _chain(x, mask, self.branch3x3dbl_1, self.branch3x3dbl_2, self.branch3x3dbl_3),
            max_pool(x, 3, stride=2),
        )
        return jnp.concatenate(branches, -1)


class InceptionC(nnx.Module):
    """1x1, 7x7 in two strips, two 7x7 in four strips, and pooling, side by side."""

    def __init__(self, channels_in: int, channels: int, unit: Draw) -> None:
        """Draw the units; `channels` are those within the 7x7 branches."""
        self.branch1x1 = unit(channels_in, 192, 1)
        self.branch7x7_1 = unit(channels_in, channels, 1)
        self.branch7x7_2 = unit(channels, channels, (1, 7), padding=(0, 3))
        self.branch7x7_3 = unit(channels, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = unit(channels_in, channels, 1)
        self.branch7x7dbl_2 = unit(channels, channels, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = unit(channels, channels, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = unit(channels, channels, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = unit(channels, 192, (1, 7), padding=(0, 3))
        self.branch_pool = unit(channels_in, 192, 1)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H,W,768]."""
        branches = (
            self.branch1x1(x, mask),
            _chain(x, mask, self.branch7x7_1, self.branch7x7_2, self.branch7x7_3),
            _chain(
                x,
                mask,
                self.branch7x7dbl_1,
                self.branch7x7dbl_2,
                self.branch7x7dbl_3,
                self.branch7x7dbl_4,
                self.branch7x7dbl_5,
            ),
            self.branch_pool(average_pool(x, 3, stride=1, padding=1), mask),
        )
        return jnp.concatenate(branches, -1)


class InceptionD(nnx.Module):
    """Halve the map: 3x3, 7x7 in two strips before 3x3, and max pooling, side by side."""

    def __init__(self, channels_in: int, unit: Draw) -> None:
        """Draw the units."""
        self.branch3x3_1 = unit(channels_in, 192, 1)
        self.branch3x3_2 = unit(192, 320, 3, stride=2, padding=0)
        self.branch7x7x3_1 = unit(channels_in, 192, 1)
        self.branch7x7x3_2 = unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = unit(192, 192, 3, stride=2, padding=0)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,(H-1)//2,(W-1)//2,512 + channels_in]."""
        branches = (
            _chain(x, mask, self.branch3x3_1, self.branch3x3_2),
            _chain(x, mask, self.branch7x7x3_1, self.branch7x7x3_2, self.branch7x7x3_3, self.branch7x7x3_4),
            max_pool(x, 3, stride=2),
        )
        return jnp.concatenate(branches, -1)


class InceptionE(nnx.Module):
    """1x1, two branches that end in a row and a column of 3 beside each other, and pooling, side by side."""

    def __init__(self, channels_in: int, unit: Draw) -> None:
        """Draw the units."""
        self.branch1x1 = unit(channels_in, 320, 1)
        self.branch3x3_1 = unit(channels_in, 384, 1)
        self.branch3x3_2a = unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = unit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = unit(channels_in, 448, 1)
        self.branch3x3dbl_2 = unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = unit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = unit(channels_in, 192, 1)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H,W,2048]."""
        single = self.branch3x3_1(x, mask)
        double = _chain(x, mask, self.branch3x3dbl_1, self.branch3x3dbl_2)
        branches = (
            self.branch1x1(x, mask),
            self.branch3x3_2a(single, mask),
            self.branch3x3_2b(single, mask),
            self.branch3x3dbl_3a(double, mask),
            self.branch3x3dbl_3b(double, mask),
            self.branch_pool(average_pool(x, 3, stride=1, padding=1), mask),
        )
        return jnp.concatenate(branches, -1)


def _chain(x: Array, mask: Array | None, *parts: Block) -> Array:
    for part in parts:
        x = part(x, mask)
    return x


class AuxiliaryHead(nnx.Module):
    """A classifier on the map of 17x17, for training alone."""

    def __init__(self, channels_in: int, unit: Draw, classifier: Dense) -> None:
        """Draw the units before the dense layer."""
        self.conv0 = unit(channels_in, 128, 1)
        self.conv1 = unit(128, 768, 5, padding=0)
        self.classifier = classifier

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,17,17,channels_in], or a larger map, to logits [B,classes]."""
        x = _chain(average_pool(x, 5, stride=3), mask, self.conv0, self.conv1)
        return self.classifier(global_average_pool(x))


class InceptionV3(PooledBackbone):
    """Inception v3 for gray images of 75 pixels or more, in training 299 or more.

    `features` gives the last feature map, 8x8 for images of 299 pixels, `head` the logits, and
    `training_logits` those of the auxiliary head too, whose loss the paper weighs 0.3 and torchvision 0.4.
    """

    STAGES = (
        ("stem",),
        ("conv_2a", "conv_2b"),
        ("conv_3b", "conv_4a"),
        ("mixed_5b", "mixed_5c", "mixed_5d"),
        ("mixed_6a", "mixed_6b", "mixed_6c", "mixed_6d", "mixed_6e"),
        ("mixed_7a", "mixed_7b", "mixed_7c"),
        ("classifier", "auxiliary"),
    )

    def __init__(
        self,
        config: InceptionConfig,
        classes: int | None,
        *,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the parameters; classes=None: no classifier, no auxiliary head and no logits."""

        def unit(channels_in: int, channels_out: int, kernel_size: int | tuple[int, int], **how: Any) -> Unit:
            inner, outer = channels_in // config.narrower, channels_out // config.narrower
            return Unit(inner, outer, kernel_size, epsilon=EPSILON, lowering=lowering, rng=rng, **how)

        self.stem = Stem(
            32 // config.narrower, 3, stride=2, padding=0, epsilon=EPSILON, lowering=lowering, rng=rng
        )
        self.conv_2a = unit(32, 32, 3, padding=0)
        self.conv_2b = unit(32, 64, 3, padding=1)
        self.conv_3b = unit(64, 80, 1)
        self.conv_4a = unit(80, 192, 3, padding=0)
        self.mixed_5b = InceptionA(192, 32, unit)
        self.mixed_5c = InceptionA(256, 64, unit)
        self.mixed_5d = InceptionA(288, 64, unit)
        self.mixed_6a = InceptionB(288, unit)
        self.mixed_6b = InceptionC(768, 128, unit)
        self.mixed_6c = InceptionC(768, 160, unit)
        self.mixed_6d = InceptionC(768, 160, unit)
        self.mixed_6e = InceptionC(768, 192, unit)
        self.mixed_7a = InceptionD(768, unit)
        self.mixed_7b = InceptionE(1280, unit)
        self.mixed_7c = InceptionE(2048, unit)
        self.embedding_size = 2048 // config.narrower
        self.dropout = config.dropout
        self.classifier = None if classes is None else Dense(self.embedding_size, classes, rng=rng)
        self.auxiliary = (
            None
            if classes is None
            else AuxiliaryHead(768, unit, Dense(768 // config.narrower, classes, rng=rng))
        )

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return the parts in their order, from images [B,H,W,1] to [B,h,w,2048], h about H / 32 - 1."""

        def halve(x: Array, _: Array | None) -> Array:
            return max_pool(x, 3, stride=2)

        return {
            "stem": (lambda x, mask: nnx.relu(self.stem(x, mask)),),
            "conv_2a": (self.conv_2a,),
            "conv_2b": (self.conv_2b,),
            "conv_3b": (halve, self.conv_3b),
            "conv_4a": (self.conv_4a,),
            "mixed_5b": (halve, self.mixed_5b),
            "mixed_5c": (self.mixed_5c,),
            "mixed_5d": (self.mixed_5d,),
            "mixed_6a": (self.mixed_6a,),
            "mixed_6b": (self.mixed_6b,),
            "mixed_6c": (self.mixed_6c,),
            "mixed_6d": (self.mixed_6d,),
            "mixed_6e": (self.mixed_6e,),
            "mixed_7a": (self.mixed_7a,),
            "mixed_7b": (self.mixed_7b,),
            "mixed_7c": (self.mixed_7c,),
        }

    def training_logits(self, x: Array, mask: Array, keys: Array) -> tuple[Array, ...]:
        """Map images x [B,H,W,1] to the logits [B,classes] of the head and of the auxiliary head."""
        if self.auxiliary is None:
            return super().training_logits(x, mask, keys)
        middle = self.features(x, mask, until=AUXILIARY_AFTER)
        last = self.features(middle, mask, after=AUXILIARY_AFTER)
        return self.head(last, keys), self.auxiliary(middle, mask)


def _unit_rules(pattern: str, target: str) -> tuple[Rule, ...]:
    """Rules of a convolution and its batch normalization."""
    return (
        Rule(rf"{pattern}\.conv\.weight", f"{target}.conv.kernel", "kernel"),
        *batch_norm(rf"{pattern}\.bn", f"{target}.norm"),
    )


INCEPTION = Naming(
    rules=(
        Rule(r"Conv2d_1a_3x3\.conv\.weight", "stem.conv", "stem"),
        *batch_norm(r"Conv2d_1a_3x3\.bn", "stem.norm"),
        *_unit_rules(r"Conv2d_(2a|2b|4a)_3x3", r"conv_\1"),
        *_unit_rules(r"Conv2d_(3b)_1x1", r"conv_\1"),
        *_unit_rules(r"Mixed_(\d[a-e])\.(\w+)", r"mixed_\1.\2"),
        *_unit_rules(r"AuxLogits\.(conv\d)", r"auxiliary.\1"),
        *classifier(r"AuxLogits\.fc", "auxiliary.classifier"),
        *classifier("fc", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
    optional=("auxiliary",),
)


ARCHITECTURES = (
    Architecture(
        name="inception_v3",
        build=published(InceptionV3, INCEPTION_V3),
        smallest_image=SMALLEST_IMAGE,
        namings=(INCEPTION,),
        cards=(
            timm_card(
                "inception_v3.tv_in1k",
                "inception_v3",
                108_950_000,
                "Conv2d_1a_3x3.conv",
                input_size=299,
                mean=(0.5,) * 3,
                std=(0.5,) * 3,
            ),
        ),
    ),
)
