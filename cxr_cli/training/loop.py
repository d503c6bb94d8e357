"""The training loop: steps, validation, selection, checkpoints. It resumes where it was stopped."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax import Array

from cxr_cli.errors import Preempted, TrainingDiverged
from cxr_cli.prediction.devices import ONE_DEVICE, Devices, highest, is_first_process, meet
from cxr_cli.reporting import Advance, Reporter
from cxr_cli.runs.folder import CHECKPOINTS, HISTORY
from cxr_cli.runs.model_store import save_model
from cxr_cli.training.checkpoint import Progress, RollingCheckpoint, rolling_checkpoint
from cxr_cli.training.feed import Feed
from cxr_cli.training.history import EpochRecord, best_epoch, is_better, read_history, write_history
from cxr_cli.training.step import TrainState, new_totals
from cxr_cli.training.tasks import Task, Validation

# A checkpoint costs about half a second whatever the model's size, as much as a small model's epoch.
CHECKPOINT_SECONDS = 30.0
# A request to stop is heard, and a loss looked at, about so often.
LOOK_SECONDS = 1.0

Preemption = Callable[[], bool]
"""Says whether the process was asked to stop."""


@dataclass(frozen=True)
class Trainer:
    """What stays the same through a run.

    Attributes:
        run: digest of the run's configuration.
        folder: the run's folder, where history.csv, checkpoints/ and model/ go.
        task: how epochs are drawn and judged.
        feed: runs the steps of an epoch.
        epochs: how many to train in all.
        judge_first: judge the initial state too, as epoch 0, and keep it if no epoch does better.
        select: "accuracy" or "loss": by which validation metric the epoch is chosen.
        seed: of augmentation and dropout.
        reporter: takes a line an epoch, and the progress of the steps.
        preempted: whether the process was asked to stop.
        devices: that divide a batch.
        look_seconds: about how long steps run between two looks at their losses and at `preempted`; with 0
            there is one after each.
    """

    run: str
    folder: Path
    task: Task
    feed: Feed
    epochs: int
    judge_first: bool
    select: str
    seed: int
    reporter: Reporter
    preempted: Preemption
    devices: Devices = ONE_DEVICE
    look_seconds: float = LOOK_SECONDS

    def fit(self, like: TrainState, begin: Callable[[], TrainState]) -> list[EpochRecord]:
        """Train to the last epoch, from the rolling checkpoint if there is one, else from the beginning.

        The selected model is that of the first epoch with the highest validation accuracy, or the lowest
        validation loss.

        Args:
            like: any state of this model; only the shapes and types of its arrays matter.
            begin: makes the state before training; not asked where a checkpoint is there.

        Returns:
            The history.

        Raises:
            Preempted: asked to stop; the state is saved.
            TrainingDiverged: the loss is no longer finite.
        """
        with (
            rolling_checkpoint(self.folder / CHECKPOINTS, self.run) as checkpoint,
            self.reporter.progress("training") as advance,
        ):
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
            opened = saved = time.monotonic()
            trained_before, pace = progress.epoch, Pace(self.look_seconds)
            while progress.epoch < self.epochs:
                began = time.monotonic()
                epoch = progress.epoch + 1
                state, steps = self._train(state, epoch, progress.step, pace, checkpoint, advance)
                validation = self.task.validate(state.judged, epoch)
                _check_finite("validation", validation.loss, f"after epoch {epoch}")
                better = is_better(validation.loss, validation.accuracy, history, self.select)
                history.append(_record(epoch, state, validation, better, time.monotonic() - began))
                state, progress = state._replace(totals=self._no_totals()), Progress(epoch, 0)
                self._write_history(history)
                for_one = (time.monotonic() - opened) / (epoch - trained_before)
                self.reporter.say(_line(history[-1], self.epochs, for_one * (self.epochs - epoch)))
                asked, since_saved = highest(self.preempted(), time.monotonic() - saved)
                stopping = bool(asked) or epoch == self.epochs
                if stopping or history[-1].selected or since_saved >= CHECKPOINT_SECONDS:
                    checkpoint.save(epoch * steps, state, progress)
                    saved = time.monotonic()
                # After the checkpoint, from which it is made good if this is cut off.
                if history[-1].selected:
                    self._save_model(state, epoch)
                if stopping and epoch < self.epochs:
                    raise Preempted(f"stopped on request after epoch {epoch}; the same command resumes")
        return history

    def _judge_initial(self, state: TrainState) -> EpochRecord:
        """Record the state before training as epoch 0, and save it as the best so far."""
        began = time.monotonic()
        validation = self.task.validate(state.judged, 0)
        _check_finite("validation", validation.loss, "before training")
        first = EpochRecord(
            epoch=0,
            train_loss=math.nan,
            train_accuracy=math.nan,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            seconds=time.monotonic() - began,
            selected=1,
        )
        self._write_history([first])
        self._save_model(state, 0)
        self.reporter.say(f"before training  {_validation(first)} *")
        return first

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
        before = (epoch - 1) * steps
        with self.feed(plan, step_keys(self.seed, before, steps), done) as run:
            while done < steps:
                began = time.monotonic()
                state, losses = run(state, min(pace.steps, steps - done))
                for number, loss in enumerate(losses, start=done + 1):
                    _check_finite("training", float(loss), f"in epoch {epoch}, step {number} of {steps}")
                done += len(losses)
                note = f"epoch {epoch}/{self.epochs} loss {losses[-1]:.4f}"
                advance(before + done, self.epochs * steps, note)
                asked, took = highest(self.preempted(), time.monotonic() - began)
                pace.adapt(took)
                if asked and done < steps:
                    checkpoint.save(before + done, state, Progress(epoch - 1, done))
                    raise Preempted(
                        f"stopped on request in epoch {epoch} after step {done} of {steps}; "
                        "the state is saved: the same command resumes"
                    )
        return state, steps


def step_keys(seed: int, before: int, steps: int) -> Array:
    """Make the keys of an epoch's steps [steps], by the seed and how many steps there were before it."""
    return jax.vmap(partial(jax.random.fold_in, jax.random.key(seed)))(np.arange(before, before + steps))


