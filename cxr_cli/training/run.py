"""A configuration and its images to a trained RUN: the parts put together."""

import math
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from cxr_cli.artifacts import restore_folder, versions, write_record
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.dataset.settings import geometry_of, views_of
from cxr_cli.determinism import is_required
from cxr_cli.errors import InvalidSetting, Preempted
from cxr_cli.locks import locked
from cxr_cli.models.network import Network, Variables, create, outline
from cxr_cli.models.registry import find_architecture
from cxr_cli.models.weights.pretrained import load_pretrained
from cxr_cli.models.weights.sources import FoundWeights, combined_digest, find_all
from cxr_cli.plots.training_curves import training_curves
from cxr_cli.prediction.devices import Devices, devices_for, highest, is_first_process, meet
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.precision import resolve_precision
from cxr_cli.reporting import Reporter
from cxr_cli.runs.config import RunConfig, check_config, write_config
from cxr_cli.runs.folder import FIGURES, RECORD, is_finished, read_training_record
from cxr_cli.runs.model_store import MODEL
from cxr_cli.runs.settings import ClassificationConfig, NetworkConfig, Recipe, SiameseConfig
from cxr_cli.splitting.file import Split, open_split
from cxr_cli.training.augment import Augmentation
from cxr_cli.training.classification import Classification, classification_loss
from cxr_cli.training.feed import Feed, feed_of
from cxr_cli.training.fit_recipe import resolve_recipe
from cxr_cli.training.history import EpochRecord, read_run_history
from cxr_cli.training.loop import Preemption, Track, Trainer
from cxr_cli.training.memory import Fit, fit_batch
from cxr_cli.training.optimizer import make_optimizer
from cxr_cli.training.probe import probed
from cxr_cli.training.siamese import Comparison, images_in_batch
from cxr_cli.training.step import StepSettings, TrainState, new_state, train_step
from cxr_cli.training.tasks import Task, TaskImages
from cxr_cli.training.trackers import Tracker, tracking

# A batch of the first paper's single model is taken to fit; asking would take seconds.
ALWAYS_FITS = 16
CURVES = "training.png"


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
    card, geometry = found[0].card if found else None, geometry_of(dataset)
    return RunConfig(
        network=replace(
            recipe.network,
            weights=",".join(part.name for part in found) or "none",
            precision=resolve_precision(recipe.network.precision),
        ),
        optimization=recipe.optimization,
        augmentation=recipe.augmentation,
        task=recipe.task,
        weights_digest=combined_digest(found) if found else None,
        mean=card.gray_mean if card else split.pixels.mean,
        std=card.gray_std if card else split.pixels.std,
        recipe=recipe_name,
        size=geometry.size,
        crop_top=geometry.crop_top,
        crop_border=geometry.crop_border,
        views=views_of(dataset),
        classes=split.classes,
        seed=seed,
        dataset=str(dataset.folder.resolve()),
        dataset_digest=dataset.digest,
        split=str(split.path.resolve()),
        split_digest=split.digest,
        fold=split.fold,
    )


def resolve_weights(network: NetworkConfig, size: int, reporter: Reporter) -> tuple[FoundWeights, ...]:
    """Find the initial weights, and say which, from where, with which digest.

    Args:
        network: its architecture and weights.
        size: of the images in pixels.
        reporter: takes the notices.

    Raises:
        InvalidSetting, UsageError, BadInput: see `find_all`.
    """
    find_architecture(network.arch)
    if network.weights == "none":
        if network.weights_scaling != "published":
            raise InvalidSetting(
                "weights_scaling", network.weights_scaling, "needs `weights`, which are none here"
            )
        return ()
    found = find_all(network.weights, network.arch, network.weights_scaling)
    for part in found:
        reporter.say(part.describe())
    if len(found) > 1:
        reporter.say(f"weights together: sha256 {combined_digest(found)}, of their digests")
    sizes = {part.card.input_size for part in found if part.card.input_size} - {size}
    if sizes:
        trained = ", ".join(map(str, sorted(sizes)))
        reporter.say(f"these weights were trained on images of {trained} pixels, yours have {size}")
    return found


