"""The command line itself: what it imports, its exit codes, and where its words go."""

import errno
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from cxr_cli import __version__
from cxr_cli.commands.help import EXAMPLES, ORDER
from cxr_cli.errors import BadInput, ExitCode, Preempted, TooManyRejects, UsageError
from cxr_cli.main import BY_MEANING, STAGES, app
from cxr_cli.main import COMMANDS as ONE_LINES

Cxr = Callable[..., Any]
COMMANDS = typer.main.get_command(app).commands
HEAVY = {
    *("numpy", "jax", "flax", "pandas", "scipy", "matplotlib", "cv2", "pydicom", "sklearn", "PIL", "rich"),
    "pydantic",  # by which Typer converts values: 40 ms that no help needs
    "hashlib",  # loads OpenSSL
}

LOADED_AFTER = """
import sys
from cxr_cli.main import main
code = main(sys.argv[1:])
print(code, *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
ADDED_TO_TYPER = """
import sys, typer
before = set(sys.modules)
from cxr_cli.main import main
main(sys.argv[1:])
print(*set(sys.modules) - before, file=sys.stderr)
"""
MODULES_BEYOND_TYPER = 40
"""Our own and those of the standard library, of which a package such as email has many."""

FAULT_IN_STORE = """
import cxr_cli.dataset.folder
def check_is_dataset(folder):
    raise RuntimeError("a fault of ours")
