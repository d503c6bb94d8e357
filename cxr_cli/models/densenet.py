"""DenseNet-BC (Huang et al. 2017), as torchvision has it."""

from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx
from jax import Array
from numpy.random import Generator

from cxr_cli.models.architecture import Architecture, published
from cxr_cli.models.backbone import Block
from cxr_cli.models.imagenet import PooledBackbone, Stem
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Conv, Dense
from cxr_cli.models.nn.normalization import BatchNorm
from cxr_cli.models.nn.pooling import average_pool, max_pool
from cxr_cli.models.weights.cards import Card, timm_card
from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier
from cxr_cli.models.weights.scaling import INPUT_SCALINGS

BOTTLENECK = 4
"""Channels between a layer's two convolutions, as a multiple of the growth."""


@dataclass(frozen=True)
class DenseNetConfig:
    """The size of a DenseNet.

    Attributes:
        stem: channels of the first convolution.
        growth: channels that each layer adds.
        depths: layers of each of the four blocks.
    """

    stem: int
    growth: int
    depths: tuple[int, int, int, int]


DENSENET121 = DenseNetConfig(stem=64, growth=32, depths=(6, 12, 24, 16))
DENSENET161 = DenseNetConfig(stem=96, growth=48, depths=(6, 12, 36, 24))


class DenseLayer(nnx.Module):
    """Normalize, 1x1 to 4 * growth, normalize, 3x3 to growth; a ReLU after each normalization.

    What comes out is set beside what went in.
    """

    def __init__(self, channels_in: int, growth: int, *, lowering: Lowering, rng: Generator | None) -> None:
        """Draw the kernels."""
        wide = BOTTLENECK * growth
        self.norm1 = BatchNorm(channels_in)
        self.conv1 = Conv(channels_in, wide, 1, bias=False, lowering=lowering, rng=rng)
        self.norm2 = BatchNorm(wide)
        self.conv2 = Conv(wide, growth, 3, bias=False, lowering=lowering, rng=rng)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H,W,channels_in + growth]."""
        added = self.conv1(nnx.relu(self.norm1(x, mask)))
        added = self.conv2(nnx.relu(self.norm2(added, mask)))
        return jnp.concatenate([x, added], axis=-1)


class DenseBlock(nnx.Module):
    """Layers in a row, each fed with the block's input and what all layers before it added.

    From [B,H,W,channels_in] to [B,H,W,channels_in + depth * growth].
    """

    def __init__(
        self, channels_in: int, growth: int, depth: int, *, lowering: Lowering, rng: Generator | None
    ) -> None:
        """Draw `depth` layers."""
        self.layers = nnx.List(
            DenseLayer(channels_in + i * growth, growth, lowering=lowering, rng=rng) for i in range(depth)
        )


class Transition(nnx.Module):
    """Normalize, ReLU, halve the channels, halve height and width by their mean."""

    def __init__(self, channels_in: int, *, lowering: Lowering, rng: Generator | None) -> None:
        """Draw the kernel."""
        self.norm = BatchNorm(channels_in)
        self.conv = Conv(channels_in, channels_in // 2, 1, bias=False, lowering=lowering, rng=rng)

    def __call__(self, x: Array, mask: Array | None) -> Array:
        """Map x [B,H,W,channels_in] to [B,H/2,W/2,channels_in/2], sizes rounded down."""
        return average_pool(self.conv(nnx.relu(self.norm(x, mask))), 2, 2)


class DenseNet(PooledBackbone):
    """DenseNet for gray images of any size from 29 pixels on."""

    STAGES = (
        ("stem",),
        ("stages.0", "transitions.0"),
        ("stages.1", "transitions.1"),
        ("stages.2", "transitions.2"),
        ("stages.3",),
        ("norm",),
        ("classifier",),
    )

    def __init__(
        self,
        config: DenseNetConfig,
        classes: int | None,
        *,
        lowering: Lowering,
        rng: Generator | None,
    ) -> None:
        """Draw the parameters; classes=None: no classifier and no logits."""
        self.stem = Stem(config.stem, 7, stride=2, padding=3, lowering=lowering, rng=rng)
        self.stages = nnx.List[DenseBlock]()
        self.transitions = nnx.List[Transition]()
        channels = config.stem
        for depth in config.depths:
            if self.stages:
                self.transitions.append(Transition(channels, lowering=lowering, rng=rng))
                channels //= 2
            self.stages.append(DenseBlock(channels, config.growth, depth, lowering=lowering, rng=rng))
            channels += depth * config.growth
        self.norm = BatchNorm(channels)
        self.classifier = None if classes is None else Dense(channels, classes, rng=rng)
        self.dropout = 0.0
        self.embedding_size = channels

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return stem, stages and last norm, from images [B,H,W,1] to [B,H/32,W/32,C], sizes rounded down."""
        first, second, third, fourth = (tuple(stage.layers) for stage in self.stages)
        return {
            "stem": (lambda x, mask: nnx.relu(self.stem(x, mask)),),
            "stage1": (lambda x, _: max_pool(x, 3, 2, padding=1), *first),
            "stage2": (self.transitions[0], *second),
            "stage3": (self.transitions[1], *third),
            "stage4": (self.transitions[2], *fourth),
            "norm": (lambda x, mask: nnx.relu(self.norm(x, mask)),),
        }


