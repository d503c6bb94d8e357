"""The training loop: steps, validation, selection, checkpoints. It resumes where it was stopped."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from cxr_cli.artifacts import require_room
from cxr_cli.errors import Preempted, TrainingDiverged
from cxr_cli.prediction.devices import ONE_DEVICE, Devices, highest, is_first_process, meet
from cxr_cli.reporting import Advance, Reporter
from cxr_cli.runs.folder import CHECKPOINTS, HISTORY
from cxr_cli.runs.model_store import MODEL, save_model, stored_size
from cxr_cli.runs.settings import OptimizationConfig, Select
from cxr_cli.training.checkpoint import Progress, RollingCheckpoint, rolling_checkpoint
from cxr_cli.training.feed import Feed
from cxr_cli.training.history import (
    WORDS,
    EpochRecord,
    best_epoch,
    is_better,
    is_over,
    read_history,
    write_history,
)
from cxr_cli.training.step import TrainState, new_totals
from cxr_cli.training.tasks import Task, Validation

# A checkpoint costs about half a second whatever the model's size, as much as a small model's epoch.
CHECKPOINT_SECONDS = 30.0
# A request to stop is heard, and a loss looked at, about so often.
LOOK_SECONDS = 1.0

Track = Callable[[EpochRecord], None]
"""Receives an epoch, each session in order from the first one on."""

Preemption = Callable[[], bool]
"""Says whether the process was asked to stop."""


def untracked(record: EpochRecord) -> None:
    """Drop the epoch; a `Track`."""


@dataclass(frozen=True)
class Trainer:
    """What stays the same through a run.

    Attributes:
        run: digest of the run's configuration.
        folder: the run's folder, where history.csv, checkpoints/ and model/ go.
        task: how epochs are drawn and judged.
        feed: runs the steps of an epoch.
        optimization: how many epochs to train in all, by which validation metric one is chosen, and how many
            without a better one end the training.
        judge_first: judge the initial state too, as epoch 0, and keep it if no epoch does better.
        seed: of augmentation and dropout.
        reporter: takes a line an epoch, and the progress of the steps.
        preempted: whether the process was asked to stop.
        track: receives the epochs; after a resumption those before it again.
        devices: that divide a batch.
        look_seconds: about how long steps run between two looks at their losses and at `preempted`; with 0
            there is one after each.
    """

    run: str
    folder: Path
    task: Task
    feed: Feed
    optimization: OptimizationConfig
    judge_first: bool
    seed: int
    reporter: Reporter
    preempted: Preemption
    track: Track = untracked
    devices: Devices = ONE_DEVICE
    look_seconds: float = LOOK_SECONDS

    def fit(self, like: TrainState, begin: Callable[[], TrainState]) -> list[EpochRecord]:
        """Train to the last epoch, from the rolling checkpoint if there is one, else from the beginning.

        The selected model is that of the first epoch with the best of the validation metric that selects.

        Args:
            like: any state of this model; only the shapes and types of its arrays matter.
            begin: makes the state before training; not asked where a checkpoint is there.

        Returns:
            The history.

        Raises:
            Preempted: asked to stop; the state is saved.
            TrainingDiverged: the loss is no longer finite.
        """
        with rolling_checkpoint(self.folder / CHECKPOINTS, self.run) as checkpoint:
            self._require_room(like)
            restored = checkpoint.restore(like)
            state, progress = restored or (begin(), Progress(0, 0))
            state = self.devices.replicate(state)
            history = read_history(self.folder / HISTORY, progress.epoch, whole=True)
            meet("history read")
            if restored:
                step = f", step {progress.step}" if progress.step else ""
                self.reporter.say(f"resuming after epoch {progress.epoch}{step}")
            if history and progress.step == 0 and best_epoch(history) is history[-1]:
                # The run may have been killed between its checkpoint and its model.
                self._save_model(state, progress.epoch)
            if self.judge_first and not history:
                history.append(self._judge_initial(state))
            for record in history:
                self.track(record)
            with self.reporter.progress("training") as advance:
                self._fit_epochs(state, progress, history, checkpoint, advance)
        return history

    def _require_room(self, like: TrainState) -> None:
        """Check that the next checkpoint and model have room beside those that they replace."""
        copies = 1 if (self.folder / MODEL).exists() else 2
        size = copies * (stored_size(like._asdict()) + stored_size(like.judged._asdict()))
        if is_first_process():
            require_room(self.folder, size, "checkpoints and model")

    def _fit_epochs(
        self,
        state: TrainState,
        progress: Progress,
        history: list[EpochRecord],
        checkpoint: RollingCheckpoint,
        advance: Advance,
    ) -> None:
        """Train until training is over, and add to the history."""
        epochs, select = self.optimization.epochs, self.optimization.select
        pace, saved = Pace(self.look_seconds), time.monotonic()
        while not is_over(history, self.optimization):
            began, in_steps_before = time.monotonic(), pace.seconds
            epoch = progress.epoch + 1
            state, steps = self._train(state, epoch, progress.step, pace, checkpoint, advance)
            in_steps = pace.seconds - in_steps_before
            state_of_work = "validating" if pace.beside else "compiling validation"
            advance(epoch * steps, epochs * steps, f"epoch {epoch}/{epochs} {state_of_work}")
            validation = self.task.validate(state.judged, epoch)
            _check_finite("validation", validation.loss, f"after epoch {epoch}")
            record = _record(epoch, state, validation, time.monotonic() - began)
            history.append(replace(record, selected=int(is_better(record, history, select))))
            state, progress = state._replace(totals=self._no_totals()), Progress(epoch, 0)
            self._write_history(history)
            pace.beside.append(record.seconds - in_steps)
            self.reporter.say(
                _line(history[-1], epochs, pace.epoch_seconds(steps) * (epochs - epoch), select)
            )
            asked, since_saved = highest(self.preempted(), time.monotonic() - saved)
            over = is_over(history, self.optimization)
            stopping = bool(asked) or over
            if stopping or history[-1].selected or since_saved >= CHECKPOINT_SECONDS:
                checkpoint.save(epoch * steps, state, progress)
                saved = time.monotonic()
            # After the checkpoint, from which it is made good if this is cut off.
            if history[-1].selected:
                self._save_model(state, epoch)
            self.track(history[-1])
            if stopping and not over:
                raise Preempted(f"stopped after epoch {epoch}; {self._saved}")

    def _judge_initial(self, state: TrainState) -> EpochRecord:
        """Record the state before training as epoch 0, and save it as the best so far."""
        began = time.monotonic()
        with self.reporter.progress("validation") as advance:
            advance(0, 1, "compiling")
            validation = self.task.validate(state.judged, 0)
        _check_finite("validation", validation.loss, "before training")
        first = EpochRecord(
            epoch=0,
            train_loss=math.nan,
            train_accuracy=math.nan,
            seconds=time.monotonic() - began,
            selected=1,
            **_validated(validation),
        )
        self._write_history([first])
        self._save_model(state, 0)
        self.reporter.say(f"before training  {_validation(first, self.optimization.select)} *")
        return first

    @property
    def _saved(self) -> str:
        return f"state saved at {self.folder / CHECKPOINTS}, the same command resumes"

    def _no_totals(self) -> Array:
        totals: Array = self.devices.replicate(new_totals())
        return totals

    def _write_history(self, history: Sequence[EpochRecord]) -> None:
        if is_first_process():
            write_history(self.folder / HISTORY, history)

    def _save_model(self, state: TrainState, epoch: int) -> None:
        if is_first_process():
            save_model(self.folder, self.run, state.judged, epoch)
        meet(f"model {epoch}")

    def _train(
        self,
        state: TrainState,
        epoch: int,
        done: int,
        pace: "Pace",
        checkpoint: RollingCheckpoint,
        advance: Advance,
    ) -> tuple[TrainState, int]:
        """Run the steps of one epoch that are not done; return the state and how many steps an epoch has."""
        plan = self.task.plan(epoch)
        steps = len(plan.rows)
        before, total = (epoch - 1) * steps, self.optimization.epochs * steps
        name = f"epoch {epoch}/{self.optimization.epochs}"
        if not pace.seconds:
            advance(before + done, total, f"{name} compiling")
        with self.feed(plan, step_keys(self.seed, before, steps), done) as run:
            while done < steps:
                began = time.monotonic()
                state, losses = run(state, min(pace.steps, steps - done))
                for number, loss in enumerate(losses, start=done + 1):
                    _check_finite("training", float(loss), f"in epoch {epoch}, step {number} of {steps}")
                done += len(losses)
                advance(before + done, total, f"{name} loss {losses[-1]:.4f}")
                asked, took = highest(self.preempted(), time.monotonic() - began)
                pace.adapt(len(losses), took)
                if asked and done < steps:
                    checkpoint.save(before + done, state, Progress(epoch - 1, done))
                    place = f"in epoch {epoch} after step {done} of {steps}"
                    raise Preempted(f"stopped {place}; {self._saved}")
        return state, steps


def step_keys(seed: int, before: int, steps: int) -> Array:
    """Make the keys of an epoch's steps [steps], by the seed and how many steps there were before it."""
    return jax.vmap(partial(jax.random.fold_in, jax.random.key(seed)))(np.arange(before, before + steps))


