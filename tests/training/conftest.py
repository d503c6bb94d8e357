"""A very small model and images for it: what is tested here is the training, not the model."""

from collections.abc import Callable

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from jax import Array
from numpy.typing import NDArray

from cxr_cli.models.backbone import Backbone, Block
from cxr_cli.models.network import Network, Variables
from cxr_cli.models.nn.layers import Conv, Dense, dropout
from cxr_cli.models.siamese import Siamese
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import FetchBatch, image_source
from cxr_cli.training.step import StepSettings, TrainState
from cxr_cli.training.step import new_state as state_before_training
from cxr_cli.training.tasks import TaskImages

SIZE = 16
SCALING = Scaling(0.4, 0.2, "float32")
LEARNING_RATE = 1e-3
PLAIN = StepSettings()
NewState = Callable[[], TrainState]


class OneConvolution(Backbone):
    """The smallest backbone with dropout: what a COVID-Net takes ten seconds to compile, this does in one."""

    STAGES = (("conv",), ("fc",), ("classifier",))
    embedding_size = 6

    def __init__(self, classes: int | None, rng: np.random.Generator) -> None:
        self.conv = Conv(1, 4, 3, stride=2, lowering="native", rng=rng)
        self.fc = Dense(4 * (SIZE // 2) ** 2, 6, rng=rng)
        self.classifier = None if classes is None else Dense(6, classes, rng=rng)

    def layers(self) -> dict[str, tuple[Block, ...]]:
        return {"conv": (lambda x, _: nnx.relu(self.conv(x)),)}

    def embedding(self, features: Array, key: Array | None = None) -> Array:
        return nnx.relu(self.fc(dropout(features.reshape(len(features), -1), 0.5, key)))

    def head(self, features: Array, key: Array | None = None) -> Array:
        assert self.classifier is not None
        return self.classifier(self.embedding(features, key))


def draw_network(*, siamese: bool) -> tuple[Network, Variables]:
    rng = np.random.default_rng(0)
    network = Siamese(OneConvolution(None, rng), rng=rng) if siamese else OneConvolution(3, rng)
    graph, params, stats = nnx.split(network, nnx.Param, ...)
    return Network(graph, network.STAGES, 0), Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


@pytest.fixture(scope="session")
def single() -> tuple[Network, Variables]:
    return draw_network(siamese=False)


@pytest.fixture(scope="session")
def siamese() -> tuple[Network, Variables]:
    return draw_network(siamese=True)


@pytest.fixture(scope="session")
def scaling() -> Scaling:
    return SCALING


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    """Draw 150 images, of class row % 3, which shows in their brightness."""
    noise = np.random.default_rng(1).integers(0, 100, (150, SIZE, SIZE))
    return (noise + 75 * (np.arange(150) % 3)[:, None, None]).astype(np.uint8)


@pytest.fixture(scope="session")
def labels() -> NDArray[np.int64]:
    return np.arange(150) % 3


@pytest.fixture(scope="session")
def fetch(images: NDArray[np.uint8]) -> FetchBatch:
    return image_source(images)


@pytest.fixture(scope="session")
def new_state() -> Callable[[Variables], TrainState]:
    """Make the state before the first step; in arrays of its own, for the step takes them over."""

    def make(variables: Variables, settings: StepSettings = PLAIN) -> TrainState:
        own = jax.tree.map(lambda leaf: leaf.copy(), variables)
        return state_before_training(own, optax.adam(LEARNING_RATE), settings)

    return make


@pytest.fixture(scope="session")
def task_images(fetch: FetchBatch, labels: NDArray[np.int64]) -> Callable[..., TaskImages]:
    """Make the images of a task from rows of `images`, six images a patient, two of each class."""

    def make(train: NDArray[np.int64], val: NDArray[np.int64], source: FetchBatch = fetch) -> TaskImages:
        return TaskImages(source, labels, np.arange(150) // 6, ("covid19", "normal", "pneumonia"), train, val)

    return make
