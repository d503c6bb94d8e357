"""Nothing in the folder where a command is run is imported: not by the command, not by its processes."""

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cxr_cli.import_path import OWN, keep_working_folder_out, working_folder_kept_out

COMMANDS = """
phantom -o raw --count 24 --size 32 --workers 2
preprocess raw/images -o dataset --size 32 --workers 1
split dataset -o split.csv
"""
PROGRAM = """
import sys
from importlib import import_module
from cxr_cli import FUNCTIONS
from cxr_cli.main import main
from cxr_cli.import_path import keep_working_folder_out
sys.path.insert(0, "")  # as by an empty entry of PYTHONPATH
keep_working_folder_out()
for module in FUNCTIONS.values():
    import_module(module)
for line in sys.argv[1].strip().splitlines():
    if code := main(line.split()):
        sys.exit(f"{line}: {code}")
"""


def test_no_command_imports_from_the_working_folder(tmp_path: Path) -> None:
    """A module of every name that Python and the installed packages have lies there.

    Three commands run, of which two have processes; what the others import is imported.
    `tests/fuzz/environments.py` runs them all.
    """
    names = {*sys.stdlib_module_names, *packages_distributions(), "cxr_cli"}
    for name in names:
        (tmp_path / f"{name.partition('/')[0]}.py").write_text("raise SystemExit(f'planted {__name__}')")
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, COMMANDS],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "planted" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_working_folder_is_taken_off_the_path_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    entries = ["", ".", str(tmp_path), str(tmp_path / "link"), str(elsewhere), str(tmp_path / "none.zip")]
    monkeypatch.setattr("sys.path", entries)
    monkeypatch.setenv("PYTHONPATH", f":.:{elsewhere}")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with working_folder_kept_out():
        assert (os.environ["PYTHONPATH"], os.environ["PYTHONSAFEPATH"]) == (str(elsewhere), "1")
    assert os.environ["PYTHONPATH"] == f":.:{elsewhere}"
    assert "PYTHONSAFEPATH" not in os.environ
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # so that it is as before after the test
    keep_working_folder_out()
    assert sys.path == [str(elsewhere), str(tmp_path / "none.zip")]
    monkeypatch.chdir(OWN)
    monkeypatch.setattr("sys.path", [str(OWN)])
    keep_working_folder_out()
    assert sys.path == [str(OWN)]


def test_a_working_folder_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr("sys.path", ["", "/usr/lib"])
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # so that it is as before after the test
    keep_working_folder_out()
