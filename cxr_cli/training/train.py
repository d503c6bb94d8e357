"""A configuration and its images -> a trained RUN: the parts put together."""

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import jax
import numpy as np

from cxr_cli.artifacts import versions, write_json
from cxr_cli.dataset.store import Dataset
from cxr_cli.models.network import Network, Variables, create, outline
from cxr_cli.models.weights.pretrained import load_pretrained
from cxr_cli.models.weights.sources import FoundWeights, combined_digest
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import image_source
from cxr_cli.runs.config import CONFIG, Recipe, RunConfig, read_config, write_config
from cxr_cli.runs.folder import RECORD
from cxr_cli.splitting.file import Split
from cxr_cli.training.augment import Augmentation
from cxr_cli.training.classification import Classification, classification_loss
from cxr_cli.training.history import EpochRecord
from cxr_cli.training.loop import Preemption, Report, Trainer
from cxr_cli.training.memory import Fit, fit_batch
from cxr_cli.training.optimizer import make_optimizer
from cxr_cli.training.probe import probed
from cxr_cli.training.siamese import Comparison, PairSettings
from cxr_cli.training.step import StepSettings, TrainState, new_state, train_step
from cxr_cli.training.tasks import Task, TaskImages

# A batch of the first paper's single model is taken to fit; asking would take seconds.
ALWAYS_FITS = 16


def run_config(
    recipe_name: str,
    recipe: Recipe,
    dataset: Dataset,
    split: Split,
    seed: int,
    found: tuple[FoundWeights, ...],
) -> RunConfig:
    """Resolve all that decides a run.

    Images are normalized as the weights were trained, or else by the training pixels.
    """
    begin = {"weights": "none", "weights_digest": None, "mean": split.pixels.mean, "std": split.pixels.std}
    if found:
        begin = {
            "weights": ",".join(part.name for part in found),
            "weights_digest": combined_digest(found),
            "mean": found[0].card.gray_mean,
            "std": found[0].card.gray_std,
        }
    return RunConfig(
        **{**asdict(recipe), **begin},
        recipe=recipe_name,
        size=int(dataset.images.shape[1]),
        classes=split.classes,
        seed=seed,
        dataset=str(dataset.folder.resolve()),
        dataset_digest=dataset.digest,
        split=str(split.path.resolve()),
        split_digest=split.digest,
        fold=split.fold,
    )


def fit_to_memory(folder: Path, config: RunConfig) -> tuple[RunConfig, bool]:
    """Resolve how many images go through the model at once, and whether the step is to be rematerialized.

    What the user named stands, and what a run in `folder` began with. The second does not decide a run, for
    the step is the same to rounding.
    """
    if config.micro_batch is None:
        return config, False
    resolved = config.micro_batch or (read_config(folder).micro_batch if (folder / CONFIG).exists() else None)
    fit = _fit(config, resolved or config.batch_size)
    return replace(config, micro_batch=resolved or fit.micro_batch), fit.rematerialize


def _fit(config: RunConfig, images: int) -> Fit:
    if images <= ALWAYS_FITS:
        return Fit(images, False)
    network, shapes = outline(config.network)
    loss = classification_loss(np.ones(len(config.classes), np.float32), 0.0)
    scaling = Scaling(config.mean, config.std, config.precision)
    return fit_batch(network, shapes, scaling, loss, config.size, images)


def train(
    folder: Path,
    config: RunConfig,
    dataset: Dataset,
    split: Split,
    found: tuple[FoundWeights, ...],
    report: Report,
    preempted: Preemption,
    rematerialize: bool = False,
) -> list[EpochRecord]:
    """Train a model as configured and leave it in `folder`; goes on where an earlier call stopped.

    Args:
        folder: the RUN.
        config: of the run.
        dataset, split: its images.
        found: the weights it begins with, if any, one a model of its architecture.
        report: who is told.
        preempted: whether the process was asked to stop.
        rematerialize: see `StepSettings`.

    Returns:
        The history.

    Raises:
        UsageFault: the folder holds a run of another configuration, or the loss is no longer finite.
        BadInput: the folder holds something else, a subset has no image, or the weights do not fit.
        Preempted: asked to stop; the state is saved.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    network, variables = initial_network(config, found)
    scaling = Scaling(config.mean, config.std, config.precision)
    images = TaskImages.of(split, image_source(dataset.images))
    task = make_task(network, scaling, images, config)
    # Only now, for a configuration that no model or task can be made of is to leave no run behind.
    write_config(folder, config)
    optimizer = make_optimizer(config, network, steps=len(task.plan(1).rows))
    settings = StepSettings(Augmentation.of(config), _parts(config), config.ema, rematerialize)

    def begin() -> TrainState:
        if not config.probe:
            return new_state(variables, optimizer, settings)
        mirrored = config.flip != "none"
        return new_state(probed(network, variables, scaling, images, mirrored=mirrored), optimizer, settings)

    trainer = Trainer(
        folder=folder,
        task=task,
        step=train_step(network, scaling, task.row_loss, optimizer, settings),
        fetch=images.fetch,
        epochs=config.epochs,
        judge_first=bool(config.probe),
        select=config.select,
        seed=config.seed,
        report=report,
        preempted=preempted,
    )
    history = trainer.fit(new_state(variables, optimizer, settings), begin)
    record = {
        "finished": True,
        "epochs": history[-1].epoch,
        "seed": config.seed,
        "device": _device(),
        "rematerialized": rematerialize,
        "last_session_started": started.isoformat(timespec="seconds"),
        "last_session_seconds": round(time.monotonic() - began, 1),
        "training_seconds": round(sum(epoch.seconds for epoch in history), 1),
        "versions": versions(),
    }
    write_json(folder / RECORD, record)
    return history


def initial_network(config: RunConfig, found: tuple[FoundWeights, ...]) -> tuple[Network, Variables]:
    """Draw a run's network, and fill in the published weights it begins with.

    Raises:
        BadInput: the weights do not fit.
    """
    network, variables = create(config.network, np.random.default_rng(config.seed))
    if found:
        variables = load_pretrained(variables, *found)
    return network, variables


def _parts(config: RunConfig) -> int:
    """Return the images of a micro-batch; 0 where the batch goes whole."""
    images = config.micro_batch or 0
    return 0 if images == config.batch_size else images


def make_task(network: Network, scaling: Scaling, images: TaskImages, config: RunConfig) -> Task:
    """Make what a run's recipe learns."""
    if config.pairs is None or config.pairing is None or config.trials is None:
        return Classification(network, scaling, images, config, config.seed)
    pairs = PairSettings(config.batch_size, config.pairs, config.pairing, config.trials)
    return Comparison(network, scaling, images, pairs, config.seed)


def _device() -> str:
    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"
