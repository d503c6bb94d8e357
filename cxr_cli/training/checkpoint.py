"""The rolling checkpoint from which an interrupted run resumes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from cxr_cli.errors import BadInput
from cxr_cli.training.step import TrainState


class Progress(NamedTuple):
    """How far a run has come: whole epochs done, and steps done in the one after."""

    epoch: int
    step: int


class RollingCheckpoint:
    """One checkpoint in a folder; the next one replaces it once it is whole."""

    def __init__(self, manager: ocp.CheckpointManager, run: str) -> None:
        """Use an Orbax manager that keeps one checkpoint, for the run whose configuration has this digest."""
        self._manager = manager
        self._run = np.frombuffer(bytes.fromhex(run), np.uint8)

    def save(self, count: int, state: TrainState, progress: Progress) -> None:
        """Save the state under a number that grows: steps since the run began."""
        content = {"state": state._asdict(), "progress": progress._asdict(), "run": self._run}
        self._manager.save(count, args=ocp.args.StandardSave(content))

    def restore(self, like: TrainState) -> tuple[TrainState, Progress] | None:
        """Return the saved state, shaped like `like`, or None where there is none.

        Raises:
            BadInput: the checkpoint cannot be read, or is of another run.
        """
        count = self._manager.latest_step()
        if count is None:
            return None
        template = {"state": like._asdict(), "progress": Progress(0, 0)._asdict(), "run": self._run}
        try:
            saved: dict[str, Any] = self._manager.restore(count, args=ocp.args.StandardRestore(template))
        except Exception as error:  # Orbax raises anything, plain Exception too, on damaged files
            folder = self._manager.directory
            raise BadInput(
                f"{folder / str(count)}: the checkpoint cannot be read ({type(error).__name__}); "
                f"remove {folder} to train from the beginning"
            ) from error
        if not np.array_equal(saved["run"], self._run):
            found, own = (bytes(np.asarray(digest)).hex()[:12] for digest in (saved["run"], self._run))
            folder = self._manager.directory
            raise BadInput(
                f"{folder / str(count)}: the checkpoint is of another run, {found}..., this one is {own}...; "
                f"remove {folder} to train from the beginning"
            )
        # Orbax commits arrays to a device and a run's first state is not committed: one step for both.
        state = jax.tree.map(lambda leaf: jnp.array(np.asarray(leaf)), saved["state"])
        return TrainState(**state), Progress(**saved["progress"])


@contextmanager
def rolling_checkpoint(folder: Path, run: str) -> Iterator[RollingCheckpoint]:
    """Open the checkpoint folder of a run, by the digest of its configuration.

    An unfinished save of a killed run is cleared away.
    """
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1, enable_async_checkpointing=False, cleanup_tmp_directories=True
    )
    with ocp.CheckpointManager(folder.resolve(), options=options) as manager:
        yield RollingCheckpoint(manager, run)
