"""What training would take: steps, parameters, memory, and time by a few timed steps. Nothing is written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

from cxr_cli.array_task import ArrayTask
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.models.stages import stage_numbers
from cxr_cli.models.weights.sources import FoundWeights
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import RunConfig, check_config
from cxr_cli.runs.crossval_folder import fold_runs
from cxr_cli.splitting.file import Split, fold_count, open_split
from cxr_cli.training.fit_recipe import resolve_recipe
from cxr_cli.training.loop import step_keys
from cxr_cli.training.memory import Fit, device_memory, step_memory
from cxr_cli.training.recipes import SEARCH_RECIPES
from cxr_cli.training.run import (
    Prepared,
    begins_with_probe,
    fit_to_memory,
    prepare,
    resolve_run,
    resolve_weights,
    run_config,
)
from cxr_cli.training.step import TrainState
from cxr_cli.training.sweep import grid

# After the first, in which programs are compiled.
TIMED_STEPS = 3


@dataclass(frozen=True)
class TrainingPlan:
    """What training one or several runs of one size would take, on this machine.

    Attributes:
        config: of one of the runs.
        runs: how many there are.
        steps_per_epoch: of a run.
        parameters, trainable: numbers in the network, and those that training changes.
        images_at_once: that go through the model; a pair has two.
        devices: that divide them.
        rematerialized: whether feature maps are computed twice, for want of memory.
        step_bytes, device_bytes: memory that a step takes of each device, estimated from the maps that it
            keeps, and that a device has.
        compile_seconds: the first step and the first validation; programs compiled before take less.
        step_seconds: of a step; 0 without steps.
        validation_seconds: of the validation after each epoch.
        probe_seconds: of the feature vectors of a linear probe; its fit comes in addition.
    """

    config: RunConfig
    runs: int
    steps_per_epoch: int
    parameters: int
    trainable: int
    images_at_once: int
    devices: int
    rematerialized: bool
    step_bytes: int
    device_bytes: int
    compile_seconds: float
    step_seconds: float
    validation_seconds: float
    probe_seconds: float

    @property
    def steps(self) -> int:
        """The steps of a run, unless its patience ends first."""
        return self.steps_per_epoch * self.config.optimization.epochs

    @property
    def run_seconds(self) -> float:
        """How long a run takes, reading, compiling and validation included."""
        validations = self.config.optimization.epochs + begins_with_probe(self.config)
        beside = self.compile_seconds + self.probe_seconds
        return beside + self.steps * self.step_seconds + validations * self.validation_seconds

    @property
    def seconds(self) -> float:
        """How long all runs take, one after the other."""
        return self.runs * self.run_seconds


def plan_training(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str = "single",
    fold: int | None = None,
    seed: int = 0,
    micro_batch: int | None = None,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> TrainingPlan:
    """Find out what `train` would take with the same arguments.

    Weights that are not on this machine are fetched as training would; else nothing is written.

    Raises:
        InvalidSetting, SettingsChanged, BadInput: as `train`.
    """
    run = resolve_run(
        dataset,
        split,
        output,
        recipe=recipe,
        fold=fold,
        seed=seed,
        micro_batch=micro_batch,
        reporter=reporter,
        **settings,
    )
    check_config(run.folder, run.config)
    return _plan(*run[1:], reporter)


def plan_crossval(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    seed: int = 0,
    seeds: int = 1,
    task: ArrayTask | None = None,
    **settings: Any,
) -> TrainingPlan:
    """Find out what `crossval` would take: the plan of its first fold, as often as there are runs.

    Tests are not counted.

    Args:
        dataset, split, output, seed, seeds, task: see `crossval`.
        **settings: other arguments of `plan_training`.

    Raises:
        InvalidSetting, SettingsChanged, BadInput: as `crossval`.
    """
    every = fold_runs(Path(output), fold_count(Path(split)), seed, seeds)
    runs = every if task is None else list(task.every_nth(every))
    first = runs[0] if runs else every[0]
    plan = plan_training(dataset, split, first.folder, fold=first.fold, seed=first.seed, **settings)
    return replace(plan, runs=len(runs))


def plan_sweep(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str = "single",
    lr: Sequence[float] | None = None,
    batch_size: Sequence[int] | None = None,
    fold: int | None = None,
    seed: int = 0,
    task: ArrayTask | None = None,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> list[TrainingPlan]:
    """Find out what `sweep` would take: a plan for each batch size, of as many runs as have it.

    Args:
        dataset, split, output, recipe, lr, batch_size, fold, seed, task, reporter, settings: see `sweep`.

    Raises:
        InvalidSetting, SettingsChanged, BadInput: as `sweep`.
    """
    images, folder = open_dataset(Path(dataset)), Path(output)
    division = open_split(Path(split), images, fold)
    every = grid(lr, batch_size)
    points = every if task is None else list(task.every_nth(every))
    plans: list[TrainingPlan] = []
    for size in dict.fromkeys(point.batch_size for point in points):
        alike = [point for point in points if point.batch_size == size]
        overrides = {**settings, "lr": alike[0].lr, "batch_size": size}
        resolved, notices = resolve_recipe(recipe, overrides, division, SEARCH_RECIPES)
        for notice in notices:
            reporter.say(notice)
        found = resolve_weights(resolved.network, images.images.shape[1], SILENT if plans else reporter)
        config = run_config(recipe, resolved, images, division, seed, found)
        run = folder / alike[0].name
        check_config(run, config)
        fit = fit_to_memory(run, config, None, reporter)
        plans.append(replace(_plan(config, images, division, found, fit, reporter), runs=len(alike)))
    return plans


def _plan(
    config: RunConfig,
    dataset: Dataset,
    split: Split,
    found: tuple[FoundWeights, ...],
    fit: Fit,
    reporter: Reporter,
) -> TrainingPlan:
    prepared = prepare(config, dataset, split, found, fit)
    plan = prepared.task.plan(1)
    steps, rows = plan.rows.shape
    at_once = fit.micro_batch if not config.siamese else rows
    each = at_once // prepared.devices.count
    params = prepared.variables.params
    stages = stage_numbers(params, prepared.network.stages)
    sizes = [
        (leaf.size, stage >= prepared.network.frozen)
        for leaf, stage in zip(jax.tree.leaves(params), jax.tree.leaves(stages), strict=True)
    ]
    state = prepared.devices.replicate(prepared.new_state(prepared.variables))
    first = step_seconds = 0.0
    if config.optimization.epochs:
        state, first, step_seconds = _time_steps(prepared, state, config.seed, reporter)
    began = time.monotonic()
    prepared.task.validate(state.judged, 1)
    compiled = time.monotonic()
    prepared.task.validate(state.judged, 1)
    validation = time.monotonic() - compiled
    probe = 0.0
    if begins_with_probe(config):
        passes = 1 + (config.augmentation.flip != "none")
        probe = validation * passes * len(prepared.images.train) / len(prepared.images.val)
    return TrainingPlan(
        config=config,
        runs=1,
        steps_per_epoch=steps,
        parameters=sum(size for size, _ in sizes),
        trainable=sum(size for size, learns in sizes if learns),
        images_at_once=at_once,
        devices=prepared.devices.count,
        rematerialized=fit.rematerialize,
        step_bytes=step_memory(
            prepared.network,
            prepared.variables,
            prepared.scaling,
            prepared.task.row_loss,
            config.size,
            each,
            each * plan.targets.shape[1] // rows,
            fit.rematerialize,
        ),
        device_bytes=device_memory(),
        compile_seconds=max(0.0, first - step_seconds) + max(0.0, compiled - began - validation),
        step_seconds=step_seconds,
        validation_seconds=validation,
        probe_seconds=probe,
    )


def _time_steps(
    prepared: Prepared, state: TrainState, seed: int, reporter: Reporter
) -> tuple[TrainState, float, float]:
    """Run some steps: the state after them, the seconds of the first, which is compiled, and of another."""
    seconds = []
    with reporter.progress("timing") as advance:
        for epoch, wanted in ((1, 1), (2, TIMED_STEPS)):
            plan = prepared.task.plan(epoch)
            steps = len(plan.rows)
            count = min(wanted, steps)
            advance(epoch - 1, 2, "compiling" if epoch == 1 else f"{count} steps")
            with prepared.feed(plan, step_keys(seed, (epoch - 1) * steps, steps), 0) as run:
                began = time.monotonic()
                state, _ = run(state, count)
                seconds.append((time.monotonic() - began) / count)
    return state, seconds[0], seconds[1]
