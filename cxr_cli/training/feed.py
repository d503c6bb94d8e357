"""How the steps of an epoch get their images: read ahead of the device, or from where they are on it."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from inspect import unwrap
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.prediction.devices import ONE_DEVICE, Devices
from cxr_cli.prediction.loading import FetchBatch, ImageSource
from cxr_cli.training.step import TrainState, TrainStep, compiled_for
from cxr_cli.training.tasks import EpochPlan

# Batches that are read at once, while the device computes: a disk far away is slow to answer, not to send.
READ_AHEAD = 4

RunSteps = Callable[[TrainState, int], tuple[TrainState, NDArray[np.float32]]]
"""Runs an epoch's next steps: maps (state, how many) to the state after them and their losses [how many]."""

Feed = Callable[[EpochPlan, Array, int], AbstractContextManager[RunSteps]]
"""Begins an epoch: takes its plan, the keys of its steps [steps], and the number of the first one to run."""


def feed_of(step: TrainStep, source: ImageSource) -> Feed:
    """Choose how a step is fed from a source; the weights are the same to rounding."""
    if source.resident is None:
        return partial(streamed, step, source, source.devices)
    program = many_steps(step, source.devices)
    return partial(resident, program, source.resident, source.devices)


@contextmanager
def streamed(
    step: TrainStep, fetch: FetchBatch, devices: Devices, plan: EpochPlan, keys: Array, first: int
) -> Iterator[RunSteps]:
    """Feed a step with batches that are fetched while the device computes those before."""
    with closing(_fetched_ahead(fetch, plan.rows[first:])) as batches:
        rest = zip(batches, plan.targets[first:], plan.mask[first:], keys[first:], strict=True)

        def run(state: TrainState, count: int) -> tuple[TrainState, NDArray[np.float32]]:
            losses: list[Array] = []
            for images, targets, mask, key in islice(rest, count):
                state, loss = step(state, images, devices.divide(targets), devices.divide(mask), key)
                # One step is in flight while the next one is prepared, but no more: each holds its images.
                if losses:
                    losses[-1].block_until_ready()
                losses.append(loss)
            return state, np.array(jax.device_get(losses), np.float32)

        yield run


def _fetched_ahead(fetch: FetchBatch, rows: NDArray[np.int64]) -> Generator[Array, None, None]:
    """Fetch the batches of rows [steps, images], in order, some of them ahead of time."""
    with ThreadPoolExecutor(READ_AHEAD) as readers:
        coming = deque(readers.submit(fetch, batch) for batch in rows[:READ_AHEAD])
        for number in range(len(rows)):
            yield coming.popleft().result()
            coming.extend(readers.submit(fetch, batch) for batch in rows[number + READ_AHEAD :][:1])


ManySteps = Callable[[TrainState, Array, EpochPlan, Array, int, int], tuple[TrainState, Array]]
"""Maps (state, images uint8 [N,H,W], plan, keys, first, stop) to the state and the losses [steps]."""


def many_steps(step: TrainStep, devices: Devices = ONE_DEVICE) -> ManySteps:
    """Make the program that runs any number of an epoch's steps on resident images.

    Not `lax.scan`: the number of steps is no part of the program, which is compiled once.
    """
    traced = unwrap(step)  # within another program it cannot have compiler options of its own

    @compiled_for(devices)
    def run(
        state: TrainState, pixels: Array, plan: EpochPlan, keys: Array, first: int, stop: int
    ) -> tuple[TrainState, Array]:
        def one(number: Array, before: tuple[TrainState, Array]) -> tuple[TrainState, Array]:
            state, losses = before
            images = jnp.take(pixels, plan.rows[number], axis=0)
            state, loss = traced(state, images, plan.targets[number], plan.mask[number], keys[number])
            return state, losses.at[number].set(loss)

        losses = jnp.zeros(len(plan.rows), jnp.float32)
        after: tuple[TrainState, Array] = jax.lax.fori_loop(first, stop, one, (state, losses))
        return after

    return run


@contextmanager
def resident(
    program: ManySteps, pixels: Array, devices: Devices, plan: EpochPlan, keys: Array, first: int
) -> Iterator[RunSteps]:
    """Feed steps from images on the device: however many are run, the device is asked once."""
    on_device: EpochPlan = jax.tree.map(partial(devices.divide, axis=1), plan)
    done = first

    def run(state: TrainState, count: int) -> tuple[TrainState, NDArray[np.float32]]:
        nonlocal done
        state, losses = program(state, pixels, on_device, keys, done, done + count)
        done += count
        return state, np.asarray(losses)[done - count : done]

    yield run
