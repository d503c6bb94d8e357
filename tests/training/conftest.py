"""A very small net, and a training step for it that is compiled once."""

from collections.abc import Callable

import jax
import numpy as np
import pytest
from flax import nnx
from numpy.typing import NDArray

from cxr_cli.inference.films import FetchBatch, film_source
from cxr_cli.inference.forward import Scaling
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.registry import Network, Variables
from cxr_cli.models.siamese import Siamese
from cxr_cli.training.optimizer import adam
from cxr_cli.training.step import TrainState, new_totals

SIZE = 16
SCALING = Scaling(0.4, 0.2, "float32")
LEARNING_RATE = 1e-3
NewState = Callable[[], TrainState]


def draw_net(*, siamese: bool) -> tuple[Network, Variables]:
    """Draw a COVID-Net with one stage and vectors of 6."""
    rng = np.random.default_rng(0)
    shape = CovidNetConfig(stem=8, stages=(8,), depths=(2,), fc=(12, 6))
    backbone = CovidNet(shape, SIZE, None if siamese else 3, lowering="product", rng=rng)
    graph, params, stats = nnx.split(Siamese(backbone, rng=rng) if siamese else backbone, nnx.Param, ...)
    return Network(graph), Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


@pytest.fixture(scope="session")
def single() -> tuple[Network, Variables]:
    return draw_net(siamese=False)


@pytest.fixture(scope="session")
def siamese() -> tuple[Network, Variables]:
    return draw_net(siamese=True)


@pytest.fixture(scope="session")
def scaling() -> Scaling:
    return SCALING


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    """Draw 150 films, of class row % 3, which shows in their brightness."""
    noise = np.random.default_rng(1).integers(0, 100, (150, SIZE, SIZE))
    return (noise + 75 * (np.arange(150) % 3)[:, None, None]).astype(np.uint8)


@pytest.fixture(scope="session")
def labels() -> NDArray[np.int64]:
    return np.arange(150) % 3


@pytest.fixture(scope="session")
def fetch(images: NDArray[np.uint8]) -> FetchBatch:
    return film_source(images)


@pytest.fixture
def new_state() -> Callable[[Variables], TrainState]:
    """Make the state before the first step; in arrays of its own, for the step takes them over."""

    def make(variables: Variables) -> TrainState:
        own = jax.tree.map(lambda leaf: leaf.copy(), variables)
        return TrainState(own, adam(LEARNING_RATE).init(own.params), new_totals())

    return make
