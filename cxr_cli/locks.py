"""One command at a time writes into a folder, or to a file."""

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import ParamSpec, TypeVar

from cxr_cli.errors import BadInput

LOCK = ".cxr-lock"
"""The file in a folder that a command writes into; it is gone when the folder is free."""

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What file systems that cannot lock files answer."""
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)

P = ParamSpec("P")
R = TypeVar("R")


def holds(argument: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function run with the folder that it is given as this argument locked, if the folder is there."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        names = signature(function)

        @wraps(function)
        def locking(*args: P.args, **kwargs: P.kwargs) -> R:
            folder = Path(names.bind(*args, **kwargs).arguments[argument])
            with locked(folder) if folder.is_dir() else nullcontext():
                return function(*args, **kwargs)

        return locking

    return decorate


@contextmanager
def locked(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Keep other commands from writing into a folder, which is made if it is not there.

    The kernel holds the lock (on NFS its server does), so that of a process that was killed is gone with it.
    Where a file system has no locks, there is none, nor in a folder that this process may not write into.

    Args:
        folder: that is written.
        name: of the lock file in it; another one where a file in the folder is meant.

    Raises:
        BadInput: another process has it; the message says which, where and since when. Or the folder cannot
            be written.
    """
    path = folder / name
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    handle = None
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = _acquire(path, wait=False)
            if handle is not None:
                _sign(handle)
        except FileExistsError:
            raise BadInput(f"{folder}: is a file; the name of a folder is needed") from None
        except OSError as error:
            raise BadInput(
                f"{folder}: cannot be written ({error.strerror or type(error).__name__})"
            ) from error
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)
        for each in made:  # an empty folder is left behind by nobody
            with suppress(OSError):
                each.rmdir()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make a file that no other process writes meanwhile.

    One that another process is at work on is waited for; one that a killed process left is taken over. It may
    be moved away within.
    """
    handle = _acquire(path, wait=True)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _acquire(path: Path, *, wait: bool) -> int | None:
    """Open and lock a file; None where files cannot be locked, or this process may not write."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno in READ_ONLY:
                return None
            raise
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _described(os.read(handle, 4096))
            os.close(handle)
            raise BadInput(f"{path.parent}: {holder} is writing there; wait until it ends") from None
        except OSError as error:
            os.close(handle)
            path.unlink(missing_ok=True)
            if error.errno in NO_LOCKS:
                return None
            raise
        if _is_current(handle, path):
            return handle
        os.close(handle)  # its owner removed it between our opening and locking it


def _sign(handle: int) -> None:
    """Write into a lock file whose it is."""
    from datetime import UTC, datetime  # here, for no `--help` has need of it

    owner = {**_this_process(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps(owner).encode())


def _this_process() -> dict[str, object]:
    import socket  # here, for no `--help` has need of it

    return {"host": socket.gethostname(), "process": os.getpid()}


def is_locked_here(folder: Path) -> bool:
    """Tell whether this process has locked a folder."""
    try:
        owner = json.loads((folder / LOCK).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(owner, dict) and owner.items() >= _this_process().items()


def _is_current(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _described(owner: bytes) -> str:
    try:
        known = json.loads(owner)
        return f"process {known['process']} on {known['host']} (since {known['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