class Pace:
    """How long the parts of a session take, and how many steps to run before looking at the clock.

    Attributes:
        steps: to run next, no more than twice as many as the last time.
        seconds: in all steps so far.
        beside: seconds of each epoch beside its steps, validation above all.
    """

    def __init__(self, look_seconds: float) -> None:
        """Begin with one step, in which programs are compiled; then look about so often."""
        self.steps = 1
        self.seconds = 0.0
        self.beside: list[float] = []
        self._look_seconds = look_seconds
        self._first = 0.0
        self._after_first = 0

    def adapt(self, steps: int, took: float) -> None:
        """Take note of how long so many steps took, in seconds."""
        if self.seconds:
            self._after_first += steps
        else:
            self._first = took
        self.seconds += took
        self.steps = max(1, min(2 * self.steps, int(self.steps * self._look_seconds / took)))

    def epoch_seconds(self, steps: int) -> float:
        """Estimate an epoch of so many steps: by what came after the first, as soon as there is such."""
        each = (self.seconds - self._first) / self._after_first if self._after_first else self._first
        later = self.beside[1:]
        # The first validation is compiled; after that it takes less than the steps do, as a rule.
        beside = sum(later) / len(later) if later else min(self.beside[0], steps * each)
        return steps * each + beside


def _check_finite(what: str, loss: float, place: str) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"training diverged: {what} loss is {loss} {place}: lower `lr`, raise `warmup`, "
            "or look for corrupt images"
        )


