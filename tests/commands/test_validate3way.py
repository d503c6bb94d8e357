"""`cxr validate3way` from the shell."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_cli.training.history import read_history

Cxr = Callable[..., Any]


@pytest.fixture
def run(siamese_run: Path, tmp_path: Path) -> Path:
    """Copy the finished siamese run, to write into."""
    return Path(shutil.copytree(siamese_run, tmp_path / "run"))


def test_trials_are_balanced_over_the_classes_and_reported(cxr: Cxr, run: Path, tmp_path: Path) -> None:
    outcome = cxr("validate3way", run, "--trials", 12, "--repeats", 5, "--json", tmp_path / "f.json")
    assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "f.json").read_text())
    assert (metrics["trials"], metrics["repeats"], metrics["subset"], metrics["seed"]) == (12, 5, "val", 0)
    assert [sum(row) for row in metrics["confusion_matrix"]] == [20, 20, 20]
    hits = sum(metrics["confusion_matrix"][i][i] for i in range(3))
    assert metrics["accuracy_over_draws"]["mean"] == pytest.approx(hits / 60)
    accuracy = metrics["accuracy"]
    assert accuracy["value"] == pytest.approx(np.trace(metrics["confusion_shares"]) / 3)
    assert accuracy["value"] == pytest.approx(hits / 60, abs=0.15)
    assert 1 / 3 < accuracy["low"] < accuracy["value"] <= accuracy["high"]
    assert outcome.out.startswith("images 16, patients ")
    assert "5 repeats of 12 sampled trials: accuracy mean " in outcome.out
    assert outcome.err == "16 images of val went through the model once; 60 trials\n"
    assert (run / "figures" / "three-way-val.png").stat().st_size > 0


def test_the_seed_decides_the_trials(cxr: Cxr, run: Path, tmp_path: Path) -> None:
    def metrics(seed: int) -> str:
        path = tmp_path / "f.json"
        options = ("--trials", 6, "--repeats", 20, "--subset", "train", "--seed", seed, "--json", path)
        assert cxr("validate3way", run, *options).code == 0
        return json.dumps({**json.loads(path.read_text()), "seed": None})

    assert metrics(1) == metrics(1)


def test_one_repeat_has_no_spread(cxr: Cxr, run: Path) -> None:
    outcome = cxr("validate3way", run, "--trials", 12)
    assert outcome.code == 0
    assert "repeats of" not in outcome.out
    assert outcome.out.splitlines()[-1].startswith("12 sampled trials: accuracy ")


def test_training_selected_by_such_trials(siamese_run: Path) -> None:
    accuracies = [record.val_accuracy for record in read_history(siamese_run / "history.csv", 3)]
    assert all(accuracy * 12 == pytest.approx(round(accuracy * 12)) for accuracy in accuracies)


def test_too_few_images_are_refused_with_the_numbers(cxr: Cxr, run: Path) -> None:
    outcome = cxr("validate3way", run)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == (
        "cxr: three-way validation: class 'covid19' has 4 images, "
        "129 trials need 43; --trials 12 is the most\n"
    )


def test_three_way_validation_needs_a_siamese_run_and_a_known_subset(
    cxr: Cxr, run: Path, single_run: Path
) -> None:
    outcome = cxr("validate3way", single_run)
    assert outcome.code == 2
    assert "vectors to compare need a siamese run" in outcome.err
    outcome = cxr("validate3way", run, "--subset", "all")
    assert outcome.code == 2
    assert "'all' is not one of 'train', 'val', 'test'" in outcome.err
