"""`cxr train` from the shell."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cxr_cli
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.runs.config import read_config
from cxr_cli.runs.model_store import open_run
from cxr_cli.splitting.file import open_split
from cxr_cli.training.history import read_history

Cxr = Callable[..., Any]
EPOCH_LINE = re.compile(
    r"epoch \d+/\d+  loss [\d.]+  accuracy [\d.]+  val loss [\d.]+  val accuracy [\d.]+ [* ]"
    r"  [\d.]+ s  \d+:\d\d:\d\d left"
)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def command(dataset: Path, split: Path, run: Path, *options: object) -> list[str]:
    small = ("--width", 0.125, "--batch-size", 8, "--lr", "1e-3")
    return [str(part) for part in ("train", dataset, "--split", split, "-o", run, *small, *options)]


@pytest.mark.parametrize(("recipe", "epochs"), [("single", 8), ("siamese", 3)])
def test_a_run_holds_what_the_design_names(request: pytest.FixtureRequest, recipe: str, epochs: int) -> None:
    run: Path = request.getfixturevalue(f"{recipe}_run")
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoints",
        "config.json",
        "figures",
        "history.csv",
        "model",
        "run.json",
    ]
    config = read_config(run)
    assert (config.recipe, config.siamese, config.optimization.epochs) == (
        recipe,
        recipe == "siamese",
        epochs,
    )
    assert (config.network.width, config.size) == (0.125, 32)
    assert (config.optimization.batch_size, config.optimization.lr) == (8, 1e-3)
    assert config.classes == ("covid19", "normal", "pneumonia")
    history = read_history(run / "history.csv", epochs)
    assert [record.epoch for record in history] == list(range(1, epochs + 1))
    best = max(record.val_accuracy for record in history)
    selected = next(record.epoch for record in history if record.val_accuracy == best)
    assert open_run(run).epoch == selected
    assert (run / "figures" / "training.png").stat().st_size > 0
    record = json.loads((run / "run.json").read_text())
    assert (record["finished"], record["epochs"], record["seed"]) == (True, epochs, 0)
    assert record["device"].startswith(("cpu", "gpu", "cuda"))
    assert record["training_seconds"] > 0
    assert {"python", "jax", "flax", "optax", "cxr-cli"} <= set(record["versions"])


def test_the_siamese_network_learns(siamese_run: Path) -> None:
    history = read_history(siamese_run / "history.csv", 3)
    assert history[-1].train_loss < history[0].train_loss
    assert max(record.val_accuracy for record in history) > 0.8


def test_the_pixels_of_the_training_images_normalize(single_run: Path, split_file: Path) -> None:
    config = read_config(single_run)
    normalization = json.loads(split_file.with_suffix(".json").read_text())["normalization"]
    assert normalization == {"mean": config.mean, "std": config.std}


def test_the_same_command_again_says_that_the_run_is_finished(
    cxr: Cxr, single_run: Path, small_dataset: Path, split_file: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in single_run.rglob("*")}
    outcome = cxr(*command(small_dataset, split_file, single_run, "--epochs", 8))
    assert outcome.code == 0
    assert outcome.err == f"{single_run}: this run is finished already (8 epochs); nothing to do\n"
    best = max(record.val_accuracy for record in read_history(single_run / "history.csv", 8))
    assert re.fullmatch(rf"best validation accuracy {best:.4f} \(epoch \d\)\n", outcome.out)
    assert {path: path.stat().st_mtime_ns for path in single_run.rglob("*")} == before


def test_a_dry_run_says_what_training_takes_and_writes_nothing(
    cxr: Cxr, compiled_once: None, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    outcome = cxr(*command(small_dataset, split_file, run, "--epochs", 8, "--patience", 3, "--dry-run"))
    assert outcome.code == 0
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in outcome.out.splitlines())
    division = open_split(split_file, open_dataset(small_dataset))
    counts = np.bincount(division.labels[division.rows("train")])
    steps = -(-len(counts) * int(counts.min()) // 8)
    assert rows["steps per epoch"] == f"{steps}"
    assert (rows["epochs"], rows["steps"]) == ("8, at most", f"{8 * steps}")
    assert re.fullmatch(r"\d+, of which \d+ are trained", rows["parameters"])
    assert re.fullmatch(r"about [\d.]+ of [\d.]+ GiB", rows["memory of a step"])
    assert re.fullmatch(r"[\d.]+ s", rows["one step"])
    assert re.fullmatch(r"\d+:\d\d:\d\d", rows["one run"])
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_written_for_tensorboard_too(
    cxr: Cxr, single_run: Path, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboardX", reason="the extra `tensorboard` is not installed")
    run = tmp_path / "run"
    shutil.copytree(single_run, run)
    outcome = cxr(*command(small_dataset, split_file, run, "--epochs", 8, "--tensorboard"))
    assert outcome.code == 0
    assert len(list((run / "tensorboard").iterdir())) == 1


def test_the_same_from_python_off_the_main_thread_too(
    single_run: Path, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    settings = {"width": 0.125, "batch_size": 8, "lr": 1e-3}
    result = cxr_cli.train(str(small_dataset), str(split_file), str(single_run), epochs=8, **settings)
    assert (result.folder, result.trained) == (single_run, False)
    assert result.config == read_config(single_run)
    assert result.curves == single_run / "figures" / "training.png"
    assert result.curves.exists()
    # Signals are for the main thread alone.
    with ThreadPoolExecutor(1) as pool:
        trained = pool.submit(
            cxr_cli.train, small_dataset, split_file, tmp_path / "run", epochs=1, **settings
        ).result()
    assert trained.trained
    assert trained.selected.train_loss == read_history(single_run / "history.csv", 1)[0].train_loss


def test_another_configuration_into_a_run_is_refused_by_name(
    cxr: Cxr, single_run: Path, small_dataset: Path, split_file: Path
) -> None:
    outcome = cxr(*command(small_dataset, split_file, single_run, "--epochs", 9, "--seed", 4))
    assert (outcome.code, outcome.out) == (2, "")
    assert "--epochs was 8, now 9; --seed was 0, now 4; name a new folder" in one_line(outcome.err)


def test_what_the_images_do_not_allow_is_said(
    cxr: Cxr, tmp_path: Path, small_dataset: Path, split_file: Path, siamese_run: Path
) -> None:
    # Taken up where it was finished, to train nothing.
    shutil.copytree(siamese_run, tmp_path / "run")
    options = ("--recipe", "siamese", "--epochs", 3, "--pairs", 60)
    outcome = cxr(*command(small_dataset, split_file, tmp_path / "run", *options))
    assert outcome.code == 0, outcome.err
    assert outcome.err.splitlines()[0] == "129 three-way trials wanted, the validation images allow 12"
    outcome = cxr(*command(small_dataset, split_file, tmp_path / "run", *options[:-1], 5000))
    assert outcome.code == 2
    # Six images of the rarest class: 3 x 15 pairs of one class, and as many of two.
    assert (
        outcome.err.splitlines()[0]
        == "5000 pairs an epoch wanted, the images allow 90 different ones: using all"
    )
    assert "pairs was 60, now 90" in outcome.err
    outcome = cxr(*command(small_dataset, split_file, tmp_path / "new", *options, "--trials", 30))
    assert outcome.code == 3
    assert "has 4 images, 30 trials need 10; --trials 12 is the most" in one_line(outcome.err)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--recipe", "triple"], 2, "'--recipe': 'triple' is not one of 'single', 'siamese'"),
        (["--pairs", "5"], 2, "--pairs 5: the recipe 'single' has no use for it"),
        (
            ["--recipe", "siamese", "--pairing", "all"],
            2,
            "'--pairing': 'all' is not one of 'random', 'in-batch'",
        ),
        (["--arch", "vgg"], 2, "'--arch': 'vgg' is not one of 'covidnet'"),
        (["--lr", "nan"], 2, "--lr nan: more than 0 is needed"),
        (
            ["--precision", "int8"],
            2,
            "'--precision': 'int8' is not one of 'auto', 'float32', 'tf32', 'bfloat16'",
        ),
        (["--fold", "1"], 2, "has no folds"),
    ],
)
def test_wrong_usage_is_one_line_and_makes_no_run(
    cxr: Cxr,
    tmp_path: Path,
    small_dataset: Path,
    split_file: Path,
    options: Sequence[str],
    code: int,
    message: str,
) -> None:
    outcome = cxr(*command(small_dataset, split_file, tmp_path / "run", *options))
    assert (outcome.code, outcome.out) == (code, "")
    assert message in one_line(outcome.err)
    assert not (tmp_path / "run").exists()


def test_bad_input_is_one_line_and_makes_no_run(
    cxr: Cxr, tmp_path: Path, small_dataset: Path, split_file: Path
) -> None:
    for dataset, split, message in (
        (tmp_path / "gone", split_file, "gone: no such folder; a DATASET made by `cxr preprocess` is needed"),
        (tmp_path, split_file, "no dataset.json in it"),
        (small_dataset, tmp_path / "gone.csv", "gone.csv: no such file"),
    ):
        outcome = cxr(*command(dataset, split, tmp_path / "run"))
        assert (outcome.code, outcome.out) == (3, "")
        assert message in one_line(outcome.err)
        assert not (tmp_path / "run").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("precious")
    outcome = cxr(*command(small_dataset, split_file, tmp_path / "taken"))
    assert outcome.code == 3
    assert "is not empty and holds no run" in one_line(outcome.err)
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(("stopped_by", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_goes_on_with_the_same_command(
    cxr: Cxr,
    tmp_path: Path,
    single_run: Path,
    small_dataset: Path,
    split_file: Path,
    stopped_by: signal.Signals,
    code: int,
) -> None:
    arguments = command(small_dataset, split_file, tmp_path / "run", "--epochs", 12)
    program = [sys.executable, "-c", "from cxr_cli.main import entry; entry()"]
    process = subprocess.Popen(
        [*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert EPOCH_LINE.fullmatch(process.stderr.readline().rstrip("\n"))
    process.send_signal(stopped_by)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (code, "")
    assert re.search(r"^cxr: stopped (after|in) epoch \d+.*the same command resumes$", err, re.M)
    assert not json.loads((tmp_path / "run" / "run.json").read_text())["finished"]

    outcome = cxr(*arguments)
    assert outcome.code == 0, outcome.err
    first, *epochs, last = outcome.err.splitlines()
    assert re.fullmatch(r"resuming after epoch \d+(, step \d)?", first)
    assert all(EPOCH_LINE.fullmatch(line) for line in epochs)
    assert 0 < len(epochs) < 12
    assert last.startswith(f"{tmp_path / 'run'}: finished; selected epoch ")
    history = read_history(tmp_path / "run" / "history.csv", 12)
    assert [record.epoch for record in history] == list(range(1, 13))
    # The first epochs do not know how many there will be: they are those of the shorter run.
    shorter = read_history(single_run / "history.csv", 8)
    assert [record.train_loss for record in history[:8]] == [record.train_loss for record in shorter]
