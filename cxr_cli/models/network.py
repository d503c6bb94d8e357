"""Networks as a graph definition with plain dictionaries of arrays."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.backbone import Backbone
from cxr_cli.models.nn.convolution import Lowering, platform_lowering
from cxr_cli.models.registry import find_architecture
from cxr_cli.models.siamese import Siamese
from cxr_cli.models.stages import Stages, freeze_statistics, frozen_stages


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
        InvalidSetting: no such architecture, or a width or image size that it cannot take.
    """
    return _split(_assemble(spec, rng, lowering), spec)


def outline(spec: NetworkSpec, lowering: Lowering | None = None) -> tuple[Network, Variables]:
    """Return a network with the shapes and types of its arrays instead of arrays; see `create`."""
    return _split(nnx.eval_shape(lambda: _assemble(spec, None, lowering)), spec)


def _assemble(spec: NetworkSpec, rng: np.random.Generator | None, lowering: Lowering | None) -> Any:
    architecture = find_architecture(spec.arch)
    architecture.check(spec.width, spec.size)
    classes = None if spec.siamese else spec.classes
    backbone = architecture.build(spec, classes, lowering or platform_lowering(), rng)
    return Siamese(backbone, rng=rng) if spec.siamese else backbone


def _split(module: Backbone | Siamese, spec: NetworkSpec) -> tuple[Network, Variables]:
    frozen = frozen_stages(spec.freeze, module.STAGES)
    freeze_statistics(module, module.STAGES if spec.batch_norm == "running" else module.STAGES[:frozen])
    params, stats = nnx.state(module, nnx.Param), nnx.state(module, nnx.Not(nnx.Param))
    network = Network(nnx.graphdef(module), module.STAGES, frozen)
    return network, Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
