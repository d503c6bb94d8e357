"""The loop: selection, resumption to the last bit, repair of what a kill left behind."""

import math
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from jax import Array
from recorder import Recorder

from cxr_cli.errors import Preempted, TrainingDiverged
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.devices import ONE_DEVICE
from cxr_cli.prediction.forward import Scaling
from cxr_cli.runs.settings import OptimizationConfig, Select
from cxr_cli.training import loop
from cxr_cli.training.checkpoint import Progress, RollingCheckpoint
from cxr_cli.training.classification import Classification, classification_loss
from cxr_cli.training.feed import streamed
from cxr_cli.training.history import EpochRecord, read_history
from cxr_cli.training.loop import Trainer
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.run import preemption, stop_if_asked
from cxr_cli.training.step import StepSettings, TrainState, TrainStep, train_step
from cxr_cli.training.tasks import EpochPlan, TaskImages, Validation

EPOCHS = 4
STEPS = 4


def resumptions(trainer: Trainer) -> list[str]:
    """What a trainer has said of its resumption."""
    said: list[str] = trainer.reporter.said  # type: ignore[attr-defined]
    return [line for line in said if line.startswith("resuming")]


def optimization(epochs: int, select: Select, patience: int = 0) -> OptimizationConfig:
    return OptimizationConfig(
        epochs=epochs, batch_size=16, optimizer="adam", lr=1e-3, select=select, patience=patience
    )


def never() -> bool:
    return False


def after(questions: int) -> Callable[[], bool]:
    """Say yes from the given question on: one comes after each step, one after each epoch."""
    asked = iter(range(10**6))
    return lambda: next(asked) + 1 >= questions


@pytest.fixture(scope="module")
def real_step(single: tuple[Network, Variables], scaling: Scaling) -> TrainStep:
    loss = classification_loss(np.ones(3, np.float32), 0.0)
    return train_step(single[0], scaling, loss, optax.adam(1e-3), StepSettings())


def not_asked() -> TrainState:
    raise AssertionError("a run that goes on has no use for a beginning")


MakeTrainer = Callable[..., Trainer]


@pytest.fixture(scope="module")
def make_trainer(
    real_step: TrainStep,
    single: tuple[Network, Variables],
    scaling: Scaling,
    task_images: Callable[..., TaskImages],
) -> MakeTrainer:
    """Make a trainer of a model with dropout and Adam: 60 images in 4 steps, 30 images to validate."""

    def make(folder: Path, seed: int = 0, preempted: Callable[[], bool] = never) -> Trainer:
        images = task_images(np.arange(60), np.arange(60, 90))
        task = Classification(single[0], scaling, images, named_recipe("single", {}), seed)
        feed = partial(streamed, real_step, images.fetch, ONE_DEVICE)
        return Trainer(
            "0" * 64,
            folder,
            task,
            feed,
            optimization(EPOCHS, "loss"),
            False,
            seed,
            Recorder(),
            preempted,
            look_seconds=0.0,
        )

    return make


@pytest.fixture(scope="module")
def initial(
    single: tuple[Network, Variables], new_state: Callable[[Variables], TrainState]
) -> Callable[[], TrainState]:
    return lambda: new_state(single[1])


def saved_model(folder: Path) -> dict[str, Any]:
    with ocp.StandardCheckpointer() as checkpointer:
        model: dict[str, Any] = checkpointer.restore((folder / "model" / "weights").resolve())
    return model


def last_checkpoint(folder: Path, like: TrainState) -> tuple[TrainState, Progress]:
    with loop.rolling_checkpoint(folder / "checkpoints", "0" * 64) as checkpoint:
        restored = checkpoint.restore(like)
    assert restored is not None
    return restored


def without_seconds(history: list[EpochRecord]) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in history]


def assert_same_run(one: Path, other: Path, like: TrainState) -> None:
    """Compare history, selected model, and the last state with its optimizer, bit for bit."""
    histories = [without_seconds(read_history(folder / "history.csv", EPOCHS)) for folder in (one, other)]
    assert histories[0] == histories[1]
    jax.tree.map(np.testing.assert_array_equal, saved_model(one), saved_model(other))
    states = [last_checkpoint(folder, like) for folder in (one, other)]
    assert states[0][1] == states[1][1]
    jax.tree.map(np.testing.assert_array_equal, states[0][0], states[1][0])


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory, make_trainer: MakeTrainer, initial: Callable[[], TrainState]
) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_trainer(folder).fit(initial(), initial)
    return folder


