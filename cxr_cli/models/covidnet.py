"""COVID-Net as "Siamesifying the COVID-Net" built it (its Figure 4 and section 3.2)."""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import Architecture
from cxr_cli.models.backbone import Backbone, Block
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Conv, Dense, dropout
from cxr_cli.models.nn.pooling import max_pool_2x2
from cxr_cli.models.pepx import PEPX

DROPOUT_BEFORE_FC = 0.5
DROPOUT_AFTER_FC = 0.2


@dataclass(frozen=True)
class CovidNetConfig:
    """The shape of a COVID-Net; the defaults are the paper's."""

    stem: int = 64
    stages: tuple[int, ...] = (128, 256, 512, 1024)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    fc: tuple[int, int] = (1024, 256)

    def scaled(self, width: float) -> "CovidNetConfig":
        """Return the same network with every channel and unit count times `width`, at least 8 each."""

        def scale(count: int) -> int:
            return max(8, round(count * width))

        fc = (scale(self.fc[0]), scale(self.fc[1]))
        return CovidNetConfig(scale(self.stem), tuple(map(scale, self.stages)), self.depths, fc)

    @property
    def reduction(self) -> int:
        """How many times smaller the last feature map is than the image, each way."""
        return int(2 ** (1 + len(self.stages)))


class Stage(nnx.Module):
    """PEPX modules in a row, each fed with the sum of all that came before it in the stage.

    With S the input: Y = pool(relu(conv1x1(S))), P1 = pool(PEPX(S)); each later module takes Y plus all
    earlier P; the output is Y plus all P.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        depth: int,
        *,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the skip convolution and `depth` modules."""
        self.skip = Conv(channels_in, channels_out, 1, lowering=lowering, rng=rng)
        self.modules = nnx.List(
            PEPX(channels_in if i == 0 else channels_out, channels_out, lowering=lowering, rng=rng)
            for i in range(depth)
        )

    def blocks(self) -> tuple[Block, ...]:
        """Return one block a module, which map [B,H,W,channels_in] to sums [B,H/2,W/2,channels_out]."""

        def first(x: Array, _: Array | None) -> Array:
            return max_pool_2x2(nnx.relu(self.skip(x))) + max_pool_2x2(self.modules[0](x))

        def added(module: PEPX) -> Block:
            return lambda total, _: total + module(total)

        return (first, *map(added, self.modules[1:]))


class CovidNet(Backbone):
    """COVID-Net for gray images.

    `features` gives the last feature map, `embedding` the vector of the last fully connected layer (the
    siamese network's feature), `head` the logits. With classes=None there are no logits.
    """

    STAGES = (
        ("stem",),
        ("stages.0",),
        ("stages.1",),
        ("stages.2",),
        ("stages.3",),
        ("fc1", "fc2"),
        ("classifier",),
    )

    def __init__(
        self,
        config: CovidNetConfig,
        size: int,
        classes: int | None,
        *,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the parameters for square images of `size` pixels.

        Raises:
            InvalidSetting: `size` cannot be halved as often as the network does.
        """
        if size % config.reduction:
            raise InvalidSetting(
                "size", size, f"COVID-Net needs images of a multiple of {config.reduction} pixels"
            )
        self.stem = Conv(1, config.stem, 7, stride=2, lowering=lowering, rng=rng)
        inputs = (config.stem, *config.stages[:-1])
        self.stages = nnx.List(
            Stage(c_in, c_out, depth, lowering=lowering, rng=rng)
            for c_in, c_out, depth in zip(inputs, config.stages, config.depths, strict=True)
        )
        flat = config.stages[-1] * (size // config.reduction) ** 2
        self.fc1 = Dense(flat, config.fc[0], rng=rng)
        self.fc2 = Dense(config.fc[0], config.fc[1], rng=rng)
        self.classifier = None if classes is None else Dense(config.fc[1], classes, rng=rng)
        self.embedding_size = config.fc[1]

    def layers(self) -> dict[str, tuple[Block, ...]]:
        """Return stem and stages, from images [B,size,size,1] to [B,size/32,size/32,1024]."""
        stages = {f"stage{n}": stage.blocks() for n, stage in enumerate(self.stages, start=1)}
        return {"stem": (lambda x, _: nnx.relu(self.stem(x)),), **stages}

    def embedding(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to the vector [B,256], not negative; dropout only with keys [B]."""
        split = jax.vmap(partial(jax.random.split, num=3), out_axes=1)
        layers = (None, None, None) if keys is None else tuple(split(keys))
        x = features.reshape(features.shape[0], -1)
        x = dropout(x, DROPOUT_BEFORE_FC, layers[0])
        x = dropout(nnx.relu(self.fc1(x)), DROPOUT_AFTER_FC, layers[1])
        return dropout(nnx.relu(self.fc2(x)), DROPOUT_AFTER_FC, layers[2])

    def head(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]; dropout only with keys [B]."""
        if self.classifier is None:
            raise TypeError("this COVID-Net was built without classes and has no logits")
        return self.classifier(self.embedding(features, keys))

    def __call__(self, x: Array, keys: Array | None = None) -> Array:
        """Map images x [B,size,size,1] to logits [B,classes]."""
        return self.head(self.features(x), keys)


ARCHITECTURES = (
    Architecture(
        name="covidnet",
        build=lambda spec, classes, lowering, rng: CovidNet(
            CovidNetConfig().scaled(spec.width), spec.size, classes, lowering=lowering, rng=rng
        ),
        any_width=True,
        smallest_image=32,
    ),
)
