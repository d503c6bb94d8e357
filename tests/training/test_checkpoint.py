"""The rolling checkpoint."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.models.network import Network, Variables
from cxr_cli.training.checkpoint import Progress, rolling_checkpoint
from cxr_cli.training.step import TrainState

RUN = "0123456789abcdef" * 4
"""Digest of a run's configuration."""


@pytest.fixture
def state(single: tuple[Network, Variables], new_state: Callable[[Variables], TrainState]) -> TrainState:
    """Make a state in which every number is another."""
    leaves, tree = jax.tree.flatten(new_state(single[1]))
    rng = np.random.default_rng(0)
    drawn = [
        jax.numpy.asarray(rng.integers(0, 10**6, leaf.shape) / 10**6 * 7).astype(leaf.dtype)
        for leaf in leaves
    ]
    return jax.tree.unflatten(tree, drawn)


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path, state: TrainState) -> None:
    blank = jax.tree.map(lambda leaf: leaf * 0, state)
    with rolling_checkpoint(tmp_path / "checkpoints", RUN) as checkpoint:
        assert checkpoint.restore(blank) is None
        checkpoint.save(17, state, Progress(2, 5))
    with rolling_checkpoint(tmp_path / "checkpoints", RUN) as checkpoint:
        restored = checkpoint.restore(blank)
    assert restored is not None
    again, progress = restored
    assert (progress, type(progress)) == (Progress(2, 5), Progress)
    assert jax.tree.structure(again) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, again, state)


def test_the_next_one_replaces_it(tmp_path: Path, state: TrainState) -> None:
    with rolling_checkpoint(tmp_path, RUN) as checkpoint:
        checkpoint.save(3, state, Progress(0, 3))
        checkpoint.save(10, state._replace(totals=state.totals + 1), Progress(1, 0))
        again, progress = checkpoint.restore(state)
    assert progress == Progress(1, 0)
    np.testing.assert_array_equal(again.totals, state.totals + 1)
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


def test_an_unfinished_save_of_a_killed_run_is_cleared_away(tmp_path: Path, state: TrainState) -> None:
    with rolling_checkpoint(tmp_path, RUN) as checkpoint:
        checkpoint.save(3, state, Progress(0, 3))
    unfinished = tmp_path / "10.orbax-checkpoint-tmp"
    (unfinished / "default").mkdir(parents=True)
    with rolling_checkpoint(tmp_path, RUN) as checkpoint:
        restored = checkpoint.restore(state)
        assert restored is not None
        assert restored[1] == Progress(0, 3)
        checkpoint.save(10, state, Progress(1, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


def test_a_damaged_checkpoint_is_refused_with_what_to_do(tmp_path: Path, state: TrainState) -> None:
    with rolling_checkpoint(tmp_path, RUN) as checkpoint:
        checkpoint.save(3, state, Progress(0, 3))
    for path in (tmp_path / "3").rglob("_METADATA"):
        path.write_text("{")
    with (
        rolling_checkpoint(tmp_path, RUN) as checkpoint,
        pytest.raises(BadInput, match=r"3: the checkpoint cannot be read .*; remove .* to train from the"),
    ):
        checkpoint.restore(state)


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path, state: TrainState) -> None:
    with rolling_checkpoint(tmp_path, RUN) as checkpoint:
        checkpoint.save(1, state, Progress(1, 0))
    with (
        rolling_checkpoint(tmp_path, "f" * 64) as checkpoint,
        pytest.raises(BadInput, match=r"is of another run, 0123456789ab\.\.\., this one is ffffffffffff"),
    ):
        checkpoint.restore(state)
