"""Train small networks by steps whose batches devices divide, for the tests that start this as a program.

    python shared_steps.py RESULT       (in one process or, with the variables of Open MPI, in several)

RESULT.npz has the losses of each case, and its last parameters; and predictions of an untrained run.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array
from untrained import SIZE as UNTRAINED_SIZE
from untrained import untrained_run

from cxr_cli.models.backbone import Backbone, Block
from cxr_cli.models.network import Network, Variables
from cxr_cli.models.nn.layers import Conv, Dense, dropout
from cxr_cli.models.nn.normalization import BatchNorm
from cxr_cli.models.siamese import Siamese
from cxr_cli.prediction.devices import devices_for, is_first_process, local_devices
from cxr_cli.prediction.forward import Scaling, apply_run, read_map
from cxr_cli.prediction.loading import image_source
from cxr_cli.processes import find_launch, join
from cxr_cli.training.augment import Augmentation
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.feed import feed_of
from cxr_cli.training.loop import step_keys
from cxr_cli.training.siamese import in_batch_loss, pair_loss
from cxr_cli.training.step import StepSettings, new_state, train_step
from cxr_cli.training.tasks import EpochPlan

SIZE, BATCH, STEPS, CLASSES = 8, 16, 5, 3
TURNED = Augmentation(flip="both", rotation=10.0)
CASES: dict[str, tuple[str, StepSettings, bool]] = {
    "single": ("single", StepSettings(TURNED, ema=0.9), False),
    "single, resident": ("single", StepSettings(TURNED, ema=0.9), True),
    "rematerialized": ("single", StepSettings(rematerialize=True), False),
    "micro-batches": ("single", StepSettings(micro_batch=8), False),
    "pairs": ("pairs", StepSettings(), False),
    "pairs, resident": ("pairs", StepSettings(), True),
    "in-batch pairs": ("in-batch", StepSettings(), False),
}


class Small(Backbone):
    """A network with what needs care: batch statistics, dropout, and a loop over the images of a batch."""

    STAGES = (("conv", "norm", "depthwise"), ("fc",), ("classifier",))
    embedding_size = 5

    def __init__(self, classes: int | None, rng: np.random.Generator) -> None:
        self.conv = Conv(1, 4, 3, stride=2, bias=False, lowering="native", rng=rng)
        self.norm = BatchNorm(4)
        self.depthwise = Conv(4, 4, 3, groups=4, lowering="product", rng=rng)
        self.fc = Dense(4 * (SIZE // 2) ** 2, self.embedding_size, rng=rng)
        self.classifier = None if classes is None else Dense(self.embedding_size, classes, rng=rng)

    def layers(self) -> dict[str, tuple[Block, ...]]:
        return {"all": (lambda x, mask: nnx.relu(self.depthwise(self.norm(self.conv(x), mask))),)}

    def embedding(self, features: Array, keys: Array | None = None) -> Array:
        return nnx.relu(self.fc(dropout(features.reshape(len(features), -1), 0.5, keys)))

    def head(self, features: Array, keys: Array | None = None) -> Array:
        assert self.classifier is not None
        return self.classifier(self.embedding(features, keys))


def draw(siamese: bool) -> tuple[Network, Variables]:
    rng = np.random.default_rng(0)
    module = Siamese(Small(None, rng), rng=rng) if siamese else Small(CLASSES, rng)
    graph, params, stats = nnx.split(module, nnx.Param, ...)
    return Network(graph, module.STAGES, 0), Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


def plan_of(kind: str, rng: np.random.Generator) -> EpochPlan:
    """Draw batches; the last one is not full."""
    rows = rng.integers(0, 60, (STEPS, 2 * BATCH if kind == "pairs" else BATCH))
    mask = np.ones((STEPS, BATCH), bool)
    mask[-1, 11:] = kind == "in-batch"
    different = rows[:, :BATCH] % CLASSES != rows[:, -BATCH:] % CLASSES
    return EpochPlan(rows, different.astype(np.int64) if kind == "pairs" else rows % CLASSES, mask)


def train(kind: str, settings: StepSettings, resident: bool) -> dict[str, Any]:
    losses_of = {"single": classification_loss(np.ones(CLASSES, np.float32), 0.0), "pairs": pair_loss}
    network, variables = draw(kind != "single")
    devices = devices_for(settings.micro_batch or BATCH)
    images = np.random.default_rng(1).integers(0, 255, (60, SIZE, SIZE), np.uint8)
    optimizer, scaling = optax.sgd(0.05, momentum=0.9), Scaling(0.5, 0.3, "float32")
    loss = losses_of.get(kind, in_batch_loss)
    step = train_step(network, scaling, loss, optimizer, settings, devices)
    state = devices.replicate(new_state(jax.tree.map(jnp.copy, variables), optimizer, settings))
    feed = feed_of(step, image_source(images, resident, devices))
    with feed(plan_of(kind, np.random.default_rng(2)), step_keys(0, 0, STEPS), 0) as run:
        state, losses = run(state, STEPS)
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(state.judged)]
    return {"losses": losses, "weights": np.concatenate(leaves), "devices": devices.count}


def predict() -> dict[str, Any]:
    """Score images as `cxr test` does, of which no batch is full, and read what outliers are told by."""
    run = untrained_run(Path("run"), siamese=False)
    images = np.random.default_rng(1).integers(0, 256, (75, UNTRAINED_SIZE, UNTRAINED_SIZE), np.uint8)
    source = image_source(images, devices=local_devices())
    logits, features = apply_run(run, read_map)(source, np.arange(75))
    divided = len(source(np.arange(16)).sharding.device_set)
    return {"logits": logits, "features": features, "devices": divided}


def main() -> None:
    if launch := find_launch("auto"):
        join(launch)
    found = {f"{case}: {name}": value for case, of in CASES.items() for name, value in train(*of).items()}
    found |= {f"prediction: {name}": value for name, value in predict().items()}
    if is_first_process():
        np.savez(Path(sys.argv[1]), **found)


if __name__ == "__main__":
    main()
