"""`cxr crossval` from the shell: every fold trained and tested, the predictions pooled, the ensemble used."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxr_cli.main import main

Cxr = Callable[..., Any]
OPTIONS = ("--width", "0.125", "--batch-size", "8", "--lr", "1e-3", "--epochs", "1", "--resamples", "100")


@pytest.fixture(scope="module")
def folds(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folds") / "folds.csv"
    assert main(["split", str(small_dataset), "-o", str(path), "--folds", "3"]) == 0
    return path


@pytest.fixture(scope="module")
def cv(compiled_once: None, small_dataset: Path, folds: Path) -> Path:
    """A finished cross-validation; not to be changed."""
    folder = folds.parent / "cv"
    assert main(["crossval", str(small_dataset), "--split", str(folds), "-o", str(folder), *OPTIONS]) == 0
    return folder


def test_every_image_is_predicted_by_the_fold_that_did_not_train_on_it(cv: Path, folds: Path) -> None:
    pooled = pd.read_csv(cv / "predictions.csv").set_index("image_id")
    fold_of = pd.read_csv(folds).set_index("image_id")["fold"]
    assert len(pooled) == len(fold_of) == 60
    assert (pooled["fold"] == fold_of[pooled.index]).all()
    for fold in range(3):
        own = pd.read_csv(cv / f"fold{fold}" / "predictions.csv").set_index("image_id")
        both = pooled.loc[own.index, "score_normal"]
        assert np.allclose(both, own["score_normal"])


def test_a_signal_between_folds_ends_after_the_fold_and_the_same_command_resumes(
    cxr: Cxr, small_dataset: Path, folds: Path, cv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Slurm sends it while a fold is being tested, where no step of training asks for it."""
    import cxr_cli.training.crossval as module

    untouched = module.test

    def stopped_while_testing(run: Path, **settings: Any) -> Any:
        signal.raise_signal(signal.SIGUSR1)
        return untouched(run, **settings)

    monkeypatch.setattr(module, "test", stopped_while_testing)
    command = ("crossval", small_dataset, "--split", folds, "-o", tmp_path / "cv", *OPTIONS)
    outcome = cxr(*command)
    assert outcome.code == 75
    assert "fold1; what is finished is kept, the same command continues" in outcome.err.splitlines()[-1]
    assert (tmp_path / "cv" / "fold0" / "metrics.json").exists()
    assert not (tmp_path / "cv" / "fold1").exists()
    monkeypatch.undo()
    assert cxr(*command).code == 0
    assert (tmp_path / "cv" / "predictions.csv").read_bytes() == (cv / "predictions.csv").read_bytes()


def test_metrics_have_each_fold_mean_sd_and_the_pooled_ones(cv: Path) -> None:
    metrics = json.loads((cv / "metrics.json").read_text())
    pooled = pd.read_csv(cv / "predictions.csv")
    assert metrics["images"] == 60
    assert metrics["accuracy"]["value"] == pytest.approx((pooled["predicted"] == pooled["label"]).mean())
    assert metrics["accuracy"]["low"] <= metrics["accuracy"]["value"] <= metrics["accuracy"]["high"]
    each = [
        json.loads((cv / f"fold{fold}" / "metrics.json").read_text())["accuracy"]["value"]
        for fold in range(3)
    ]
    assert [run["accuracy"]["value"] for run in metrics["runs"]] == each
    assert metrics["mean"]["accuracy"] == pytest.approx(np.mean(each))
    assert metrics["sd"]["accuracy"] == pytest.approx(np.std(each, ddof=1))
    figures = {"confusion", "roc", "precision-recall", "calibration", "scores"}
    assert {path.stem for path in (cv / "figures").iterdir()} == figures


def test_the_same_command_again_trains_nothing(cxr: Cxr, cv: Path, small_dataset: Path, folds: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in cv.glob("fold*/predictions.csv")}
    done = cxr("crossval", small_dataset, "--split", folds, "-o", cv, *OPTIONS)
    assert done.code == 0
    assert "epoch 1/1" not in done.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "Folds" in done.out


def test_other_settings_and_other_folders_are_refused(
    cxr: Cxr, cv: Path, small_dataset: Path, folds: Path, split_file: Path, tmp_path: Path
) -> None:
    changed = cxr("crossval", small_dataset, "--split", folds, "-o", cv, *OPTIONS, "--seed", 3)
    assert (changed.code, changed.err.count("\n")) == (2, 1)
    assert "--seed was 0, now 3" in changed.err
    plain = cxr("crossval", small_dataset, "--split", split_file, "-o", tmp_path / "x", *OPTIONS)
    assert (plain.code, plain.err.count("\n")) == (2, 1)
    assert "has no folds" in plain.err
    assert not (tmp_path / "x").exists()


