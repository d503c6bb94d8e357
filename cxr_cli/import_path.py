"""Python imports nothing from the folder where a command is run: a random.py may lie there."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAFE_PATH, PATH = "PYTHONSAFEPATH", "PYTHONPATH"
OWN = Path(__file__).resolve().parents[1]
"""The folder that holds this package."""


def keep_working_folder_out() -> None:
    """Take the working folder off the path of this process and of those that it starts.

    It gets there by `python -m`, and by an empty entry of PYTHONPATH. A folder that holds this package stays.
    """
    sys.path[:] = filter(_is_elsewhere, sys.path)
    os.environ.update(_environment())


@contextmanager
def working_folder_kept_out() -> Iterator[None]:
    """Let processes that are started within have a path without the working folder."""
    changed = _environment()
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _environment() -> dict[str, str]:
    """The variables that are to be otherwise."""
    path = os.environ.get(PATH)
    kept = {} if path is None else {PATH: os.pathsep.join(filter(_is_elsewhere, path.split(os.pathsep)))}
    return {SAFE_PATH: "1", **kept}


def _is_elsewhere(entry: str) -> bool:
    """Tell whether an entry of the path is not the working folder, or holds this package."""
    folder, here = Path(entry), Path()  # "" is the working folder, too
    return not (here.exists() and folder.exists() and folder.samefile(here)) or here.samefile(OWN)