def test_a_run_learns_and_reports_each_step_and_epoch(
    tmp_path: Path, make_trainer: MakeTrainer, initial: Callable[[], TrainState]
) -> None:
    trainer = make_trainer(tmp_path)
    history = trainer.fit(initial(), initial)
    heard: Any = trainer.reporter
    assert list(dict.fromkeys(heard.steps)) == [(done, EPOCHS * STEPS) for done in range(EPOCHS * STEPS + 1)]
    assert heard.notes[0] == "epoch 1/4 compiling"
    others = [note for note in heard.notes[1:] if " loss " not in note]
    assert others == ["epoch 1/4 compiling validation", *(f"epoch {n}/4 validating" for n in (2, 3, 4))]
    notes = [note for note in heard.notes if " loss " in note]
    assert [note.split(" loss ")[0] for note in notes[::STEPS]] == [
        f"epoch {number}/{EPOCHS}" for number in range(1, EPOCHS + 1)
    ]
    assert len(heard.said) == EPOCHS
    for line, record in zip(heard.said, history, strict=True):
        assert line.startswith(f"epoch {record.epoch}/4  loss {record.train_loss:.4f}  accuracy ")
        assert f"val loss {record.val_loss:.4f}  val accuracy {record.val_accuracy:.3f}" in line
        assert (" *  " in line) == bool(record.selected)
    assert heard.said[-1].endswith(" s  0:00:00 left")
    assert [record.epoch for record in history] == [1, 2, 3, 4]
    assert history[-1].val_loss < history[0].val_loss
    for record in history:
        start = (record.epoch - 1) * STEPS
        losses = [float(note.split(" loss ")[1]) for note in notes[start : start + STEPS]]
        # 60 images: three steps of 16 and one of 12.
        assert record.train_loss == pytest.approx((16 * sum(losses[:3]) + 12 * losses[3]) / 60, abs=1e-4)
        assert record.train_accuracy * 60 == pytest.approx(round(record.train_accuracy * 60), abs=1e-4)
    assert without_seconds(read_history(tmp_path / "history.csv", EPOCHS)) == without_seconds(history)


def test_the_seed_decides_a_run_to_the_last_bit(
    tmp_path: Path, uninterrupted: Path, make_trainer: MakeTrainer, initial: Callable[[], TrainState]
) -> None:
    make_trainer(tmp_path / "again").fit(initial(), initial)
    assert_same_run(tmp_path / "again", uninterrupted, initial())
    other = make_trainer(tmp_path / "other", seed=1).fit(initial(), initial)
    assert without_seconds(other) != without_seconds(read_history(uninterrupted / "history.csv", EPOCHS))


@pytest.mark.parametrize(
    ("question", "progress", "message"),
    [
        (1, Progress(0, 1), "stopped in epoch 1 after step 1 of 4; state saved at"),
        (3, Progress(0, 3), "in epoch 1 after step 3 of 4"),
        (4, Progress(1, 0), "stopped after epoch 1; state saved at .*checkpoints, the same command resumes"),
        (5, Progress(1, 0), "stopped after epoch 1"),
        (8, Progress(1, 3), "in epoch 2 after step 3 of 4"),
    ],
)
def test_a_preempted_run_goes_on_as_if_nothing_had_been(
    tmp_path: Path,
    uninterrupted: Path,
    make_trainer: MakeTrainer,
    initial: Callable[[], TrainState],
    question: int,
    progress: Progress,
    message: str,
) -> None:
    with pytest.raises(Preempted, match=message):
        make_trainer(tmp_path / "run", preempted=after(question)).fit(initial(), initial)
    again = make_trainer(tmp_path / "run")
    again.fit(initial(), not_asked)
    step = f", step {progress.step}" if progress.step else ""
    assert resumptions(again) == [f"resuming after epoch {progress.epoch}{step}"]
    assert_same_run(tmp_path / "run", uninterrupted, initial())


def test_going_on_compiles_nothing_anew(
    tmp_path: Path, make_trainer: MakeTrainer, initial: Callable[[], TrainState], real_step: TrainStep
) -> None:
    programs: Any = real_step
    for question in (2, 3):
        with pytest.raises(Preempted):
            make_trainer(tmp_path, preempted=after(question)).fit(initial(), initial)
    make_trainer(tmp_path).fit(initial(), initial)
    assert programs._cache_size() == 1


def test_a_run_preempted_at_every_step_still_ends_and_alike(
    tmp_path: Path, uninterrupted: Path, make_trainer: MakeTrainer, initial: Callable[[], TrainState]
) -> None:
    for _ in range(EPOCHS * STEPS - 1):
        with pytest.raises(Preempted):
            make_trainer(tmp_path / "run", preempted=lambda: True).fit(initial(), initial)
    make_trainer(tmp_path / "run", preempted=lambda: True).fit(initial(), initial)
    assert_same_run(tmp_path / "run", uninterrupted, initial())