cxr_cli.dataset.folder.check_is_dataset = check_is_dataset
from cxr_cli.main import entry
entry()
"""


def python(code: str, *argv: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_goes_to_stdout_and_loads_nothing_heavy(command: str | None) -> None:
    result = python(LOADED_AFTER, *filter(None, [command, "--help"]))
    code, *modules = result.stderr.split()
    assert code == "0"
    assert "typer" in modules
    assert HEAVY & set(modules) == set()
    assert result.stdout.startswith(f"Usage: cxr {command or '[OPTIONS] COMMAND'}")


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_imports_little_beyond_typer(command: str | None) -> None:
    """A bound on modules is a bound on start-up time: tests/benchmarks/startup.py measures that."""
    result = python(ADDED_TO_TYPER, *filter(None, [command, "--help"]))
    modules = result.stderr.split()
    assert modules
    assert len(modules) <= MODULES_BEYOND_TYPER, modules


@pytest.mark.parametrize("command", COMMANDS)
def test_the_line_in_the_list_of_commands_is_the_first_of_the_command_s_help(command: str) -> None:
    assert ONE_LINES[command] == (COMMANDS[command].help or "").splitlines()[0]


def test_help_tells_of_every_command_by_stage(cxr: Cxr) -> None:
    lines = cxr("--help").out.splitlines()
    for stage, commands in STAGES.items():
        begin = lines.index(f"{stage}:")
        section = lines[begin + 1 : lines.index("", begin)]
        rows = [line.split(maxsplit=1) for line in section if line[2] != " "]
        assert [row[0] for row in rows] == list(commands)
        assert all(len(row) == 2 for row in rows)


def test_the_panels_of_a_command_s_help_name_every_option_once(cxr: Cxr) -> None:
    for name, command in COMMANDS.items():
        panels = re.compile(rf"^(?:Arguments|{'|'.join(ORDER)}):$", re.MULTILINE)
        text = panels.split(cxr(name, "-h").out, maxsplit=1)[1]
        spelled = re.findall(r"^  ((?:-\w, )?--[\w-]+)", text, re.MULTILINE)
        assert len(spelled) == len(set(spelled)), name
        options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        if not hasattr(command, "commands"):
            assert len(spelled) == len(options) + 1, name  # and --help


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_a_command_line_of_its_command(line: str) -> None:
    _, name, *words = shlex.split(line.partition(" > ")[0])
    command = COMMANDS[name]
    if hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    values, _, order = command.make_parser(typer.Context(command)).parse_args(words)
    for param in order:
        kind = param.type_descriptor
        if kind.is_choice:
            given = values[param.name]
            assert set(given if isinstance(given, list) else [given]) <= set(kind.choices), line
    assert not [param.name for param in command.params if param.required and param.name not in values], line


def test_every_command_has_two_examples() -> None:
    assert {name for name, lines in EXAMPLES.items() if len(lines) >= 2} == set(COMMANDS)


@pytest.mark.parametrize("meant", ["evaluate", "infer", "fit"])
def test_a_command_of_other_tools_is_named_by_its_meaning(cxr: Cxr, meant: str) -> None:
    known = {"evaluate": "test", "infer": "predict", "fit": "train"}[meant]
    assert f"Did you mean '{known}'?" in cxr(meant, "x").err


def test_words_of_other_tools_are_no_commands_and_lead_to_commands() -> None:
    assert set(BY_MEANING) & set(COMMANDS) == set()
    assert set(BY_MEANING.values()) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_argument_has_help(command: str) -> None:
    assert COMMANDS[command].help
    assert [parameter.name for parameter in COMMANDS[command].params if not parameter.help] == []


def test_options_mean_the_same_in_every_command() -> None:
    short: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for parameter in command.params:
            for spelling in parameter.opts:
                if spelling.startswith("-") and not spelling.startswith("--"):
                    short.setdefault(spelling, set()).add(parameter.name)
    assert short == {"-o": {"output"}}  # and -h, which is no parameter


def test_the_version_is_data(cxr: Cxr) -> None:
    assert cxr("--version") == (0, f"cxr {__version__}\n", "")


def test_python_m_is_the_same_program() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cxr_cli", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"cxr {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no-such-command"], "no-such-command"),
        (["split"], "DATASET"),
        (["phantom"], "--output"),
        (["split", "d", "-o", "s.csv", "--seed", "first"], "--seed"),
        (["split", "d", "-o", "s.csv", "--seed", "-1"], "--seed"),
        (["split", "d", "-o", "s.csv", "--vall", "0.2"], "--vall"),
        (["preprocess", "images", "-o", "d", "--crop-top", "0.5"], "--crop-top 0.5"),
        (["phantom", "-o", "d", "--finding", "hernia"], "hernia"),
    ],
)
def test_wrong_usage_is_2_and_names_what_is_wrong(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = cxr(*argv)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_the_help_is_shown(cxr: Cxr) -> None:
    code, out, err = cxr()
    assert code == 2
    assert "Usage: cxr" in out + err


def test_bad_input_is_3_and_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    result = subprocess.run(
        [sys.executable, "-m", "cxr_cli", "split", missing, "-o", tmp_path / "s.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == f"cxr: {missing}: no such folder; a DATASET made by `cxr preprocess` is needed\n"
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_is_1_and_a_traceback(tmp_path: Path) -> None:
    result = python(FAULT_IN_STORE, "split", tmp_path, "-o", tmp_path / "s.csv")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("RuntimeError: a fault of ours\n")


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (BadInput, 3), (TooManyRejects, 4), (Preempted, 75)]
)
def test_each_kind_of_error_has_its_exit_code(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], code: int
) -> None:
    def refuse(folder: Path) -> None:
        raise kind(f"{folder}: message")

    monkeypatch.setattr("cxr_cli.dataset.folder.check_is_dataset", refuse)
    assert cxr("split", "d", "-o", tmp_path / "s.csv") == (code, "", "cxr: d: message\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ESTALE, "Stale file handle", "d/images.npy"), "d/images.npy: cannot be used (Stale"),
        (OSError(errno.EROFS, "Read-only file system", "s.csv"), "s.csv: cannot be written (Read-only"),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "output: more files are needed at once",
        ),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_system_refuses_is_3_and_one_line(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str
) -> None:
    def refuse(folder: Path) -> None:
        raise error

    monkeypatch.setattr("cxr_cli.dataset.folder.check_is_dataset", refuse)
    code, out, err = cxr("split", "d", "-o", tmp_path / "s.csv")
    assert (code, out) == (3, "")
    assert err.startswith(f"cxr: {line}")
    assert err.count("\n") == 1


def test_an_error_of_ours_is_not_taken_for_the_system_s(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("cxr_cli.dataset.folder.check_is_dataset", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        cxr("split", "d", "-o", tmp_path / "s.csv")


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    result = subprocess.run(
        f"{sys.executable} -m cxr_cli --help | true; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) in (("141\n", ""), ("0\n", ""))  # 0 where it was written before


def test_streams_that_are_closed_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    """Without stderr Python's print would write errors to stdout."""
    result = subprocess.run(
        f"{sys.executable} -m cxr_cli split {tmp_path}/none -o {tmp_path}/s.csv 2>&-",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (3, "")


@pytest.mark.parametrize(("limit", "word"), [("-v 900000", "ulimit -v"), ("-n 20", "ulimit -n")])
def test_a_limit_that_libraries_would_die_of_is_one_line(
    small_dataset: Path, tmp_path: Path, limit: str, word: str
) -> None:
    result = subprocess.run(
        f"ulimit {limit}; {sys.executable} -m cxr_cli split {small_dataset} -o {tmp_path}/s.csv",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr.count("\n")) == (3, 1)
    assert word in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_stdout_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "cxr_cli", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 3
    assert result.stderr == "cxr: output: cannot be written (No space left on device)\n"


def test_a_full_disk_is_one_line(cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cxr_cli.dataset.folder.check_is_dataset", fill)
    outcome = cxr("split", "d", "-o", tmp_path / "s.csv")
    assert outcome == (3, "", "cxr: output: cannot be written (No space left on device)\n")


def test_exit_codes_are_the_promise() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "INTERNAL_ERROR": 1,
        "USAGE": 2,
        "BAD_INPUT": 3,
        "TOO_MANY_REJECTS": 4,
        "AUDIT_FOUND": 5,
        "PREEMPTED": 75,
    }


def test_an_interrupt_from_the_keyboard_is_130_without_a_traceback(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_cli.dataset.folder.check_is_dataset", interrupt)
    code, out, err = cxr("split", "d", "-o", tmp_path / "s.csv")
    assert (code, out) == (130, "")
    assert "Traceback" not in err
