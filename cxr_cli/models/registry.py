"""Architectures by name, and networks as a graph definition with plain dictionaries of arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from cxr_cli.errors import UsageFault
from cxr_cli.models.backbone import Backbone
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.densenet import DENSENET121, DENSENET161, DenseNet
from cxr_cli.models.efficientnet import LITE0, LITE1, LITE2, EfficientNet
from cxr_cli.models.inception import INCEPTION_V3, SMALLEST_IMAGE, InceptionV3
from cxr_cli.models.mid_efficientnet import MidEfficientNet
from cxr_cli.models.nn.convolution import Lowering, platform_lowering
from cxr_cli.models.resnet import RESNET50, RESNET101, RESNEXT50_32X4D, RESNEXT101_32X8D, ResNet
from cxr_cli.models.siamese import Siamese
from cxr_cli.models.stages import Stages, freeze_statistics, frozen_stages


@dataclass(frozen=True)
class NetworkSpec:
    """All that decides a network's shape.

    Attributes:
        arch: a name in `ARCHITECTURES`.
        width: channels and units, as a multiple of the paper's.
        size: height and width of an image in pixels.
        classes: number of logits.
        siamese: compare two images instead of classifying one; then there are no logits.
        freeze: which stages from the image on do not learn: "none", how many, or "features" for all but the
            last.
        batch_norm: which statistics batch normalization takes in training: "batch", or "running", which then
            stay as they are.
    """

    arch: str
    width: float
    size: int
    classes: int
    siamese: bool
    freeze: str = "none"
    batch_norm: str = "batch"


Build = Callable[[NetworkSpec, int | None, Lowering, np.random.Generator | None], Backbone]
"""Maps (shape, number of logits or None, lowering, generator or None for zeros) to a backbone."""


def _covidnet(
    spec: NetworkSpec, classes: int | None, lowering: Lowering, rng: np.random.Generator | None
) -> CovidNet:
    return CovidNet(CovidNetConfig().scaled(spec.width), spec.size, classes, lowering=lowering, rng=rng)


def _published(network: Callable[..., Backbone], config: Any, smallest: int = 1) -> Build:
    """Return how to build a published network: its channels are those of its weights, so `width` must be 1.

    Args:
        network: its class.
        config: its shape.
        smallest: height and width in pixels of the smallest images that it can be trained on.
    """

    def build(
        spec: NetworkSpec, classes: int | None, lowering: Lowering, rng: np.random.Generator | None
    ) -> Backbone:
        if spec.width != 1.0:
            raise UsageFault(f"--width {spec.width:g}: {spec.arch} has one width, 1, that of its weights")
        if spec.size < smallest:
            raise UsageFault(f"image size {spec.size}: {spec.arch} needs {smallest} pixels or more")
        return network(config, classes, lowering=lowering, rng=rng)

    return build


ARCHITECTURES: dict[str, Build] = {
    "covidnet": _covidnet,
    "resnet50": _published(ResNet, RESNET50),
    "resnet101": _published(ResNet, RESNET101),
    "resnext50_32x4d": _published(ResNet, RESNEXT50_32X4D),
    "resnext101_32x8d": _published(ResNet, RESNEXT101_32X8D),
    "inception_v3": _published(InceptionV3, INCEPTION_V3, SMALLEST_IMAGE),
    "densenet121": _published(DenseNet, DENSENET121),
    "densenet161": _published(DenseNet, DENSENET161),
    "efficientnet_lite0": _published(EfficientNet, LITE0),
    "efficientnet_lite1": _published(EfficientNet, LITE1),
    "efficientnet_lite2": _published(EfficientNet, LITE2),
    "efficientnet_lite0_mid": _published(MidEfficientNet, (LITE0,)),
    "efficientnet_lite2_mid": _published(MidEfficientNet, (LITE2,)),
    "efficientnet_lites_mid": _published(MidEfficientNet, (LITE0, LITE1, LITE2)),
}


PARTS: dict[str, tuple[str, ...]] = {
    "efficientnet_lite0_mid": ("efficientnet_lite0",),
    "efficientnet_lite2_mid": ("efficientnet_lite2",),
    "efficientnet_lites_mid": ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
}
"""Architectures made of the beginnings of other ones, whose published weights they take."""


class Variables(NamedTuple):
    """A network's arrays, as nested dictionaries: what training changes, and batch statistics."""

    params: dict[Any, Any]
    stats: dict[Any, Any]


@dataclass(frozen=True)
class Network:
    """A network without its arrays: bind it to some inside a jitted function.

    Attributes:
        graph: NNX's graph definition.
        stages: dotted paths of its modules from the image on, see `Backbone.STAGES`.
        frozen: how many of the stages do not learn.
    """

    graph: Any
    stages: Stages
    frozen: int

    def bind(self, variables: Variables, rematerialize: bool = False) -> Any:
        """Return the module with these arrays, as a copy that may be changed under jit.

        Args:
            variables: its arrays.
            rematerialize: see `Backbone`.
        """
        module = nnx.merge(self.graph, variables.params, variables.stats, copy=True)
        backbone_of(module).rematerialize = rematerialize
        return module


def backbone_of(module: Any) -> Backbone:
    """Return a bound network's backbone: a siamese network's own, else the network itself."""
    backbone: Backbone = module.backbone if isinstance(module, Siamese) else module
    return backbone


def create(
    spec: NetworkSpec, rng: np.random.Generator, lowering: Lowering | None = None
) -> tuple[Network, Variables]:
    """Draw a network.

    Args:
        spec: its shape.
        rng: of the random draw.
        lowering: of its convolutions; None takes what suits the default device.

    Raises:
        UsageFault: no such architecture, or an image size that it cannot take.
    """
    return _split(_assemble(spec, rng, lowering), spec)


def outline(spec: NetworkSpec, lowering: Lowering | None = None) -> tuple[Network, Variables]:
    """Return a network with the shapes and types of its arrays instead of arrays; see `create`."""
    return _split(nnx.eval_shape(lambda: _assemble(spec, None, lowering)), spec)


def check_arch(name: str) -> None:
    """Raise UsageFault for an unknown architecture."""
    if name not in ARCHITECTURES:
        raise UsageFault(f"--arch {name!r}: known are {', '.join(ARCHITECTURES)}")


def parts_of(arch: str) -> tuple[str, ...]:
    """Return the architectures whose published weights an architecture takes: most often itself alone."""
    return PARTS.get(arch, (arch,))


def _assemble(spec: NetworkSpec, rng: np.random.Generator | None, lowering: Lowering | None) -> Any:
    check_arch(spec.arch)
    classes = None if spec.siamese else spec.classes
    backbone = ARCHITECTURES[spec.arch](spec, classes, lowering or platform_lowering(), rng)
    return Siamese(backbone, rng=rng) if spec.siamese else backbone


def _split(module: Backbone | Siamese, spec: NetworkSpec) -> tuple[Network, Variables]:
    frozen = frozen_stages(spec.freeze, module.STAGES)
    freeze_statistics(module, module.STAGES if spec.batch_norm == "running" else module.STAGES[:frozen])
    params, stats = nnx.state(module, nnx.Param), nnx.state(module, nnx.Not(nnx.Param))
    network = Network(nnx.graphdef(module), module.STAGES, frozen)
    return network, Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
