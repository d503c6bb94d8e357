"""Compiled programs kept on disk, so that the next command need not compile them again."""

import hashlib
import os
import platform
import stat
import time
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"
# Programs that compile faster than this, in seconds, are not worth a file.
WORTH_KEEPING = "0.1"
# Programs older than this many days are removed, so that those of former versions do not pile up.
KEPT_DAYS = 30


def use_compile_cache(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """Let JAX keep compiled programs in the user's cache folder; to be called before JAX is imported.

    There is one folder for each type of machine (a home may be shared by unlike ones: a program compiled for
    one processor does not run on another), writable by its owner alone, for a program read back is executed.
    Nor may others be able to put another folder in its place.

    Args:
        environment: variables of this process; a folder that the user set for JAX stays.

    Returns:
        Why there is no cache, in words; None where there is.
    """
    if FOLDER in environment:
        return None
    caches = Path(environment.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        caches = Path(environment.get("HOME", ""), ".cache")
    if not caches.is_absolute():
        return "HOME names no folder"
    folder = caches / "cxr" / "compiled" / machine_type()
    try:
        for part in (caches, folder.parent.parent, folder.parent, folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = part.stat()
            shared = part == caches and (status.st_uid == 0 or status.st_mode & stat.S_ISVTX)
            if status.st_uid != os.getuid() and not shared:
                return f"{part}: is another user's"
            if status.st_mode & 0o022 and not (shared and status.st_mode & stat.S_ISVTX):
                return f"{part}: others can write there"
        oldest = time.time() - KEPT_DAYS * 24 * 3600
        with os.scandir(folder) as entries:
            for entry in entries:
                # Another process may have removed it just now.
                with suppress(FileNotFoundError):
                    if entry.is_file() and entry.stat().st_mtime < oldest:
                        os.unlink(entry)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    environment[FOLDER] = str(folder)
    environment.setdefault(SHORTEST, WORTH_KEEPING)
    return None


def machine_type() -> str:
    """Name the kind of processor: "x86_64-5f1c0a9e", the same for machines that run the same programs."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = [f"model name: {platform.processor()}"]
    identifying = ("vendor_id", "model name", "flags", "CPU implementer", "CPU part", "Features")
    known = {line for line in lines if line.startswith(identifying)}
    digest = hashlib.sha256("\n".join(sorted(known)).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:8]}"
