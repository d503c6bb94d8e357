"""Compiled programs on disk: whose folder they lie in, and that the next command finds them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cxr_cli.compile_cache import FOLDER, machine_type, use_compile_cache


def test_each_type_of_machine_has_a_folder_of_its_user_alone(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert use_compile_cache(environment) is None
    folder = tmp_path / "cxr" / "compiled" / machine_type()
    assert environment[FOLDER] == str(folder)
    for private in (folder, folder.parent, folder.parent.parent):
        assert private.stat().st_mode & 0o777 == 0o700


def test_the_home_has_the_cache_where_no_other_folder_is_set(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert use_compile_cache(environment) is None
    assert environment[FOLDER].startswith(f"{tmp_path}/.cache/cxr/compiled/")


def test_a_folder_that_the_user_set_for_jax_stays(tmp_path: Path) -> None:
    environment = {FOLDER: "/elsewhere", "XDG_CACHE_HOME": str(tmp_path)}
    assert use_compile_cache(environment) is None
    assert environment == {FOLDER: "/elsewhere", "XDG_CACHE_HOME": str(tmp_path)}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_into_is_not_used(tmp_path: Path, mode: int) -> None:
    (tmp_path / "cxr").mkdir()
    (tmp_path / "cxr").chmod(mode)
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert use_compile_cache(environment) == f"{tmp_path / 'cxr'}: others can write there"
    assert FOLDER not in environment


def test_a_link_into_a_folder_that_others_can_write_into_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "cxr").symlink_to(tmp_path / "open")
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert use_compile_cache(environment) == f"{tmp_path / 'cxr'}: others can write there"
    assert FOLDER not in environment
    assert not list((tmp_path / "open").iterdir())


def test_another_user_s_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.getuid()
    (tmp_path / "cxr").mkdir()
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert use_compile_cache(environment) == f"{tmp_path / 'cxr'}: is another user's"
    assert FOLDER not in environment


@pytest.mark.parametrize(("mode", "used"), [(0o777, False), (0o1777, True), (0o775, False), (0o755, True)])
def test_others_cannot_put_another_folder_in_its_place(tmp_path: Path, mode: int, used: bool) -> None:
    tmp_path.chmod(mode)
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    expected = None if used else f"{tmp_path}: others can write there"
    assert use_compile_cache(environment) == expected
    assert (FOLDER in environment) == used


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "~", "XDG_CACHE_HOME": "cache"}])
def test_without_a_home_there_is_no_cache(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert use_compile_cache(environment) == "HOME names no folder"
    assert not list(tmp_path.iterdir())


def test_a_relative_cache_folder_does_not_count(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "relative"}
    assert use_compile_cache(environment) is None
    assert environment[FOLDER].startswith(f"{tmp_path}/.cache/")


def test_without_a_place_for_it_there_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {"XDG_CACHE_HOME": str(tmp_path / "file")}
    assert use_compile_cache(environment) == (f"{tmp_path}/file/cxr/compiled/{machine_type()}: File exists")
    assert FOLDER not in environment


def test_old_programs_are_removed(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    use_compile_cache(environment)
    old, new = (Path(environment[FOLDER], name) for name in ("old-cache", "new-cache"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    use_compile_cache({"XDG_CACHE_HOME": str(tmp_path)})
    assert (old.exists(), new.exists()) == (False, True)


def test_an_old_program_that_another_process_removes_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    use_compile_cache(environment)
    old = Path(environment[FOLDER], "old-cache")
    old.touch()
    os.utime(old, (0, 0))
    unlink = os.unlink

    def removed_before(path: os.DirEntry[str]) -> None:
        unlink(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", removed_before)
    assert use_compile_cache({"XDG_CACHE_HOME": str(tmp_path)}) is None
    assert not old.exists()


COMMAND = """
import sys
from cxr_cli.commands.compiling import compiles

def command(size: int) -> None:
    import jax, jax.numpy as jnp
    x = jnp.ones((size, size))
    for _ in range(30):
        x = jnp.tanh(x @ x) + x.sum(0)
    print(float(jax.jit(lambda x: sum(jnp.sin(x + k) @ x for k in range(40)))(x).sum()))

compiles(command)(size=8, no_compile_cache=sys.argv[1] == "no")
"""


def kept_by(command: str, home: Path) -> tuple[str, list[str]]:
    """Run a command in a process of its own; return what it printed and the programs in the cache then."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environment |= {"XDG_CACHE_HOME": str(home), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    argv = [sys.executable, "-c", COMMAND, command]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout, sorted(path.name for path in home.rglob("*-cache"))


def test_a_command_keeps_what_it_compiled_unless_that_is_declined(tmp_path: Path) -> None:
    printed, kept = kept_by("no", tmp_path)
    assert kept == []
    assert kept_by("yes", tmp_path)[0] == printed
    first = {path: path.read_bytes() for path in tmp_path.rglob("*-cache")}
    assert first
    again, kept = kept_by("yes", tmp_path)
    assert (again, kept) == (printed, sorted(path.name for path in first))


def test_two_commands_at_once_share_a_cache(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        (first, _), (second, _) = pool.map(kept_by, ("yes", "yes"), (tmp_path, tmp_path))
    assert first == second == kept_by("yes", tmp_path)[0]


def test_a_program_cut_short_is_compiled_anew_without_a_word(tmp_path: Path) -> None:
    printed, _ = kept_by("yes", tmp_path)
    for path in tmp_path.rglob("*-cache"):
        os.truncate(path, 50)
    assert kept_by("yes", tmp_path)[0] == printed
