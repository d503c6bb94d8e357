"""ResNet (He et al. 2016) and ResNeXt (Xie et al. 2017) with bottlenecks, as torchvision has them."""

from dataclasses import dataclass

import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.architecture import Architecture, published
from cxr_cli.models.backbone import Block
from cxr_cli.models.imagenet import ConvNorm, PooledBackbone, Stem
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Dense
from cxr_cli.models.nn.pooling import max_pool
from cxr_cli.models.weights.cards import timm_card
from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier

EXPANSION = 4
"""Channels a bottleneck gives, as a multiple of a plain one's."""


@dataclass(frozen=True)
class ResNetConfig:
    """The shape of a ResNet.

    Attributes:
        depths: bottlenecks of each stage.
        stem: channels of the first convolution; the stages give 4, 8, 16, 32 times as many.
        bottleneck: channels within a bottleneck of the first stage; each stage doubles them.
        groups: of the bottleneck's 3x3 convolution.
    """

    depths: tuple[int, ...]
    stem: int = 64
    bottleneck: int = 64
    groups: int = 1


RESNET50 = ResNetConfig((3, 4, 6, 3))
RESNET101 = ResNetConfig((3, 4, 23, 3))
RESNEXT50_32X4D = ResNetConfig((3, 4, 6, 3), bottleneck=32 * 4, groups=32)
RESNEXT101_32X8D = ResNetConfig((3, 4, 23, 3), bottleneck=32 * 8, groups=32)


class Bottleneck(nnx.Module):
    """x plus what three convolutions make of it: 1x1 to fewer channels, 3x3 with the stride, 1x1 to more.

    The first of a stage projects x too, for its shape changes.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        channels_out: int,
        *,
        stride: int,
        groups: int,
        project: bool,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the convolutions."""
        self.reduce = ConvNorm(channels_in, channels, 1, lowering=lowering, rng=rng)
        self.spatial = ConvNorm(
            channels, channels, 3, stride=stride, padding=1, groups=groups, lowering=lowering, rng=rng
        )
        self.expand = ConvNorm(channels, channels_out, 1, lowering=lowering, rng=rng)
        self.projection = (
            ConvNorm(channels_in, channels_out, 1, stride=stride, padding=0, lowering=lowering, rng=rng)
            if project
            else None
        )

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H/stride,W/stride,channels_out]."""
        branch = nnx.relu(self.reduce(x, mask))
        branch = nnx.relu(self.spatial(branch, mask))
        branch = self.expand(branch, mask)
        shortcut = x if self.projection is None else self.projection(x, mask)
        return nnx.relu(branch + shortcut)


class ResNet(PooledBackbone):
    """ResNet or ResNeXt for gray images of any size.

    `features` gives the last feature map, 1/32 of the image's size, `head` the logits.
    """

    STAGES = (("stem",), ("stages.0",), ("stages.1",), ("stages.2",), ("stages.3",), ("classifier",))

    def __init__(
        self,
        config: ResNetConfig,
        classes: int | None,
        *,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the parameters."""
        self.stem = Stem(config.stem, 7, stride=2, padding=3, lowering=lowering, rng=rng)
        self.stages: nnx.List[nnx.List[Bottleneck]] = nnx.List()
        channels_in = config.stem
        for stage, depth in enumerate(config.depths):
            channels_out = config.stem * EXPANSION * 2**stage
            self.stages.append(
                nnx.List(
                    Bottleneck(
                        channels_in if block == 0 else channels_out,
                        config.bottleneck * 2**stage,
                        channels_out,
                        stride=2 if block == 0 < stage else 1,
                        groups=config.groups,
                        project=block == 0,
                        lowering=lowering,
                        rng=rng,
                    )
                    for block in range(depth)
                )
            )
            channels_in = channels_out
        self.embedding_size = channels_in
        self.dropout = 0.0
        self.classifier = None if classes is None else Dense(channels_in, classes, rng=rng)

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return stem and stages, from images [B,H,W,1] to [B,h,w,2048], h = ceil(H / 32)."""
        first, second, third, fourth = map(tuple, self.stages)
        return {
            "stem": (lambda x, mask: nnx.relu(self.stem(x, mask)),),
            "stage1": (lambda x, _: max_pool(x, 3, stride=2, padding=1), *first),
            "stage2": second,
            "stage3": third,
            "stage4": fourth,
        }


# torchvision, and timm after it, call the stages layer1 to layer4; a bottleneck has conv1, conv2, conv3, each
# with its bn, and in a stage's first a downsample of convolution and batch normalization.
def _stage(number: int) -> tuple[Rule, ...]:
    """Rules of the bottlenecks in their stage `number`, from 1; ours count from 0."""
    theirs, ours = rf"layer{number}\.(\d+)", rf"stages.{number - 1}.\1"
    layers = (
        ("conv1", "bn1", "reduce"),
        ("conv2", "bn2", "spatial"),
        ("conv3", "bn3", "expand"),
        (r"downsample\.0", r"downsample\.1", "projection"),
    )
    return tuple(
        rule
        for conv, norm, layer in layers
        for rule in (
            Rule(rf"{theirs}\.{conv}\.weight", f"{ours}.{layer}.conv.kernel", "kernel"),
            *batch_norm(rf"{theirs}\.{norm}", f"{ours}.{layer}.norm"),
        )
    )


RESNET = Naming(
    rules=(
        Rule(r"conv1\.weight", "stem.conv", "stem"),
        *batch_norm("bn1", "stem.norm"),
        *(rule for number in (1, 2, 3, 4) for rule in _stage(number)),
        *classifier("fc", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
)


ARCHITECTURES = tuple(
    Architecture(
        name=name,
        build=published(ResNet, config),
        namings=(RESNET,),
        cards=(timm_card(f"{name}.tv_in1k", name, file_size, "conv1", license="BSD-3-Clause"),),
    )
    for name, config, file_size in (
        ("resnet50", RESNET50, 102_530_000),
        ("resnet101", RESNET101, 178_790_000),
        ("resnext50_32x4d", RESNEXT50_32X4D, 100_440_000),
        ("resnext101_32x8d", RESNEXT101_32X8D, 356_080_000),
    )
)
