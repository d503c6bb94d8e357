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
from cxr_cli.prediction.devices import highest, is_first_process, meet
from cxr_cli.runs.model_store import saving, this_process_alone
from cxr_cli.training.step import TrainState


class Progress(NamedTuple):
    """How far a run has come: whole epochs done, and steps done in the one after."""

    epoch: int
    step: int


class RollingCheckpoint:
    """One checkpoint in a folder; the next one replaces it once it is whole.

    Of several processes the first one writes and reads it.
    """

    def __init__(self, manager: ocp.CheckpointManager | None, run: str) -> None:
        """Use an Orbax manager that keeps one checkpoint, None in the other processes.

        Args:
            manager: of the folder.
            run: digest of the run's configuration, 64 hex digits, by which the checkpoint is known.
        """
        self._manager = manager
        self._run = np.frombuffer(bytes.fromhex(run), np.uint8)

    def save(self, count: int, state: TrainState, progress: Progress) -> None:
        """Save the state under a number that grows: steps since the run began."""
        if self._manager is not None:
            content = {"state": state._asdict(), "progress": progress._asdict(), "run": self._run}
            content = jax.tree.map(_on_host, content)
            with saving(self._manager.directory / str(count), content):
                self._manager.save(count, args=ocp.args.StandardSave(content))
        meet(f"checkpoint {count}")

    def restore(self, like: TrainState) -> tuple[TrainState, Progress] | None:
        """Return the saved state, shaped like `like`, or None where there is none.

        In the other processes the state has the right shapes alone, and is to be taken from the first one.

        Raises:
            BadInput: the checkpoint cannot be read, or is of another run.
        """
        template = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        saved = None if self._manager is None else self._restore(self._manager, template)
        found, epoch, step = map(int, highest(*((1, *saved[1]) if saved else (0, 0, 0))))
        if not found:
            return None
        state = saved[0] if saved else template
        # Orbax commits arrays to a device and a run's first state is not committed: one step for both.
        return jax.tree.map(jnp.array, state), Progress(epoch, step)

    def _restore(
        self, manager: ocp.CheckpointManager, template: TrainState
    ) -> tuple[TrainState, Progress] | None:
        count = manager.latest_step()
        if count is None:
            return None
        content = {"state": template._asdict(), "progress": Progress(0, 0)._asdict(), "run": self._run}
        try:
            saved: dict[str, Any] = manager.restore(count, args=ocp.args.StandardRestore(content))
        except Exception as error:  # Orbax raises anything, plain Exception too, on damaged files
            folder = manager.directory
            raise BadInput(
                f"{folder / str(count)}: the checkpoint cannot be read ({type(error).__name__}); "
                f"remove {folder} to train from the beginning"
            ) from error
        if not np.array_equal(saved["run"], self._run):
            found, own = (bytes(np.asarray(digest)).hex()[:12] for digest in (saved["run"], self._run))
            raise BadInput(
                f"{manager.directory / str(count)}: the checkpoint is of another run, {found}..., "
                f"this one is {own}...; remove {manager.directory} to train from the beginning"
            )
        return TrainState(**saved["state"]), Progress(**saved["progress"])


def _on_host(leaf: Any) -> Any:
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf


@contextmanager
def rolling_checkpoint(folder: Path, run: str) -> Iterator[RollingCheckpoint]:
    """Open the checkpoint folder of a run, by the digest of its configuration.

    An unfinished save of a killed run is cleared away.
    """
    if not is_first_process():
        yield RollingCheckpoint(None, run)
        return
    folder.mkdir(parents=True, exist_ok=True)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=1,
        enable_async_checkpointing=False,
        cleanup_tmp_directories=True,
        create=False,
        multiprocessing_options=this_process_alone(),
    )
    with ocp.CheckpointManager(folder.resolve(), options=options) as manager:
        yield RollingCheckpoint(manager, run)
