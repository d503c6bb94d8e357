"""`cxr slurm-script` on a real Slurm: arrays that share work, and a job that is stopped and requeued."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from slurm_cluster import Cluster

from cxr_cli.main import main
from cxr_cli.runs.model_store import open_run

Cxr = Callable[..., Any]


@pytest.fixture(scope="module")
def split_file(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("split") / "split.csv"
    assert main(["split", str(small_dataset), "-o", str(path), "--val", "0.25", "--test", "0.25"]) == 0
    return path


def script_of(cxr: Cxr, *words: object) -> tuple[str, str]:
    """Print a script; return it, and the command that its comment gives for collecting the results."""
    outcome = cxr("slurm-script", "--cpus", 1, *words)
    assert outcome.code == 0, outcome.err
    collect = [line for line in outcome.out.splitlines() if line.startswith("# sbatch --dependency")]
    return outcome.out, collect[0].removeprefix("# ") if collect else ""


def run_array(cluster: Cluster, script: str, collect: str) -> None:
    """Submit an array, and what collects its results after it, as the script's comment says."""
    cluster.call("sbatch", script=script)
    collecting = cluster.call("bash", "-c", collect).split()[-1]
    cluster.wait(collecting)


def test_the_tasks_of_an_array_preprocess_an_archive_as_one_command_does(
    cluster: Cluster, cxr: Cxr, tmp_path: Path
) -> None:
    archive, rng = tmp_path / "an archive", np.random.default_rng(0)
    for number in range(12):
        path = archive / ("normal" if number % 2 else "pneumonia") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(path)
    command = ("preprocess", archive, "--size", 32, "--workers", 0)
    run_array(cluster, *script_of(cxr, "--tasks", 3, *command, "-o", tmp_path / "array"))
    assert len(list((tmp_path / "array.shards").iterdir())) == 3
    assert cxr(*command, "-o", tmp_path / "alone").code == 0
    for name in ("images.npy", "manifest.csv", "rejected.csv"):
        assert (tmp_path / "array" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_the_tasks_of_an_array_train_a_sweep(
    cluster: Cluster, cxr: Cxr, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    words = ("--width", 0.125, "--epochs", 1, "--lr", 1e-3, "--lr", 1e-4, "--batch-size", 8)
    command = ("sweep", small_dataset, "--split", split_file, "-o", tmp_path / "sweep", *words)
    run_array(cluster, *script_of(cxr, "--tasks", 2, *command))
    table = pd.read_csv(tmp_path / "sweep" / "sweep.csv")
    assert list(table["state"]) == ["finished", "finished"]
    logs = sorted(cluster.folder.glob("cxr-sweep-*_*.log"))
    assert ["1/2" in logs[0].read_text(), "2/2" in logs[1].read_text()] == [True, True]


def test_the_tasks_of_an_array_train_the_folds_of_a_cross_validation(
    cluster: Cluster, cxr: Cxr, small_dataset: Path, tmp_path: Path
) -> None:
    assert cxr("split", small_dataset, "-o", tmp_path / "folds.csv", "--folds", 3).code == 0
    words = ("--width", 0.125, "--epochs", 1, "--batch-size", 8, "--resamples", 100)
    command = ("crossval", small_dataset, "--split", tmp_path / "folds.csv", "-o", tmp_path / "cv", *words)
    run_array(cluster, *script_of(cxr, "--tasks", 3, *command))
    assert json.loads((tmp_path / "cv" / "metrics.json").read_text())["images"] == 60


def test_a_job_that_is_stopped_is_requeued_and_ends_with_the_same_weights(
    cluster: Cluster, cxr: Cxr, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    words = ("--split", split_file, "--width", 0.125, "--epochs", 60, "--batch-size", 8, "--lr", 1e-3)
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    assert cxr("train", small_dataset, *words, "-o", undisturbed).code == 0

    script, _ = script_of(cxr, "train", small_dataset, *words, "-o", stopped)
    job = cluster.call("sbatch", "--parsable", script=script).strip()
    history = stopped / "history.csv"
    cluster.wait_until(lambda: history.exists() and len(history.read_text().splitlines()) > 3)
    cluster.stop_and_wait(job)
    log = cluster.folder / f"cxr-train-{job}.log"
    assert "state saved at" in log.read_text()
    assert "Restarts=1" in cluster.call("scontrol", "show", "job", job)
    assert f"{stopped}: finished" in log.read_text()
    weights = [jax.tree.leaves(open_run(run).variables) for run in (undisturbed, stopped)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_processes_of_a_job_train_one_model_and_are_requeued_together(
    cluster: Cluster, cxr: Cxr, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    words = ("--split", split_file, "--width", 0.125, "--epochs", 30, "--batch-size", 8, "--lr", 1e-3)
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert cxr("train", small_dataset, *words, "-o", alone).code == 0

    script, _ = script_of(cxr, "--ntasks", 2, "train", small_dataset, *words, "-o", together)
    job = cluster.call("sbatch", "--parsable", script=script).strip()
    history = together / "history.csv"
    cluster.wait_until(lambda: history.exists() and len(history.read_text().splitlines()) > 2)
    cluster.stop_and_wait(job)
    log = (cluster.folder / f"cxr-train-{job}.log").read_text()
    assert log.count("2 processes train together") == 2
    assert log.count("best validation accuracy") == 1
    assert json.loads((together / "run.json").read_text())["devices"] == 2
    curves = [
        pd.read_csv(run / "history.csv")[["epoch", "train_loss", "val_loss"]] for run in (alone, together)
    ]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-3)


@pytest.mark.parametrize("command", ["preprocess", "sweep", "crossval", "train"])
def test_scripts_are_what_sbatch_takes(cluster: Cluster, cxr: Cxr, tmp_path: Path, command: str) -> None:
    limits = ("--time", "00:10:00", "--memory", "1G", "--partition", "all", "--warning", 60)
    tasks = () if command == "train" else ("--tasks", 4)
    source = ("data",) if command == "preprocess" else ("data", "--split", "split.csv")
    script, _ = script_of(cxr, *limits, *tasks, command, *source, "-o", tmp_path / "out")
    cluster.call("sbatch", "--test-only", script=script)