def test_the_positive_class_is_asked_for_before_anything_is_trained(
    cxr: Cxr, make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    labels = ["covid19", "pneumonia"] * 6
    dataset = make_dataset(tmp_path / "dataset", labels, [f"p{number}" for number in range(12)])
    assert cxr("split", dataset, "-o", tmp_path / "folds.csv", "--folds", 3).code == 0
    done = cxr("crossval", dataset, "--split", tmp_path / "folds.csv", "-o", tmp_path / "cv", *OPTIONS)
    assert (done.code, done.out) == (2, "")
    assert "--positive: name the positive class; of 'covid19' and 'pneumonia' none is named" in done.err
    assert not (tmp_path / "cv").exists()


def test_tasks_train_their_share_and_pool_nothing(
    cxr: Cxr, compiled_once: None, small_dataset: Path, folds: Path, tmp_path: Path, cv: Path
) -> None:
    command = ("crossval", small_dataset, "--split", folds, "-o", tmp_path / "cv", *OPTIONS)
    first = cxr(*command, "--task", "1/2")
    assert (first.code, first.out) == (0, "")
    assert {path.name for path in (tmp_path / "cv").iterdir()} == {"crossval.json", "fold0", "fold2"}
    unfinished = cxr("predict", tmp_path / "cv", small_dataset)
    assert (unfinished.code, unfinished.err.count("\n")) == (3, 1)
    assert "fold1: this fold is not trained yet" in unfinished.err
    assert cxr(*command, "--task", "2/2").code == 0
    assert cxr(*command).code == 0
    names = ("score_normal", "predicted")
    one, other = (pd.read_csv(of / "predictions.csv")[list(names)] for of in (cv, tmp_path / "cv"))
    pd.testing.assert_frame_equal(one, other)


def test_more_seeds_are_added_and_averaged(
    cxr: Cxr, compiled_once: None, small_dataset: Path, folds: Path, cv: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(cv, tmp_path / "cv"))
    done = cxr("crossval", small_dataset, "--split", folds, "-o", folder, *OPTIONS, "--seeds", 2)
    assert done.code == 0
    pooled = pd.read_csv(folder / "predictions.csv").set_index("image_id")
    tables = [
        pd.read_csv(folder / name / "predictions.csv").set_index("image_id")
        for name in ("fold1", "fold1-seed1")
    ]
    both = np.stack([table["score_normal"] for table in tables])
    found = pooled.loc[tables[0].index]
    assert np.allclose(found["score_normal"], both.mean(0))
    assert np.allclose(found["spread_normal"], both.std(0, ddof=1))
    scores = found[["score_covid19", "score_normal", "score_pneumonia"]]
    assert list(found["predicted"]) == [name.removeprefix("score_") for name in scores.idxmax(axis=1)]
    assert len(json.loads((folder / "metrics.json").read_text())["runs"]) == 6


def test_a_cv_predicts_as_the_mean_of_its_runs(
    cxr: Cxr, cv: Path, small_dataset: Path, tmp_path: Path
) -> None:
    tables = {}
    for name, run in {"all": cv, **{str(fold): cv / f"fold{fold}" for fold in range(3)}}.items():
        assert cxr("predict", run, small_dataset, "-o", tmp_path / f"{name}.csv").code == 0
        tables[name] = pd.read_csv(tmp_path / f"{name}.csv")
    each = np.stack([tables[str(fold)]["score_normal"] for fold in range(3)])
    assert np.allclose(tables["all"]["score_normal"], each.mean(0), atol=1e-6)
    assert np.allclose(tables["all"]["spread_normal"], each.std(0, ddof=1), atol=1e-6)
    members = ("--member", cv / "fold1", "--member", cv / "fold2")
    assert cxr("predict", cv / "fold0", small_dataset, *members, "-o", tmp_path / "m.csv").code == 0
    assert np.allclose(pd.read_csv(tmp_path / "m.csv")["score_normal"], tables["all"]["score_normal"])


def test_a_cv_is_compared_by_its_pooled_predictions(cxr: Cxr, cv: Path) -> None:
    done = cxr("compare", cv, cv / "predictions.csv", "--resamples", 100)
    assert done.code == 2  # the same predictions twice
    done = cxr("compare", cv, cv / "fold0", "--resamples", 100, "--format", "json")
    assert done.code == 0
    assert list(json.loads(done.out)["models"]) == ["cv", "fold0"]


def test_a_cv_alone_is_no_run_to_test(cxr: Cxr, cv: Path) -> None:
    done = cxr("test", cv)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--external" in done.err


def test_siamese_folds_have_templates_of_their_own(
    cxr: Cxr, compiled_once: None, small_dataset: Path, folds: Path, tmp_path: Path
) -> None:
    siamese = ("--recipe", "siamese", "--pairs", 60, "--pairing", "in-batch", "--trials", 10)
    done = cxr("crossval", small_dataset, "--split", folds, "-o", tmp_path / "cv", *OPTIONS, *siamese)
    assert done.code == 0
    assert all((tmp_path / "cv" / f"fold{fold}" / "templates.npz").exists() for fold in range(3))
    assert len(pd.read_csv(tmp_path / "cv" / "predictions.csv")) == 60