class Pace:
    """How many steps to run before looking at the clock: no more than twice as many as the last time."""

    def __init__(self, seconds: float) -> None:
        """Begin with one step, in which programs are compiled; aim at so many seconds."""
        self.steps = 1
        self._seconds = seconds

    def adapt(self, took: float) -> None:
        """Take note of how long these steps took, in seconds."""
        self.steps = max(1, min(2 * self.steps, int(self.steps * self._seconds / took)))


def _check_finite(what: str, loss: float, place: str) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"training diverged: {what} loss is {loss} {place}: lower `lr`, raise `warmup`, "
            "or look for corrupt images"
        )


def _record(
    epoch: int, state: TrainState, validation: Validation, selected: bool, seconds: float
) -> EpochRecord:
    loss, correct, weight = (float(total) for total in state.totals)
    return EpochRecord(
        epoch=epoch,
        train_loss=loss / weight,
        train_accuracy=correct / weight,
        val_loss=validation.loss,
        val_accuracy=validation.accuracy,
        seconds=seconds,
        selected=int(selected),
    )


def _line(record: EpochRecord, epochs: int, seconds_left: float) -> str:
    """Describe an epoch in a line: its metrics, how long it took, and how long the rest will take."""
    minutes, seconds = divmod(round(seconds_left), 60)
    left = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"
    return (
        f"epoch {record.epoch}/{epochs}  "
        f"loss {record.train_loss:.4f}  accuracy {record.train_accuracy:.3f}  {_validation(record)}"
        f"{' *' if record.selected else '  '}  {record.seconds:.1f} s  {left}"
    )


def _validation(record: EpochRecord) -> str:
    return f"val loss {record.val_loss:.4f}  val accuracy {record.val_accuracy:.3f}"
