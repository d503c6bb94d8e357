"""Fixtures shared by all tests."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cxr_cli.main import main

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class Outcome(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def cxr(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a real command line in this process: `cxr("split", dataset, "-o", path)`."""

    def run(*argv: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def real_films() -> Path:
    """The folder of real films, where this checkout stands beside `shared/`."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real films are not at hand: no folder {SHARED_DATA}")
    return SHARED_DATA