def fit_to_memory(folder: Path, config: RunConfig, wanted: int | None, reporter: Reporter) -> Fit:
    """Resolve how many images go through the model at once, and whether the step is to be rematerialized.

    It depends on the machine and does not decide the run, for the step is the same to rounding; only batch
    normalization in training takes the statistics of each part.

    Args:
        folder: of the run: an earlier session's number stands as long as memory holds it.
        config: of the run.
        wanted: images at once that the user asks for, which divide the batch.
        reporter: receives a notice where the batch does not fit as a whole.
    """
    batch = config.optimization.batch_size
    if config.siamese:
        return Fit(batch, False)
    before = (read_training_record(folder) or {}).get("micro_batch")
    images = wanted or before or batch
    devices = devices_for(images).count
    if images // devices <= ALWAYS_FITS:
        return Fit(images, False)
    network, shapes = outline(config.network_spec)
    loss = classification_loss(np.ones(len(config.classes), np.float32), 0.0)
    scaling = Scaling(config.mean, config.std, config.network.precision)
    fit = fit_batch(network, shapes, scaling, loss, config.size, images // devices)
    fit = Fit(wanted or fit.micro_batch * devices, fit.rematerialize)
    if fit.rematerialize:
        ways = "maps within the network's blocks are computed twice, the step is the same"
        if fit.micro_batch != batch:
            ways = f"{fit.micro_batch} at once, their gradients summed, maps within blocks computed twice"
            if config.network.batch_norm == "batch":
                ways += "; batch normalization takes the statistics of each part"
        reporter.say(f"a batch of {batch} images does not fit into memory: {ways}")
    return fit


class ResolvedRun(NamedTuple):
    """All that a run is trained with, by the names of the arguments of `train_run`."""

    folder: Path
    config: RunConfig
    dataset: Dataset
    split: Split
    found: tuple[FoundWeights, ...]
    fit: Fit


def resolve_run(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str,
    fold: int | None,
    seed: int,
    micro_batch: int | None,
    reporter: Reporter,
    **settings: Any,
) -> ResolvedRun:
    """Open a run's images and resolve its configuration; nothing is written. For the arguments see `train`.

    Raises:
        InvalidSetting: see `resolve_recipe`.
        BadInput: the dataset, the split or the weights cannot be used.
    """
    images, folder = open_dataset(Path(dataset)), Path(output)
    division = open_split(Path(split), images, fold)
    resolved, notices = resolve_recipe(recipe, settings, division, micro_batch=micro_batch)
    for notice in notices:
        reporter.say(notice)
    found = resolve_weights(resolved.network, images.images.shape[1], reporter)
    config = run_config(recipe, resolved, images, division, seed, found)
    return ResolvedRun(
        folder, config, images, division, found, fit_to_memory(folder, config, micro_batch, reporter)
    )


def train_run(
    folder: Path,
    config: RunConfig,
    dataset: Dataset,
    split: Split,
    found: tuple[FoundWeights, ...],
    fit: Fit,
    reporter: Reporter,
    trackers: Collection[Tracker] = (),
) -> tuple[list[EpochRecord], bool]:
    """Train a run to its end, from where an earlier call stopped, or find it finished; draw its curves.

    Args:
        folder: the RUN.
        config: of the run.
        dataset, split: its images.
        found: the initial weights, if any.
        fit: see `fit_to_memory`.
        reporter: takes a line an epoch.
        trackers: receive the epochs, of a finished run too.

    Returns:
        The history, and whether there was anything to do.

    Raises:
        SettingsChanged: the folder holds a run of another configuration.
        TrainingDiverged: the loss is no longer finite.
        BadInput: the folder holds something else, a subset has no image, or the weights do not fit.
        Preempted: asked to stop; the state is saved.
    """
    check_config(folder, config)
    with (
        locked(folder) if is_first_process() else nullcontext(),
        tracking(trackers if is_first_process() else (), folder, config) as track,
    ):
        check_config(folder, config)  # again, for another process may have written it meanwhile
        if is_first_process():
            restore_folder(folder / MODEL)
        finished, curves = is_finished(folder), folder / FIGURES / CURVES
        if finished:
            history = read_run_history(folder, config)
            for record in history:
                track(record)
        else:
            with preemption() as preempted:
                history = _train(folder, config, dataset, split, found, fit, reporter, preempted, track)
        if is_first_process() and not (finished and curves.exists()):
            training_curves(history, config.siamese, curves)
    return history, not finished


class Prepared(NamedTuple):
    """What a run trains with, made of its configuration and images; nothing is compiled yet.

    Attributes:
        network, variables: the model as it begins.
        scaling: of its images.
        images: where they are, and how they are divided.
        task: how epochs are drawn and judged.
        optimizer, settings, devices: of the step.
        feed: runs the steps of an epoch.
    """

    network: Network
    variables: Variables
    scaling: Scaling
    images: TaskImages
    task: Task
    optimizer: optax.GradientTransformation
    settings: StepSettings
    devices: Devices
    feed: Feed

    def new_state(self, variables: Variables) -> TrainState:
        """Make the state before the first step."""
        return new_state(variables, self.optimizer, self.settings)


def prepare(
    config: RunConfig, dataset: Dataset, split: Split, found: tuple[FoundWeights, ...], fit: Fit
) -> Prepared:
    """Make what a run trains with; for the arguments see `train_run`.

    Raises:
        BadInput: a subset has no image, or the weights do not fit.
        InvalidSetting: a value that the images or the processes do not allow.
    """
    network, variables = initial_network(config, found)
    scaling = Scaling(config.mean, config.std, config.network.precision)
    optimization = config.optimization
    parts = 0 if fit.micro_batch == optimization.batch_size else fit.micro_batch
    devices = devices_for(math.gcd(_batch_of(config, split), parts))
    source = image_source(dataset.images, fit.resident, devices)
    images = TaskImages.of(split, source)
    task = make_task(network, scaling, images, config)
    optimizer = make_optimizer(optimization, network, steps=len(task.plan(1).rows))
    settings = StepSettings(Augmentation.of(config.augmentation), parts, optimization.ema, fit.rematerialize)
    step = train_step(network, scaling, task.row_loss, optimizer, settings, devices)
    feed = feed_of(step, source)
    return Prepared(network, variables, scaling, images, task, optimizer, settings, devices, feed)


def _train(
    folder: Path,
    config: RunConfig,
    dataset: Dataset,
    split: Split,
    found: tuple[FoundWeights, ...],
    fit: Fit,
    reporter: Reporter,
    preempted: Preemption,
    track: Track,
) -> list[EpochRecord]:
    began, started = time.monotonic(), datetime.now(UTC)
    prepared = prepare(config, dataset, split, found, fit)
    devices = prepared.devices
    meet("nothing written yet")  # All have looked at the folder.
    if is_first_process():
        # Only now, for a configuration that no model or task can be made of is to leave no run behind.
        write_config(folder, config)
    probe = begins_with_probe(config)

    def begin() -> TrainState:
        if not probe:
            return prepared.new_state(prepared.variables)
        everywhere = devices.replicate(prepared.variables)
        flipped = config.augmentation.flip != "none"
        return prepared.new_state(
            probed(
                prepared.network,
                everywhere,
                prepared.scaling,
                prepared.images,
                flipped=flipped,
                reporter=reporter,
                look=lambda: stop_if_asked(preempted, folder),
            )
        )

    trainer = Trainer(
        run=config.digest,
        folder=folder,
        task=prepared.task,
        feed=prepared.feed,
        optimization=config.optimization,
        judge_first=probe,
        seed=config.seed,
        reporter=reporter,
        preempted=preempted,
        track=track,
        devices=devices,
    )
    device = jax.local_devices()[0]
    record = {
        "finished": False,
        "seed": config.seed,
        "device": f"{device.platform}: {device.device_kind}",
        "deterministic": is_required(),
        "devices": devices.count,
        "micro_batch": fit.micro_batch,
        "rematerialized": fit.rematerialize,
        "last_session_started": started.isoformat(timespec="seconds"),
        "versions": versions(),
    }
    _write_record(folder, record)
    history = trainer.fit(prepared.new_state(prepared.variables), begin)
    done = {
        "finished": True,
        "epochs": history[-1].epoch,
        "last_session_seconds": round(time.monotonic() - began, 1),
        "training_seconds": round(sum(epoch.seconds for epoch in history), 1),
    }
    _write_record(folder, {**record, **done})
    return history


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    if is_first_process():
        write_record(folder / RECORD, record)


def begins_with_probe(config: RunConfig) -> bool:
    """Whether the classifier begins as a linear probe."""
    return isinstance(config.task, ClassificationConfig) and config.task.linear_probe


def _batch_of(config: RunConfig, split: Split) -> int:
    """Return how many images or pairs a step has for devices to divide."""
    batch = config.optimization.batch_size
    if isinstance(config.task, SiameseConfig) and config.task.pairing == "in-batch":
        return images_in_batch(split.labels[split.rows("train")], batch)
    return batch


def initial_network(config: RunConfig, found: tuple[FoundWeights, ...]) -> tuple[Network, Variables]:
    """Draw a run's network, and fill in the published weights it begins with.

    Raises:
        BadInput: the weights do not fit.
    """
    network, variables = create(config.network_spec, np.random.default_rng(config.seed))
    if found:
        variables = load_pretrained(variables, *found)
    return network, variables


def make_task(network: Network, scaling: Scaling, images: TaskImages, config: RunConfig) -> Task:
    """Make what a run's recipe learns."""
    if isinstance(config.task, SiameseConfig):
        batch_size = config.optimization.batch_size
        return Comparison(network, scaling, images, config.task, batch_size, config.seed)
    return Classification(network, scaling, images, config, config.seed)


@contextmanager
def preemption() -> Iterator[Preemption]:
    """Turn Ctrl-C, and by what a cluster asks a job to stop (SIGTERM, SIGUSR1), into a question to be asked.

    Within another one, both are asked: a cross-validation is to stop when its fold is. Where Ctrl-C is
    ignored, as by a job in the background of a script, it stays so.
    """
    asked = False
    asking = [signal.SIGTERM, signal.SIGUSR1]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        asking.append(signal.SIGINT)
    outer = {name: signal.getsignal(name) for name in asking}

    def ask(signum: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        handler = outer[signal.Signals(signum)]
        if callable(handler) and handler is not signal.default_int_handler:
            handler(signum, frame)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: asked  # Python lets the main thread alone handle signals.
        return
    for name in outer:
        signal.signal(name, ask)
    try:
        yield lambda: asked
    finally:
        for name, handler in outer.items():
            signal.signal(name, handler)


def stop_if_asked(stopped: Preemption, run: Path) -> None:
    """End a command of several runs before the next one, if it was asked to stop.

    Raises:
        Preempted: it was.
    """
    if highest(stopped())[0]:
        raise Preempted(f"stopped before {run}; what is finished is kept, the same command continues")
