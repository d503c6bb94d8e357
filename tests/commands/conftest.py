"""Trained runs that the tests of several commands share: compiling takes most of the time."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxr_cli.artifacts import write_record
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.main import main
from cxr_cli.runs.config import write_config
from cxr_cli.runs.folder import RECORD
from cxr_cli.runs.model_store import save_model
from cxr_cli.splitting.file import open_split
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.run import initial_network, run_config

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


@pytest.fixture(scope="session")
def run_of_two(
    compiled_once: None, make_dataset: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of two classes whose model is untrained, so that it errs; not to be changed."""
    folder = tmp_path_factory.mktemp("two")
    labels = ["covid19"] * 24 + ["normal"] * 30
    make_dataset(folder / "dataset", labels, [f"p{number // 2}" for number in range(len(labels))])
    shares = ["--val", "0.3", "--test", "0.4"]
    assert main(["split", str(folder / "dataset"), "-o", str(folder / "split.csv"), *shares]) == 0
    dataset = open_dataset(folder / "dataset")
    recipe = named_recipe("single", {"width": 0.125})
    config = run_config("single", recipe, dataset, open_split(folder / "split.csv", dataset), 0, ())
    write_config(folder / "run", config)
    save_model(folder / "run", config.digest, initial_network(config, ())[1], epoch=1)
    write_record(folder / "run" / RECORD, {"finished": True})
    return folder / "run"
