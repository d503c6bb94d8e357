"""EfficientNet-Lite: EfficientNet (Tan & Le 2019) without squeeze-and-excite and with ReLU6 for swish.

As the TensorFlow authors published it (tensorflow/tpu: models/official/efficientnet/lite): SAME padding,
batch normalisation with epsilon 1e-3 and momentum 0.99 (0.01 in torch's sense), and a stem, a first and a
last stage and a top convolution that are not scaled. Their stochastic depth is left out, as timm leaves it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from flax import nnx
from jax import Array
from jax.nn import relu6
from numpy.random import Generator

from cxr_cli.models.backbone import Backbone
from cxr_cli.models.convolution import Lowering
from cxr_cli.models.layers import Conv, Dense, GreyStem, dropout
from cxr_cli.models.normalisation import BatchNorm
from cxr_cli.models.pooling import global_average_pool

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
        top: channels of the last convolution, the length of a film's vector.
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


class Stem(nnx.Module):
    """The first convolution, with stride 2, normalised."""

    def __init__(self, channels: int, *, lowering: Lowering, rng: Generator | None) -> None:
        """Draw the kernel."""
        self.conv = GreyStem(channels, 3, stride=2, padding="SAME", lowering=lowering, rng=rng)
        self.norm = _norm(channels)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map films x [B,H,W,1] to [B,H/2,W/2,channels], halves rounded up."""
        return relu6(self.norm(self.conv(x), mask))


class ConvNorm(nnx.Module):
    """A convolution without bias, normalised."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        *,
        stride: int = 1,
        groups: int = 1,
        lowering: Lowering,
        rng: Generator | None,
    ) -> None:
        """Draw the kernel."""
        self.conv = Conv(
            channels_in,
            channels_out,
            kernel_size,
            stride=stride,
            groups=groups,
            bias=False,
            lowering=lowering,
            rng=rng,
        )
        self.norm = _norm(channels_out)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out]."""
        return self.norm(self.conv(x), mask)


def _norm(channels: int) -> BatchNorm:
    return BatchNorm(channels, epsilon=EPSILON, momentum=MOMENTUM)


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
        wide = channels_in * shape.expansion
        self.expand = (
            None if wide == channels_in else ConvNorm(channels_in, wide, 1, lowering=lowering, rng=rng)
        )
        self.depthwise = ConvNorm(
            wide, wide, shape.kernel_size, stride=shape.stride, groups=wide, lowering=lowering, rng=rng
        )
        self.project = ConvNorm(wide, channels_out, 1, lowering=lowering, rng=rng)
        self.residual = shape.stride == 1 and channels_in == channels_out

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out]."""
        out = x if self.expand is None else relu6(self.expand(x, mask))
        out = relu6(self.depthwise(out, mask))
        out = self.project(out, mask)
        return x + out if self.residual else out


class EfficientNet(Backbone):
    """EfficientNet-Lite for grey films of any size."""

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

        def stage(
            channels_in: int, channels_out: int, depth: int, shape: StageShape
        ) -> list[InvertedResidual]:
            first = InvertedResidual(channels_in, channels_out, shape, lowering=lowering, rng=rng)
            later = shape._replace(stride=1)
            rest = (
                InvertedResidual(channels_out, channels_out, later, lowering=lowering, rng=rng)
                for _ in range(depth - 1)
            )
            return [first, *rest]

        self.stem = Stem(config.stem, lowering=lowering, rng=rng)
        inputs = (config.stem, *config.channels[:-1])
        sizes = zip(inputs, config.channels, config.depths, STAGE_SHAPES, strict=True)
        self.stages = nnx.List(nnx.List(stage(*size)) for size in sizes)
        self.top = ConvNorm(config.channels[-1], config.top, 1, lowering=lowering, rng=rng)
        self.classifier = None if classes is None else Dense(config.top, classes, rng=rng)
        self.dropout = config.dropout
        self.embedding_size = config.top

    def features(self, x: Array, mask: Array | None = None) -> Array:
        """Map films x [B,H,W,1] to the last feature map [B,H/32,W/32,top], sizes rounded up."""
        x = self.stem(x, mask)
        for stage in self.stages:
            for block in stage:
                x = block(x, mask)
        return relu6(self.top(x, mask))

    def embedding(self, features: Array, keys: Array | None = None) -> Array:  # noqa: ARG002 - no dropout
        """Map the last feature map to its mean over the film [B,top]."""
        return global_average_pool(features)

    def head(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]; dropout only with keys [B]."""
        if self.classifier is None:
            raise TypeError("this EfficientNet was built without classes and has no logits")
        return self.classifier(dropout(self.embedding(features), self.dropout, keys))
