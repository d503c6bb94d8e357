"""Feeds: however images come to the steps, and however many steps run at once, the weights are the same."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import Array
from numpy.typing import NDArray
from recorder import Recorder

from cxr_cli.errors import Preempted
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.devices import ONE_DEVICE
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import image_source
from cxr_cli.training.augment import Augmentation
from cxr_cli.training.classification import Classification
from cxr_cli.training.feed import Feed, feed_of, resident, streamed
from cxr_cli.training.loop import Pace, Trainer, step_keys
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.siamese import Comparison
from cxr_cli.training.step import StepSettings, TrainState, train_step
from cxr_cli.training.step import new_state as state_before_training
from cxr_cli.training.tasks import EpochPlan, Task, TaskImages

SETTINGS = StepSettings(Augmentation(flip="horizontal", contrast=0.1), ema=0.9)
TASKS = ("single", "random", "in-batch")
MakeTask = Callable[[str], tuple[Task, Network, Variables]]


@pytest.fixture
def make_task(
    single: tuple[Network, Variables],
    siamese: tuple[Network, Variables],
    scaling: Scaling,
    task_images: Callable[..., TaskImages],
) -> MakeTask:
    images_of = lambda: task_images(np.arange(60), np.arange(60, 90))  # noqa: E731

    def make(kind: str) -> tuple[Task, Network, Variables]:
        if kind == "single":
            return Classification(single[0], scaling, images_of(), named_recipe("single", {}), 0), *single
        recipe = named_recipe("siamese", {"pairs": 120, "pairing": kind, "trials": 3})
        return Comparison(siamese[0], scaling, images_of(), recipe.task, 8, 0), *siamese

    return make


@pytest.mark.parametrize("kind", TASKS)
def test_resident_images_give_the_weights_of_streamed_ones(
    make_task: MakeTask,
    scaling: Scaling,
    images: NDArray[np.uint8],
    kind: str,
) -> None:
    task, network, variables = make_task(kind)
    # Not Adam, which makes a step of any rounding where a gradient is nearly zero.
    optimizer = optax.sgd(0.03, momentum=0.9)
    step = train_step(network, scaling, task.row_loss, optimizer, SETTINGS)
    plan = task.plan(1)
    steps = len(plan.rows)
    assert steps > 3

    def trained(place: bool, *counts: int) -> tuple[TrainState, NDArray[np.float32]]:
        own = jax.tree.map(jnp.copy, variables)
        state, losses = state_before_training(own, optimizer, SETTINGS), []
        feed = feed_of(step, image_source(images, resident=place))
        with feed(plan, step_keys(0, 0, steps), 0) as run:
            for count in counts:
                state, some = run(state, count)
                losses.append(some)
        return state, np.concatenate(losses)

    one_by_one = {place: trained(place, *[1] * steps) for place in (False, True)}
    assert int(one_by_one[False][0].steps) == len(one_by_one[False][1]) == steps
    for place, found in one_by_one.items():
        together = trained(place, 2, steps - 2)
        jax.tree.map(np.testing.assert_array_equal, together, found)
    # Two programs of the same arithmetic, which XLA puts together in its own way.
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), *one_by_one.values())


def test_the_feed_follows_from_where_the_images_are(images: NDArray[np.uint8]) -> None:
    feeds = [feed_of(None, image_source(images, place)).func for place in (None, False, True)]  # type: ignore
    assert feeds == [streamed, streamed, resident]


@pytest.mark.parametrize("place", [False, True])
def test_a_run_that_is_stopped_between_dispatches_goes_on_alike(
    tmp_path: Path,
    make_task: MakeTask,
    scaling: Scaling,
    images: NDArray[np.uint8],
    new_state: Callable[..., TrainState],
    place: bool,
) -> None:
    task, network, variables = make_task("single")
    step = train_step(network, scaling, task.row_loss, optax.adam(1e-3), SETTINGS)

    def fit(name: str, preempted: Callable[[], bool], look: float, feed: Feed) -> None:
        trainer = Trainer(
            "0" * 64,
            tmp_path / name,
            task,
            feed,
            replace(named_recipe("single", {}).optimization, epochs=3, select="loss"),
            False,
            0,
            Recorder(),
            preempted,
            look_seconds=look,
        )
        trainer.fit(new_state(variables, SETTINGS), lambda: new_state(variables, SETTINGS))

    feed = feed_of(step, image_source(images, place))
    fit("whole", lambda: False, 60.0, feed)
    answers = iter([False, True])  # after three of four steps
    with pytest.raises(Preempted, match="in epoch 1 after step 3 of 4"):
        fit("stopped", lambda: next(answers), 60.0, feed)
    fit("stopped", lambda: False, 60.0, feed)
    histories = [
        [line.split(",")[:5] for line in (tmp_path / name / "history.csv").read_text().splitlines()]
        for name in ("whole", "stopped")
    ]
    assert len(histories[0]) == 4
    assert histories[0] == histories[1]


def test_batches_are_fetched_ahead_in_order_and_never_after_the_end() -> None:
    fetched: list[int] = []
    held = threading.Event()

    def fetch(rows: NDArray[np.int64]) -> Array:
        if rows[0] >= 1:
            held.wait(30)
        fetched.append(int(rows[0]))
        return jnp.asarray(rows)

    def step(state: int, images: Array, targets: Array, mask: Array, key: Array) -> tuple[int, Array]:
        return 10 * state + int(images[0]), images[0] * 1.0

    plan = EpochPlan(np.arange(9)[:, None], np.zeros((9, 1)), np.ones((9, 1), bool))
    with streamed(step, fetch, ONE_DEVICE, plan, step_keys(0, 0, 9), 0) as run:  # type: ignore[arg-type]
        state, losses = run(0, 1)  # type: ignore[arg-type]
        assert losses.tolist() == [0.0]
        assert fetched == [0]
        held.set()
        deadline = time.monotonic() + 30
        while len(fetched) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        state, losses = run(state, 4)
    assert losses.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert state == 1234  # type: ignore[comparison-overlap]
    assert set(fetched) <= set(range(9))
    with streamed(step, fetch, ONE_DEVICE, plan, step_keys(0, 0, 9), 7) as run:  # type: ignore[arg-type]
        assert run(0, 2)[0] == 78  # type: ignore[arg-type, comparison-overlap]


def test_the_pace_doubles_at_most_and_falls_at_once() -> None:
    pace = Pace(1.0)
    found = []
    for took in (20.0, 0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 1e-9, 100.0):
        pace.adapt(pace.steps, took)
        found.append(pace.steps)
    assert found == [1, 2, 4, 8, 16, 20, 12, 24, 1]
    slow = Pace(0.0)
    slow.adapt(1, 1e-9)
    assert slow.steps == 1


def test_an_epoch_is_estimated_without_what_compiling_took() -> None:
    pace = Pace(1.0)
    pace.adapt(1, 20.0)
    pace.beside.append(9.0)
    assert pace.epoch_seconds(10) == 209.0
    pace.adapt(2, 0.2)
    assert pace.epoch_seconds(10) == pytest.approx(2.0)
    pace.beside.append(1.0)
    assert pace.epoch_seconds(10) == pytest.approx(2.0)