def test_a_finished_run_is_not_trained_again(
    uninterrupted: Path, make_trainer: MakeTrainer, initial: Callable[[], TrainState]
) -> None:
    trainer = make_trainer(uninterrupted)
    history = trainer.fit(initial(), initial)
    assert len(history) == EPOCHS
    heard: Any = trainer.reporter
    assert heard.steps == []


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("epoch", [1, 2, EPOCHS])
def test_a_run_killed_between_checkpoint_and_model_is_repaired(
    tmp_path: Path,
    uninterrupted: Path,
    make_trainer: MakeTrainer,
    initial: Callable[[], TrainState],
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
) -> None:
    save = loop.save_model

    def killed(folder: Path, run: str, variables: Variables, number: int) -> None:
        if number == epoch:
            raise Killed
        save(folder, run, variables, number)

    selected = {
        record.epoch for record in read_history(uninterrupted / "history.csv", EPOCHS) if record.selected
    }
    assert epoch in selected, "the epoch must be one whose model is saved"
    monkeypatch.setattr(loop, "save_model", killed)
    with pytest.raises(Killed):
        make_trainer(tmp_path / "run").fit(initial(), initial)
    monkeypatch.undo()
    make_trainer(tmp_path / "run").fit(initial(), initial)
    assert_same_run(tmp_path / "run", uninterrupted, initial())


def test_a_run_killed_between_history_and_checkpoint_is_repaired(
    tmp_path: Path,
    uninterrupted: Path,
    make_trainer: MakeTrainer,
    initial: Callable[[], TrainState],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = RollingCheckpoint.save

    def killed(self: RollingCheckpoint, count: int, state: TrainState, progress: Progress) -> None:
        if progress == Progress(2, 0):
            raise Killed
        save(self, count, state, progress)

    monkeypatch.setattr(RollingCheckpoint, "save", killed)
    with pytest.raises(Killed):
        make_trainer(tmp_path / "run").fit(initial(), initial)
    monkeypatch.undo()
    assert len(read_history(tmp_path / "run" / "history.csv", 9)) == 2
    again = make_trainer(tmp_path / "run")
    again.fit(initial(), not_asked)
    assert resumptions(again) == ["resuming after epoch 1"]
    assert_same_run(tmp_path / "run", uninterrupted, initial())


class Scripted:
    """A task of one step an epoch that is judged as written."""

    row_loss: Any = None

    def __init__(self, judged: list[Validation], first: int) -> None:
        self.judged, self.first = judged, first

    def plan(self, epoch: int) -> EpochPlan:  # noqa: ARG002 - a Task's signature
        return EpochPlan(np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64), np.ones((1, 1), np.bool_))

    def validate(self, variables: Variables, epoch: int) -> Validation:  # noqa: ARG002 - a Task's signature
        return self.judged[epoch - self.first]


def scripted(
    folder: Path,
    judged: list[Validation],
    losses: Iterator[float] | None = None,
    select: Select = "accuracy",
    judge_first: bool = False,
    patience: int = 0,
) -> tuple[Trainer, TrainState]:
    """Make a trainer whose only parameter counts the epochs."""

    def step(
        state: TrainState, images: Array, targets: Array, mask: Array, key: Array
    ) -> tuple[TrainState, Array]:
        loss = next(losses) if losses else 0.5
        variables = Variables({"epochs": state.variables.params["epochs"] + 1}, {})
        totals = jnp.array([loss, 1.0, 1.0])
        return state._replace(variables=variables, totals=totals), jnp.array(loss)

    epochs = len(judged) - judge_first
    variables = Variables({"epochs": jnp.zeros(2)}, {})
    state = TrainState(variables, {"count": jnp.zeros(())}, (), jnp.zeros((), jnp.int32), jnp.zeros(3))
    trainer = Trainer(
        "0" * 64,
        folder,
        Scripted(judged, 0 if judge_first else 1),
        partial(streamed, step, jnp.asarray, ONE_DEVICE),
        optimization(epochs, select, patience),
        judge_first,
        0,
        Recorder(),
        never,
    )
    return trainer, state


def test_the_first_of_the_best_epochs_is_selected(tmp_path: Path) -> None:
    accuracies = [0.5, 0.7, 0.6, 0.9, 0.9, 0.8]
    trainer, state = scripted(tmp_path, [Validation(0.1, accuracy) for accuracy in accuracies])
    history = trainer.fit(state, lambda: state)
    assert [record.selected for record in history] == [1, 1, 0, 1, 0, 0]
    model = saved_model(tmp_path)
    assert model["epoch"] == 4
    assert model["params"]["epochs"].tolist() == [4.0, 4.0]