def _record(epoch: int, state: TrainState, validation: Validation, seconds: float) -> EpochRecord:
    loss, correct, weight = (float(total) for total in state.totals)
    return EpochRecord(
        epoch=epoch,
        train_loss=loss / weight,
        train_accuracy=correct / weight,
        seconds=seconds,
        selected=0,
        **_validated(validation),
    )


def _validated(validation: Validation) -> dict[str, Any]:
    return {f"val_{name}": value for name, value in validation._asdict().items()}


def _line(record: EpochRecord, epochs: int, seconds_left: float, select: Select) -> str:
    """Describe an epoch in a line: its metrics, how long it took, and how long the rest will take."""
    minutes, seconds = divmod(round(seconds_left), 60)
    left = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"
    return (
        f"epoch {record.epoch}/{epochs}  "
        f"loss {record.train_loss:.4f}  accuracy {record.train_accuracy:.3f}  {_validation(record, select)}"
        f"{' *' if record.selected else '  '}  {record.seconds:.1f} s  {left}"
    )


def _validation(record: EpochRecord, select: Select) -> str:
    other = "" if select in ("loss", "accuracy") else f"  val {WORDS[select]} {record.validation(select):.3f}"
    return f"val loss {record.val_loss:.4f}  val accuracy {record.val_accuracy:.3f}{other}"