# Absent where the file is of `torchvision.models.densenet121().features` alone.
_FEATURES = r"(?:features\.)?"
_LAYER = rf"{_FEATURES}denseblock(\d+)\.denselayer(\d+)"
_TRANSITION = rf"{_FEATURES}transition(\d+)"

DENSENET = Naming(
    rules=(
        Rule(rf"{_FEATURES}conv0\.weight", "stem.conv", "stem"),
        *batch_norm(rf"{_FEATURES}norm0", "stem.norm"),
        *batch_norm(rf"{_LAYER}\.norm\.?1", r"stages.\1.layers.\2.norm1"),
        Rule(rf"{_LAYER}\.conv\.?1\.weight", r"stages.\1.layers.\2.conv1.kernel", "kernel"),
        *batch_norm(rf"{_LAYER}\.norm\.?2", r"stages.\1.layers.\2.norm2"),
        Rule(rf"{_LAYER}\.conv\.?2\.weight", r"stages.\1.layers.\2.conv2.kernel", "kernel"),
        *batch_norm(rf"{_TRANSITION}\.norm", r"transitions.\1.norm"),
        Rule(rf"{_TRANSITION}\.conv\.weight", r"transitions.\1.conv.kernel", "kernel"),
        *batch_norm(rf"{_FEATURES}norm5", "norm"),
        *classifier("classifier", "classifier"),
    ),
    ignored=(BATCHES_SEEN, "op_threshs"),
    counts_from=1,
)
"""Of torchvision, timm and torchxrayvision, which agree.

torchvision's older files have "norm.1" for "norm1". torchxrayvision's have
thresholds for its own classes too.
"""


def _torchxrayvision(images: str, data: str) -> Card:
    """Card of a DenseNet121 trained on chest images of one channel in -1024..1024 (Cohen et al. 2022)."""
    filename = f"{data}-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"
    return Card(
        name=f"densenet121-res224-{images}",
        arch="densenet121",
        source="file",
        filename=filename,
        first_conv="features.conv0",
        input_size=224,
        mean=INPUT_SCALINGS["xrv"].mean,
        std=INPUT_SCALINGS["xrv"].std,
        size=None,
        sha256=None,
        license="Apache-2.0",
        url=f"https://github.com/mlmed/torchxrayvision/releases/download/v1/{filename}",
    )


SMALLEST_IMAGE = 29
"""Of a smaller one the last transition, after five halvings, leaves nothing."""

ARCHITECTURES = (
    Architecture(
        name="densenet121",
        build=published(DenseNet, DENSENET121),
        smallest_image=SMALLEST_IMAGE,
        namings=(DENSENET,),
        cards=(
            timm_card("densenet121.tv_in1k", "densenet121", 32_340_000, "features.conv0"),
            _torchxrayvision("all", "nih-pc-chex-mimic_ch-google-openi-kaggle"),
            _torchxrayvision("nih", "nih"),
            _torchxrayvision("pc", "pc"),
            _torchxrayvision("chex", "chex"),
            _torchxrayvision("rsna", "kaggle"),
            _torchxrayvision("mimic_nb", "mimic_nb"),
            _torchxrayvision("mimic_ch", "mimic_ch"),
        ),
    ),
    Architecture(
        name="densenet161",
        build=published(DenseNet, DENSENET161),
        smallest_image=SMALLEST_IMAGE,
        namings=(DENSENET,),
        cards=(timm_card("densenet161.tv_in1k", "densenet161", 115_730_000, "features.conv0"),),
    ),
)
