"""A configuration and its films -> a trained RUN: the parts put together."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import jax
import numpy as np

from cxr_cli.artifacts import versions, write_json
from cxr_cli.dataset.split_file import Split
from cxr_cli.dataset.store import Dataset
from cxr_cli.inference.films import FetchBatch, film_source
from cxr_cli.inference.forward import Scaling
from cxr_cli.models.registry import Network, create
from cxr_cli.run import RECORD, Recipe, RunConfig, write_config
from cxr_cli.training.classification import Classification
from cxr_cli.training.comparison import Comparison
from cxr_cli.training.history import EpochRecord
from cxr_cli.training.loop import Preemption, Report, Trainer
from cxr_cli.training.optimizer import adam
from cxr_cli.training.step import TrainState, new_totals, train_step
from cxr_cli.training.tasks import Task


def run_config(recipe_name: str, recipe: Recipe, dataset: Dataset, split: Split, seed: int) -> RunConfig:
    """Resolve all that decides a run.

    Raises:
        BadInput: the training or validation subset has no film.
    """
    return RunConfig(
        **asdict(recipe),
        recipe=recipe_name,
        size=int(dataset.images.shape[1]),
        classes=split.classes,
        mean=split.pixels.mean,
        std=split.pixels.std,
        seed=seed,
        dataset=str(dataset.folder.resolve()),
        dataset_digest=dataset.digest,
        split=str(split.path.resolve()),
        split_digest=split.digest,
        fold=split.fold,
    )


def train(
    folder: Path, config: RunConfig, dataset: Dataset, split: Split, report: Report, preempted: Preemption
) -> list[EpochRecord]:
    """Train a net as configured and leave it in `folder`; goes on where an earlier call stopped.

    Returns:
        The history.

    Raises:
        UsageFault: the folder holds a run of another configuration, or the loss is no longer finite.
        BadInput: the folder holds something else, or a subset has no film.
        Preempted: asked to stop; the state is saved.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    network, variables = create(config.network, np.random.default_rng(config.seed))
    scaling = Scaling(config.mean, config.std, config.precision)
    fetch = film_source(dataset.images)
    task = _task(network, scaling, fetch, config, split)
    # Only now, for a configuration that no net or task can be made of is to leave no run behind.
    write_config(folder, config)
    optimizer = adam(config.lr)
    trainer = Trainer(
        folder=folder,
        task=task,
        step=train_step(network, scaling, task.row_loss, optimizer),
        fetch=fetch,
        epochs=config.epochs,
        seed=config.seed,
        report=report,
        preempted=preempted,
    )
    history = trainer.fit(TrainState(variables, optimizer.init(variables.params), new_totals()))
    record = {
        "finished": True,
        "epochs": len(history),
        "seed": config.seed,
        "device": _device(),
        "last_session_started": started.isoformat(timespec="seconds"),
        "last_session_seconds": round(time.monotonic() - began, 1),
        "training_seconds": round(sum(epoch.seconds for epoch in history), 1),
        "versions": versions(),
    }
    write_json(folder / RECORD, record)
    return history


def _task(network: Network, scaling: Scaling, fetch: FetchBatch, config: RunConfig, split: Split) -> Task:
    train_rows, val_rows = split.rows("train"), split.rows("val")
    if config.pairs is None or config.pairing is None or config.trials is None:
        return Classification(
            network, scaling, fetch, split.labels, train_rows, val_rows, config.batch_size, config.seed
        )
    return Comparison(
        network,
        scaling,
        fetch,
        split.labels,
        split.patients,
        train_rows,
        val_rows,
        classes=config.classes,
        batch_size=config.batch_size,
        pairs=config.pairs,
        pairing=config.pairing,
        trials=config.trials,
        seed=config.seed,
    )


def _device() -> str:
    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"
