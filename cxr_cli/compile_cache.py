"""Compiled programs kept on disk, so that the next command need not compile them again."""

import hashlib
import os
import platform
import time
from collections.abc import MutableMapping
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

    Args:
        environment: variables of this process; a folder that the user set for JAX stays.

    Returns:
        Why there is no cache, in words; None where there is.
    """
    if FOLDER in environment:
        return None
    home = environment.get("XDG_CACHE_HOME") or os.path.join(environment.get("HOME", "~"), ".cache")
    folder = Path(home, "cxr", "compiled", machine_type())
    try:
        for private in (folder.parent.parent, folder.parent, folder):
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = private.stat()
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                return f"{private}: others can write there"
        oldest = time.time() - KEPT_DAYS * 24 * 3600
        with os.scandir(folder) as entries:
            for entry in entries:
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
