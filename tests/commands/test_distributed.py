"""`cxr train` in two processes: one loss curve, one voice; a signal stops both, a kill ends both."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Session = subprocess.Popen[str]
SETTINGS = ("--width", 0.125, "--batch-size", 8, "--lr", 1e-3)
EPOCHS = 40


def start_two(folder: Path, *words: object) -> list[Session]:
    """Start a command as mpirun does, twice."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "cxr_cli", *map(str, words)]
    sessions = []
    for number in ("0", "1"):
        variables = {"OMPI_COMM_WORLD_SIZE": "2", "JAX_COORDINATOR_ADDRESS": address}
        variables |= {"OMPI_COMM_WORLD_RANK": number, "OMPI_COMM_WORLD_LOCAL_RANK": number}
        with (folder / f"err{number}").open("w") as err:
            sessions.append(
                subprocess.Popen(
                    command, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=err, text=True
                )
            )
    return sessions


def curve(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "history.csv")[["epoch", "train_loss", "val_loss"]]


def test_two_processes_train_stop_and_end_together(
    cxr: Callable[..., Any], small_dataset: Path, tmp_path: Path
) -> None:
    split, alone, together = tmp_path / "split.csv", tmp_path / "alone", tmp_path / "together"
    assert cxr("split", small_dataset, "-o", split, "--val", 0.25, "--test", 0.25).code == 0
    words = ("train", small_dataset, "--split", split, *SETTINGS, "--epochs", EPOCHS, "-o")
    assert cxr(*words, alone).code == 0

    def wait_for_epochs(count: int, sessions: list[Session]) -> None:
        history, deadline = together / "history.csv", time.monotonic() + 200
        while not (history.exists() and len(history.read_text().splitlines()) > count):
            assert all(session.poll() is None for session in sessions), (tmp_path / "err0").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    sessions = start_two(tmp_path, *words, together, "--distributed", "on")
    wait_for_epochs(2, sessions)
    sessions[1].send_signal(signal.SIGTERM)
    printed = [session.communicate(timeout=100)[0] for session in sessions]
    assert [session.returncode for session in sessions] == [75, 75]
    assert printed == ["", ""]
    notices = [(tmp_path / f"err{number}").read_text() for number in range(2)]
    assert notices[0].startswith("2 processes train together\n")
    assert "epoch 1/" not in notices[1]

    sessions = start_two(tmp_path, *words, together)
    wait_for_epochs(len(curve(together)) + 1, sessions)
    sessions[1].kill()
    for session in sessions:
        session.communicate(timeout=100)
    assert sessions[0].returncode not in (0, 75)
    assert "another" in (tmp_path / "err0").read_text()

    # On one device, which has the other half of the batch too.
    outcome = cxr(*words, together)
    assert outcome.code == 0
    assert "resuming after epoch" in outcome.err
    # Rounding, which differs, grows from step to step.
    both, one = curve(together), curve(alone)
    np.testing.assert_allclose(both[:10], one[:10], rtol=1e-3)
    np.testing.assert_allclose(both[10:20], one[10:20], rtol=2e-2)


def test_several_processes_have_to_be_started_where_they_are_required(
    cxr: Callable[..., Any], small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    outcome = cxr(
        "train", small_dataset, "--split", split_file, "-o", tmp_path / "run", "--distributed", "on"
    )
    assert outcome.code == 2
    assert outcome.err == (
        "cxr: --distributed on: two tasks or more of srun or mpirun are needed: OMPI_COMM_WORLD_SIZE is not "
        "set, OMPI_COMM_WORLD_RANK is not set, SLURM_STEP_NUM_TASKS is not set, SLURM_PROCID is not set\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("batch", "processes"), [(9, 2)])
def test_a_batch_that_the_processes_do_not_divide_is_refused(
    monkeypatch: pytest.MonkeyPatch, batch: int, processes: int
) -> None:
    import jax

    from cxr_cli.errors import InvalidSetting
    from cxr_cli.prediction.devices import devices_for

    monkeypatch.setattr(jax, "process_count", lambda: processes)
    with pytest.raises(InvalidSetting, match=f"`batch_size` {batch}: must be a multiple of the 2 processes"):
        devices_for(batch)
