"""`cxr test` from the shell."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edited import edit_config
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from cxr_cli.images.characteristics import RAW_COLUMNS

Cxr = Callable[..., Any]
CLASSES = ["covid19", "normal", "pneumonia"]


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


@pytest.fixture
def single(single_run: Path, tmp_path: Path) -> Path:
    """Copy the finished single run, to write into."""
    return Path(shutil.copytree(single_run, tmp_path / "single"))


@pytest.fixture
def siamese(siamese_run: Path, tmp_path: Path) -> Path:
    """Copy the finished siamese run, to write into."""
    return Path(shutil.copytree(siamese_run, tmp_path / "siamese"))


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"image_id": str, "patient_id": str}, keep_default_na=False)


def assert_metrics_are_those_of_scikit_learn(metrics: dict[str, Any], table: pd.DataFrame) -> None:
    truth, guess = table["label"], table["predicted"]
    assert metrics["images"] == len(table)
    assert metrics["classes"] == CLASSES
    assert metrics["confusion_matrix"] == confusion_matrix(truth, guess, labels=CLASSES).tolist()
    overall = {
        "accuracy": accuracy_score(truth, guess),
        "balanced_accuracy": balanced_accuracy_score(truth, guess),
        "macro_f1": f1_score(truth, guess, labels=CLASSES, average="macro", zero_division=0),
    }
    for name, expected in overall.items():
        assert metrics[name]["value"] == pytest.approx(expected), name
        # A perfect test has no interval where there is no formula for one.
        if metrics[name]["low"] is not None:
            assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"]
    settings: dict[str, Any] = {"labels": CLASSES, "average": None}
    of_classes = {
        "sensitivity": recall_score(truth, guess, **settings),
        "precision": precision_score(truth, guess, zero_division=np.nan, **settings),
        "f1": f1_score(truth, guess, zero_division=0, **settings),
    }
    for name, expected in of_classes.items():
        for label, value in zip(CLASSES, expected, strict=True):
            found = metrics["per_class"][label][name]["value"]
            assert found == (None if np.isnan(value) else pytest.approx(value)), (label, name)
    for label in CLASSES:
        area = roc_auc_score(truth == label, table[f"score_{label}"])
        assert metrics["per_class"][label]["auc"]["value"] == pytest.approx(area)


def test_a_single_run_gives_a_row_for_each_image_and_the_metrics_of_those_rows(
    cxr: Cxr, single: Path, small_dataset: Path, split_file: Path
) -> None:
    outcome = cxr("test", single)
    assert outcome.code == 0, outcome.err
    table, split = read(single / "predictions.csv"), read(split_file)
    expected = split[split["subset"] == "test"]
    for column in ("image_id", "patient_id", "label"):
        assert table[column].tolist() == expected[column].tolist()
    scores = [f"score_{name}" for name in CLASSES]
    assert table.columns[:8].tolist() == ["image_id", "patient_id", "label", "predicted", *scores, "model_id"]
    manifest = read(small_dataset / "manifest.csv")
    left_out = ("row", *RAW_COLUMNS, *table.columns[:4])
    known = [name for name in manifest if name not in left_out]
    assert table.columns[8:].tolist() == known
    np.testing.assert_allclose(table[scores].sum(axis=1), 1.0, atol=1e-5)
    assert table["predicted"].tolist() == [CLASSES[i] for i in table[scores].to_numpy().argmax(1)]

    metrics = json.loads((single / "metrics.json").read_text())
    assert (metrics["run"], metrics["subset"]) == (str(single), "test")
    assert_metrics_are_those_of_scikit_learn(metrics, table)
    assert re.search(rf"^accuracy +{metrics['accuracy']['value']:.3f} \(", outcome.out, re.M)
    assert outcome.err == f"{single / 'predictions.csv'}: {len(expected)} images\n"
    for figure in ("confusion.png", "roc.png", "precision-recall.png", "calibration.svg", "errors.png"):
        assert (single / "figures" / figure).stat().st_size > 0


def test_another_subset_keeps_its_own_file_names(cxr: Cxr, single: Path, split_file: Path) -> None:
    assert cxr("test", single, "--subset", "val").code == 0
    table = read(single / "predictions-val.csv")
    assert len(table) == (read(split_file)["subset"] == "val").sum()
    metrics = json.loads((single / "metrics-val.json").read_text())
    assert metrics["subset"] == "val"
    assert_metrics_are_those_of_scikit_learn(metrics, table)
    # The model that was selected is the one that is tested.
    history = pd.read_csv(single / "history.csv")
    assert metrics["accuracy"]["value"] == pytest.approx(history["val_accuracy"].max())
    assert (single / "figures" / "confusion-val.png").exists()
    assert not (single / "predictions.csv").exists()
    assert not (single / "metrics.json").exists()


def test_results_go_where_they_are_wanted(cxr: Cxr, single: Path, tmp_path: Path) -> None:
    options = ("-o", tmp_path / "out" / "p.csv", "--json", tmp_path / "out" / "m.json")
    assert cxr("test", single, *options).code == 0
    table = read(tmp_path / "out" / "p.csv")
    assert_metrics_are_those_of_scikit_learn(json.loads((tmp_path / "out" / "m.json").read_text()), table)
    assert not (single / "predictions.csv").exists()
    assert not (single / "metrics.json").exists()
    for name in ("confusion", "roc"):
        assert (tmp_path / "out" / f"m-{name}.png").exists()
        assert not (single / "figures" / f"{name}.png").exists()


def test_images_and_split_may_have_moved(
    cxr: Cxr, single: Path, tmp_path: Path, small_dataset: Path, split_file: Path
) -> None:
    moved = Path(shutil.copytree(small_dataset, tmp_path / "moved"))
    for suffix in (".csv", ".json"):
        shutil.copy(split_file.with_suffix(suffix), moved)
    gone = {"dataset": str(tmp_path / "gone"), "split": str(tmp_path / "gone.csv")}
    edit_config(single, **gone)
    outcome = cxr("test", single)
    assert outcome.code == 3
    assert "gone: no such folder" in one_line(outcome.err)
    assert cxr("test", single, "--dataset", moved, "--split", moved / "split.csv").code == 0
    text = (moved / "split.csv").read_text()
    (moved / "split.csv").write_text(text.replace(",test,", ",,", 1))
    outcome = cxr("test", single, "--dataset", moved, "--split", moved / "split.csv")
    assert outcome.code == 3
    assert "is not the split of this run: it was changed after training" in one_line(outcome.err)


def test_a_siamese_run_needs_its_templates_and_predicts_the_most_similar_class(
    cxr: Cxr, siamese: Path, tmp_path: Path
) -> None:
    outcome = cxr("test", siamese)
    assert outcome.code == 3
    expected = f"templates.npz: no such file; make it with `cxr template {siamese}`"
    assert expected in one_line(outcome.err)
    assert not (siamese / "predictions.csv").exists()

    assert cxr("template", siamese).code == 0
    assert cxr("test", siamese).code == 0
    table = read(siamese / "predictions.csv")
    scores = table[[f"score_{name}" for name in CLASSES]].to_numpy()
    assert ((scores > 0) & (scores < 1)).all()
    assert table["predicted"].tolist() == [CLASSES[i] for i in scores.argmax(1)]
    metrics = json.loads((siamese / "metrics.json").read_text())
    assert_metrics_are_those_of_scikit_learn(metrics, table)
    assert metrics["accuracy"]["value"] > 0.8

    other = tmp_path / "medoids.npz"
    assert cxr("template", siamese, "--kind", "medoid", "-o", other).code == 0
    assert cxr("test", siamese, "--templates", other, "-o", tmp_path / "p.csv").code == 0
    assert (read(tmp_path / "p.csv")["score_normal"] != table["score_normal"]).any()


def test_wrong_usage_and_bad_input_are_one_line(cxr: Cxr, single: Path, tmp_path: Path) -> None:
    for arguments, code, message in (
        ([single, "--templates", tmp_path / "t.npz"], 2, "is no siamese run and has no use for templates"),
        ([single, "--threshold", 0.5], 2, "--threshold 0.5: is for two classes; "),
        ([single, "--positive", "normal"], 2, "single has 3, and the highest score decides"),
        (
            [single, "--threshold", 0.5, "--sensitivity", 0.9],
            2,
            "decides already; give no --sensitivity with it",
        ),
        ([tmp_path / "gone"], 3, "gone: no such run"),
        ([tmp_path], 3, "is not a run: it has no config.json"),
    ):
        outcome = cxr("test", *arguments)
        assert (outcome.code, outcome.out) == (code, "")
        assert message in one_line(outcome.err)
    outcome = cxr("test", single, "--subset", "holdout")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'holdout' is not one of 'train', 'val', 'test'" in outcome.err
    assert not (single / "predictions.csv").exists()


def test_an_unfinished_run_is_tested_with_a_notice(cxr: Cxr, single: Path) -> None:
    (single / "run.json").unlink()
    outcome = cxr("test", single)
    assert outcome.code == 0
    assert outcome.err.startswith(
        f"{single}: training is not finished; this is the best model so far, of epoch "
    )


@pytest.fixture
def two(run_of_two: Path, tmp_path: Path) -> Path:
    """Copy the run of two classes, to write into."""
    return Path(shutil.copytree(run_of_two, tmp_path / "two"))


def test_the_operating_point_is_chosen_on_validation_and_applied_to_test(cxr: Cxr, two: Path) -> None:
    """The finding is covid19, though it is the first class by name."""
    outcome = cxr("test", two)
    assert outcome.code == 0, outcome.err
    metrics = json.loads((two / "metrics.json").read_text())
    assert metrics["positive"] == "covid19"
    point = metrics["operating_point"]
    assert (point["score"], point["rule"], point["chosen_on"]) == ("score_covid19", "Youden's index", "val")
    assert outcome.out.splitlines()[1].startswith("positive: covid19, ")
    assert outcome.out.splitlines()[2].endswith(", Youden's index on validation")
    assert outcome.err.endswith("column `predicted` follows the operating point, `threshold_covid19`\n")

    table = read(two / "predictions.csv")
    assert table["threshold_covid19"].tolist() == [point["threshold"]] * len(table)
    called = table["score_covid19"] >= point["threshold"]
    assert table["predicted"].tolist() == np.where(called, "covid19", "normal").tolist()
    truth = table["label"] == "covid19"
    assert metrics["sensitivity"]["value"] == pytest.approx(recall_score(truth, called))
    assert metrics["specificity"]["value"] == pytest.approx(recall_score(~truth, ~called))
    assert metrics["auc"]["value"] == pytest.approx(roc_auc_score(truth, table["score_covid19"]))
    assert metrics["brier"]["value"] == pytest.approx(((table["score_covid19"] - truth) ** 2).mean())

    # What was reached on validation is what a test of validation images shows, at the same point.
    assert cxr("test", two, "--subset", "val").code == 0
    on_validation = json.loads((two / "metrics-val.json").read_text())
    assert on_validation["operating_point"] == point
    for name in ("sensitivity", "specificity"):
        assert on_validation[name]["value"] == pytest.approx(point[name])
    youden = point["sensitivity"] + point["specificity"]
    validation = read(two / "predictions-val.csv")
    for score in validation["score_covid19"]:
        found, is_one = validation["score_covid19"] >= score, validation["label"] == "covid19"
        assert youden >= recall_score(is_one, found) + recall_score(~is_one, ~found) - 1e-9


def test_the_operating_point_can_be_asked_for(cxr: Cxr, two: Path) -> None:
    assert cxr("test", two, "--sensitivity", 0.95).code == 0
    point = json.loads((two / "metrics.json").read_text())["operating_point"]
    assert point["rule"] == "sensitivity of 0.95 or more"
    assert point["sensitivity"] >= 0.95

    outcome = cxr("test", two, "--threshold", 0.5, "--positive", "normal")
    assert outcome.code == 0
    metrics = json.loads((two / "metrics.json").read_text())
    assert metrics["positive"] == "normal"
    assert metrics["operating_point"]["chosen_on"] is None
    assert "operating point: score_normal >= 0.5, as given\n" in outcome.out
    table = read(two / "predictions.csv")
    called = np.where(table["score_normal"] >= 0.5, "normal", "covid19")
    assert table["predicted"].tolist() == called.tolist()


def test_the_finding_must_be_a_class(cxr: Cxr, two: Path) -> None:
    outcome = cxr("test", two, "--positive", "pneumonia")
    assert (outcome.code, outcome.out) == (2, "")
    assert one_line(outcome.err) == "cxr: --positive pneumonia: the classes are 'covid19', 'normal'\n"


def test_predictive_values_are_those_at_the_prevalence_by_bayes(cxr: Cxr, two: Path) -> None:
    done = cxr("test", two, "--positive", "covid19", "--prevalence", 0.03, "--resamples", 100)
    assert done.code == 0
    assert "predictive values at a prevalence of 0.03, as given" in done.out
    metrics = json.loads((two / "metrics.json").read_text())
    sensitivity, specificity = (metrics[name]["value"] for name in ("sensitivity", "specificity"))
    hits, alarms = 0.03 * sensitivity, 0.97 * (1 - specificity)
    assert metrics["prevalence"] == 0.03
    assert metrics["ppv_at_prevalence"]["value"] == pytest.approx(hits / (hits + alarms))
    assert metrics["positive_likelihood_ratio"]["value"] == pytest.approx(sensitivity / (1 - specificity))


def test_calibrated_scores_are_written_and_later_predictions_follow(cxr: Cxr, two: Path) -> None:
    dataset = two.parent / "list.csv"
    done = cxr("test", two, "--positive", "covid19", "--calibrate", "platt", "--resamples", 100)
    assert done.code == 0
    assert "scores are calibrated: platt, fitted on" in done.err
    config = json.loads((two / "config.json").read_text())
    assert cxr("predict", two, config["dataset"], "-o", dataset).code == 0
    tested = pd.read_csv(two / "predictions.csv").set_index("image_id")
    predicted = pd.read_csv(dataset).set_index("image_id").loc[tested.index]
    assert np.allclose(tested["score_covid19"], predicted["score_covid19"], atol=1e-6)
    assert list(tested["predicted"]) == list(predicted["predicted"])
    names = {path.name for path in (two / "figures").iterdir()}
    assert {"confusion.png", "roc.png", "calibration.png", "decision-curve.png"} <= names
    # Without the option scores are as they are again.
    assert cxr("test", two, "--positive", "covid19", "--resamples", 100).code == 0
    assert "calibration" not in json.loads((two / "metrics.json").read_text())


@pytest.mark.parametrize("prevalence", [0, 1, 1.5])
def test_a_prevalence_is_between_0_and_1(cxr: Cxr, two: Path, prevalence: float) -> None:
    done = cxr("test", two, "--prevalence", prevalence)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "more than 0 is needed, and less than 1" in done.err