def test_the_first_of_the_lowest_losses_is_selected(tmp_path: Path) -> None:
    losses = [0.9, 0.7, 0.8, 0.4, 0.4, 0.6]
    trainer, state = scripted(tmp_path, [Validation(loss, loss) for loss in losses], select="loss")
    assert [record.selected for record in trainer.fit(state, lambda: state)] == [1, 1, 0, 1, 0, 0]
    assert saved_model(tmp_path)["epoch"] == 4


def test_a_run_ends_after_so_many_epochs_without_a_better_one_and_stays_ended(tmp_path: Path) -> None:
    aucs = [0.5, 0.7, 0.7, 0.6, 0.9]
    judged = [Validation(0.1, 0.2 * number, auc) for number, auc in enumerate(aucs)]
    for _ in range(2):
        trainer, state = scripted(tmp_path, judged, select="auc", patience=2)
        history = trainer.fit(state, partial(state._replace))
        assert [record.selected for record in history] == [1, 1, 0, 0]
    assert saved_model(tmp_path)["epoch"] == 2


@pytest.mark.parametrize(("accuracies", "selected"), [([0.8, 0.7, 0.8], 0), ([0.8, 0.7, 0.9], 2)])
def test_the_network_before_training_is_kept_if_no_epoch_does_better(
    tmp_path: Path, accuracies: list[float], selected: int
) -> None:
    judged = [Validation(0.1, accuracy) for accuracy in accuracies]
    trainer, state = scripted(tmp_path, judged, judge_first=True)
    history = trainer.fit(state, lambda: state)
    assert [record.epoch for record in history] == [0, 1, 2]
    assert math.isnan(history[0].train_loss)
    assert saved_model(tmp_path)["epoch"] == selected
    assert saved_model(tmp_path)["params"]["epochs"].tolist() == [float(selected)] * 2
    again, state = scripted(tmp_path, judged, judge_first=True)
    assert [record.epoch for record in again.fit(state, lambda: state)] == [0, 1, 2]


def test_a_run_killed_before_its_first_checkpoint_keeps_epoch_0_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = [Validation(0.1, 0.5), Validation(0.1, 0.6)]

    def killed(folder: Path, run: str, variables: Variables, number: int) -> None:
        raise Killed

    monkeypatch.setattr(loop, "save_model", killed)
    trainer, state = scripted(tmp_path, judged, judge_first=True)
    with pytest.raises(Killed):
        trainer.fit(state, lambda: state)
    monkeypatch.undo()
    trainer, state = scripted(tmp_path, judged, judge_first=True)
    assert [record.epoch for record in trainer.fit(state, lambda: state)] == [0, 1]


def test_an_epoch_without_any_hit_is_selected_if_there_is_no_better(tmp_path: Path) -> None:
    trainer, state = scripted(tmp_path, [Validation(0.1, 0.0)] * 2)
    assert [record.selected for record in trainer.fit(state, lambda: state)] == [1, 0]
    assert saved_model(tmp_path)["epoch"] == 1


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_longer_finite_stops_the_run(tmp_path: Path, loss: float) -> None:
    trainer, state = scripted(tmp_path, [Validation(0.1, 0.5)] * 4, iter([0.3, 0.2, loss, 0.1]))
    with pytest.raises(
        TrainingDiverged, match=f"training loss is {loss} in epoch 3, step 1 of 1: lower `lr`"
    ):
        trainer.fit(state, lambda: state)
    # What was good is still there.
    assert len(read_history(tmp_path / "history.csv", 9)) == 2
    assert saved_model(tmp_path)["epoch"] == 1


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_stops_the_run(tmp_path: Path, loss: float) -> None:
    judged = [Validation(0.1, 0.5), Validation(loss, 0.9), Validation(0.1, 0.95)]
    for _ in range(2):
        trainer, state = scripted(tmp_path, judged)
        with pytest.raises(TrainingDiverged, match=f"validation loss is {loss} after epoch 2: lower `lr`"):
            trainer.fit(state, lambda state=state: state)
        assert saved_model(tmp_path)["epoch"] == 1


def test_a_signal_within_a_run_asks_the_command_of_several_runs_too() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with preemption() as command:
        with preemption() as run:
            signal.raise_signal(signal.SIGTERM)
            assert run()
        with preemption() as another:
            assert not another()
        assert command()
        with pytest.raises(Preempted, match="stopped before cv/fold1; what is finished is kept"):
            stop_if_asked(command, Path("cv/fold1"))
    assert signal.getsignal(signal.SIGTERM) is before
