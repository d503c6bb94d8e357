"""Trained runs that the tests of several commands share, for compiling their models takes most of the time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_cli.main import main

TRAIN_OPTIONS = ("--width", "0.125", "--batch-size", "8", "--lr", "1e-3")


def run(*argv: object) -> None:
    """Run a command line that must succeed."""
    assert main([str(argument) for argument in argv]) == 0


@pytest.fixture(scope="session")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled programs on disk until the session's end, for this process and those it starts."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.2,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            jax.config.update(name, value)
            patch.setitem(os.environ, name.upper(), str(value))
        compilation_cache.reset_cache()
        yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(scope="session")
def split_file(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("split") / "split.csv"
    run("split", small_dataset, "-o", path, "--val", 0.25, "--test", 0.25)
    return path


@pytest.fixture(scope="session")
def single_run(
    compiled_once: None, small_dataset: Path, split_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished run of the single model; not to be changed."""
    folder = tmp_path_factory.mktemp("single") / "run"
    run("train", small_dataset, "--split", split_file, "-o", folder, "--epochs", 8, *TRAIN_OPTIONS)
    return folder


@pytest.fixture(scope="session")
def siamese_run(
    compiled_once: None, small_dataset: Path, split_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished run of the siamese model, without templates; not to be changed."""
    folder = tmp_path_factory.mktemp("siamese") / "run"
    options = ("--recipe", "siamese", "--epochs", 3, "--pairs", 60, *TRAIN_OPTIONS)
    run("train", small_dataset, "--split", split_file, "-o", folder, *options)
    return folder
