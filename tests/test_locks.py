"""One command at a time writes into a folder."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_cli import locks
from cxr_cli.errors import BadInput
from cxr_cli.locks import LOCK, holds, is_locked_here, locked

HOLD = """
import sys
from pathlib import Path
from cxr_cli.locks import holds, locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Hold a folder's lock in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with hold(tmp_path / "run") as first:
        with (
            pytest.raises(
                BadInput, match=rf"run: process {first.pid} on \S+ \(since 20\S+\) is writing there"
            ),
            locked(tmp_path / "run"),
        ):
            pytest.fail("both have it")
        first.communicate("")
    assert not is_locked_here(tmp_path / "run")
    with locked(tmp_path / "run"):
        assert is_locked_here(tmp_path / "run")
        assert json.loads((tmp_path / "run" / LOCK).read_text())["process"] == os.getpid()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path / "run") as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert (tmp_path / "run" / LOCK).exists()
    with locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())


def test_what_was_not_there_before_is_not_there_after_unless_something_is_in_it(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        pass
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "result").touch()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["result"]
    (tmp_path / "mine").mkdir()
    with locked(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


def test_the_lock_is_that_of_the_file_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner may remove the file between our opening it and locking it: then ours is of no file."""
    flock, first = locks.fcntl.flock, []

    def removed_before(handle: int, operation: int) -> None:
        if not first:
            first.append(handle)
            (tmp_path / LOCK).unlink()
        flock(handle, operation)

    monkeypatch.setattr(locks.fcntl, "flock", removed_before)
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
        with pytest.raises(BadInput), locked(tmp_path):
            pytest.fail("both have it")


def test_without_locks_in_the_file_system_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(locks.NO_LOCKS[0], "no locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with locked(tmp_path):
        assert not (tmp_path / LOCK).exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"), locked(tmp_path / "file" / "run"):
        pytest.fail("there is no such folder")


def test_a_function_holds_the_folder_that_it_is_given(tmp_path: Path) -> None:
    @holds("run")
    def work(what: str, run: Path) -> bool:
        return (run / LOCK).exists()

    assert work("test", tmp_path)
    assert work("test", run=tmp_path)
    assert not work("test", tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    with locked(tmp_path), pytest.raises(BadInput, match="is writing there"):
        work("test", tmp_path)
