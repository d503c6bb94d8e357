"""Architectures by name, and networks as a graph definition with plain dictionaries of arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
from flax import nnx
from jax import Array

from cxr_cli.errors import UsageFault
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.layers import Lowering, platform_lowering
from cxr_cli.models.siamese import Siamese


class Backbone(Protocol):
    """What every architecture offers; shapes as in `CovidNet`."""

    embedding_size: int

    def features(self, x: Array) -> Array:
        """Map films [B,H,W,1] to the last feature map [B,h,w,C]."""

    def embedding(self, features: Array, key: Array | None = None) -> Array:
        """Map the last feature map to one vector a film [B,E]."""

    def head(self, features: Array, key: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]."""


@dataclass(frozen=True)
class NetworkSpec:
    """All that decides a network's shape.

    Attributes:
        arch: a name in `ARCHITECTURES`.
        width: channels and units, as a multiple of the paper's.
        size: height and width of a film in pixels.
        classes: number of logits.
        siamese: compare two films instead of classifying one; then there are no logits.
    """

    arch: str
    width: float
    size: int
    classes: int
    siamese: bool


def _covidnet(spec: NetworkSpec, classes: int | None, lowering: Lowering, rngs: nnx.Rngs) -> CovidNet:
    return CovidNet(CovidNetConfig().scaled(spec.width), spec.size, classes, lowering=lowering, rngs=rngs)


ARCHITECTURES: dict[str, Callable[[NetworkSpec, int | None, Lowering, nnx.Rngs], Any]] = {
    "covidnet": _covidnet,
}


class Variables(NamedTuple):
    """A network's arrays, as nested dictionaries: what training changes, and batch statistics."""

    params: dict[str, Any]
    stats: dict[str, Any]


@dataclass(frozen=True)
class Network:
    """A network without its arrays: bind it to some inside a jitted function."""

    graph: Any

    def bind(self, variables: Variables) -> Any:
        """Return the module with these arrays, as a copy that may be changed under jit."""
        return nnx.merge(self.graph, variables.params, variables.stats, copy=True)


def create(spec: NetworkSpec, key: Array, lowering: Lowering | None = None) -> tuple[Network, Variables]:
    """Draw a network.

    Args:
        spec: its shape.
        key: of the random draw.
        lowering: of its convolutions; None takes what suits the default device.

    Raises:
        UsageFault: no such architecture, or a film size that it cannot take.
    """
    if spec.arch not in ARCHITECTURES:
        raise UsageFault(f"--arch {spec.arch!r}: known are {', '.join(ARCHITECTURES)}")
    lowering = lowering or platform_lowering()
    build = ARCHITECTURES[spec.arch]

    # Jitted: drawing 59 million numbers one array at a time costs seconds.
    @jax.jit
    def draw(key: Array) -> tuple[dict[str, Any], dict[str, Any]]:
        _, params, stats = nnx.split(_assemble(spec, build, lowering, nnx.Rngs(key)), nnx.Param, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    abstract = nnx.eval_shape(lambda: _assemble(spec, build, lowering, nnx.Rngs(0)))
    return Network(nnx.graphdef(abstract)), Variables(*draw(key))


def _assemble(
    spec: NetworkSpec,
    build: Callable[[NetworkSpec, int | None, Lowering, nnx.Rngs], Any],
    lowering: Lowering,
    rngs: nnx.Rngs,
) -> nnx.Module:
    if spec.siamese:
        return Siamese(build(spec, None, lowering, rngs), rngs=rngs)
    network: nnx.Module = build(spec, spec.classes, lowering, rngs)
    return network
