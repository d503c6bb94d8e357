"""`cxr sweep`: a small grid, shared by two tasks, collected, gone on with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_cli.array_task import ArrayTask
from cxr_cli.commands.options import array_task
from cxr_cli.training.sweep import grid


def test_the_paper_s_grid_is_the_default() -> None:
    points = grid(None, None)
    assert len(points) == len(set(points)) == 9
    assert {point.lr for point in points} == {1e-3, 1e-4, 1e-5}
    assert {point.batch_size for point in points} == {8, 16, 32}


def test_two_tasks_share_a_grid_and_the_table_is_collected(
    cxr: Callable[..., Any], compiled_once: None, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    command = ["sweep", small_dataset, "--split", split_file, "-o", out, "--width", 0.125, "--epochs", 1]
    command += ["--lr", 1e-3, "--lr", 1e-5, "--batch-size", 8]

    first = cxr(*command, "--task", "1/2")
    assert first.code == 0
    assert "lr-0.001_batch-8: best validation accuracy" in first.err
    assert not (out / "sweep.csv").exists()
    assert not (out / "lr-1e-05_batch-8").exists()
    assert "pending" in first.out

    assert cxr(*command, "--task", "2/2").code == 0
    collected = cxr(*command)
    assert collected.code == 0
    assert collected.err.count("finished already") == 2
    table = pd.read_csv(out / "sweep.csv", keep_default_na=False)
    assert list(table["lr"]) == [1e-3, 1e-5]
    assert list(table["state"]) == ["finished", "finished"]
    best = table.loc[table["best"] == "*"]
    assert len(best) == 1
    assert best["val_accuracy"].item() == table["val_accuracy"].max()


def test_a_task_of_a_slurm_array_is_the_share_unless_one_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"ID": 5, "COUNT": 4, "MIN": 3, "STEP": 1}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
    assert array_task(None, "task", "runs") == ArrayTask(3, 4)
    assert capsys.readouterr().err == "task of a Slurm job array: --task 3/4 (--task 1/1 takes all runs)\n"
    assert array_task("2/8", "task", "runs") == ArrayTask(2, 8)
    assert array_task("1/1", "task", "runs") is None
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID")
    assert array_task(None, "task", "runs") is None
    assert capsys.readouterr().err == ""


def test_a_sweep_of_an_unknown_recipe_is_wrong_usage(
    cxr: Callable[..., Any], small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    outcome = cxr(
        "sweep", small_dataset, "--split", split_file, "-o", tmp_path / "s", "--recipe", "near_duplicate"
    )
    assert outcome.code == 2
    assert "'--recipe': 'near_duplicate' is not one of 'single', 'siamese'" in outcome.err
    assert not (tmp_path / "s").exists()
