"""EfficientNet-Lite: EfficientNet (Tan & Le 2019) without squeeze-and-excite and with ReLU6 for swish.

As the TensorFlow authors published it (tensorflow/tpu: models/official/efficientnet/lite): SAME padding,
batch normalization with epsilon 1e-3 and momentum 0.99 (0.01 in torch's sense), and a stem, a first and a
last stage and a top convolution that are not scaled. Their stochastic depth is left out, as timm leaves it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from flax import nnx
from jax import Array
from jax.nn import relu6
from numpy.random import Generator

from cxr_cli.models.backbone import Block
from cxr_cli.models.imagenet import ConvNorm, PooledBackbone, Stem
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Dense

EPSILON = 1e-3
MOMENTUM = 0.01


class StageShape(NamedTuple):
    """What the blocks of a stage have in common, and the stride of the first."""

    kernel_size: int
    stride: int
    expansion: int


STAGE_SHAPES = (
    StageShape(3, 1, 1),
    StageShape(3, 2, 6),
    StageShape(5, 2, 6),
    StageShape(3, 2, 6),
    StageShape(5, 1, 6),
    StageShape(5, 2, 6),
    StageShape(3, 1, 6),
)


@dataclass(frozen=True)
class EfficientNetConfig:
    """The size of an EfficientNet-Lite; the defaults are Lite0's.

    Attributes:
        stem: channels of the first convolution.
        channels: of each stage's output.
        depths: blocks of each stage.
        top: channels of the last convolution, the length of an image's vector.
        dropout: share of that vector that is zeroed before the classifier in training.
    """

    stem: int = 32
    channels: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    depths: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)
    top: int = 1280
    dropout: float = 0.2


LITE0 = EfficientNetConfig()
LITE1 = EfficientNetConfig(depths=(1, 3, 3, 4, 4, 5, 1))
LITE2 = EfficientNetConfig(
    channels=(16, 24, 48, 88, 120, 208, 352), depths=(1, 3, 3, 4, 4, 5, 1), dropout=0.3
)


class InvertedResidual(nnx.Module):
    """Expand by 1x1, filter each channel, project by 1x1; added to the input where the shapes agree.

    An expansion of 1 has no first convolution. After the projection there is no ReLU6.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        shape: StageShape,
        *,
        lowering: Lowering,
        rng: Generator | None,
    ) -> None:
        """Draw the kernels."""
        layer = partial(ConvNorm, epsilon=EPSILON, momentum=MOMENTUM, lowering=lowering, rng=rng)
        wide = channels_in * shape.expansion
        self.expand = None if shape.expansion == 1 else layer(channels_in, wide, 1)
        self.depthwise = layer(wide, wide, shape.kernel_size, stride=shape.stride, groups=wide)
        self.project = layer(wide, channels_out, 1)
        self.residual = shape.stride == 1 and channels_in == channels_out

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out]."""
        out = x if self.expand is None else relu6(self.expand(x, mask))
        out = relu6(self.depthwise(out, mask))
        out = self.project(out, mask)
        return x + out if self.residual else out


class EfficientNet(PooledBackbone):
    """EfficientNet-Lite for gray images of any size."""

    STAGES = (
        ("stem",),
        ("stages.0",),
        ("stages.1",),
        ("stages.2",),
        ("stages.3",),
        ("stages.4",),
        ("stages.5",),
        ("stages.6",),
        ("top",),
        ("classifier",),
    )

    def __init__(
        self,
        config: EfficientNetConfig,
        classes: int | None,
        *,
        lowering: Lowering,
        rng: Generator | None,
    ) -> None:
        """Draw the parameters; classes=None: no classifier and no logits."""
        self.stem = make_stem(config, lowering=lowering, rng=rng)
        self.stages = make_stages(config, len(STAGE_SHAPES), lowering=lowering, rng=rng)
        self.top = ConvNorm(
            config.channels[-1], config.top, 1, epsilon=EPSILON, momentum=MOMENTUM, lowering=lowering, rng=rng
        )
        self.classifier = None if classes is None else Dense(config.top, classes, rng=rng)
        self.dropout = config.dropout
        self.embedding_size = config.top

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return stem, stages and top, from images [B,H,W,1] to [B,H/32,W/32,top], sizes rounded up."""
        return {
            "stem": (lambda x, mask: relu6(self.stem(x, mask)),),
            **_by_name(self.stages),
            "top": (lambda x, mask: relu6(self.top(x, mask)),),
        }


def make_stem(config: EfficientNetConfig, *, lowering: Lowering, rng: Generator | None) -> Stem:
    """Draw the first convolution."""
    return Stem(
        config.stem,
        3,
        stride=2,
        padding="SAME",
        epsilon=EPSILON,
        momentum=MOMENTUM,
        lowering=lowering,
        rng=rng,
    )


def make_stages(
    config: EfficientNetConfig, count: int, *, lowering: Lowering, rng: Generator | None
) -> nnx.List[nnx.List[InvertedResidual]]:
    """Draw the first `count` stages."""
    stages = nnx.List[nnx.List[InvertedResidual]]()
    inputs = (config.stem, *config.channels[:-1])
    shapes = zip(inputs, config.channels, config.depths, STAGE_SHAPES, strict=True)
    for channels_in, channels_out, depth, shape in list(shapes)[:count]:
        first = InvertedResidual(channels_in, channels_out, shape, lowering=lowering, rng=rng)
        later = shape._replace(stride=1)
        stages.append(
            nnx.List(
                [
                    first,
                    *(
                        InvertedResidual(channels_out, channels_out, later, lowering=lowering, rng=rng)
                        for _ in range(depth - 1)
                    ),
                ]
            )
        )
    return stages


def _by_name(stages: Iterable[Iterable[InvertedResidual]]) -> dict[str, tuple[Block, ...]]:
    return {f"stage{number}": tuple(stage) for number, stage in enumerate(stages, start=1)}
