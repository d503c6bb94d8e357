"""`cxr compare` from the shell."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_predictions import drawn_table
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from cxr_cli.recorded_values import NOT_RECORDED

Cxr = Callable[..., Any]
QUICK = ("--resamples", 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models' predictions: files, and a folder like a RUN's. The first has two readers' calls."""
    folder = tmp_path_factory.mktemp("models")
    first = drawn_table(1.0)
    rng = np.random.default_rng(5)
    for reader, right in (("reader_a", 0.9), ("reader_b", 0.8)):
        other = np.where(first["label"] == "normal", "pneumonia", "normal")
        first[reader] = np.where(rng.random(120) < right, first["label"], other)
    first.loc[:9, "reader_b"] = ""
    first.to_csv(folder / "good.csv", index=False)
    drawn_table(4.0, seed=1).to_csv(folder / "poor.csv", index=False)
    (folder / "run").mkdir()
    drawn_table(2.0, seed=2).iloc[::-1].to_csv(folder / "run" / "predictions.csv", index=False)
    return folder


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_metrics_of_all_models_and_every_two_s_differences(cxr: Cxr, folder: Path) -> None:
    done = cxr("compare", folder / "good.csv", folder / "poor.csv", folder / "run", "--format", "csv", *QUICK)
    assert (done.code, done.err) == (0, "")
    rows = rows_of(done.out)
    aucs = {row["model"]: float(row["value"]) for row in rows if row["metric"] == "auc" and not row["minus"]}
    for name, path in (("good", "good.csv"), ("poor", "poor.csv"), ("run", "run/predictions.csv")):
        table = pd.read_csv(folder / path)
        assert aucs[name] == pytest.approx(
            roc_auc_score(table["label"] == "pneumonia", table["score_pneumonia"])
        )
    pairs = {(row["model"], row["minus"]) for row in rows if row["minus"]}
    assert pairs == {("poor", "good"), ("run", "good"), ("run", "poor")}
    difference = next(
        row for row in rows if row["metric"] == "auc" and (row["model"], row["minus"]) == ("run", "good")
    )
    assert float(difference["value"]) == pytest.approx(aucs["run"] - aucs["good"])
    assert difference["method"] == "delong"


def test_images_of_their_own_patients_have_mcnemar_s_p(cxr: Cxr, folder: Path, tmp_path: Path) -> None:
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in ("good", "poor")}
    for name, table in tables.items():
        table.assign(patient_id=table["image_id"]).to_csv(tmp_path / f"{name}.csv", index=False)
    done = cxr("compare", tmp_path / "good.csv", tmp_path / "poor.csv", "--format", "json", *QUICK)
    [pair] = json.loads(done.out)["comparisons"][0]["pairs"]
    right = [table["predicted"] == table["label"] for table in tables.values()]
    alone = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    expected = binomtest(alone[0], sum(alone)).pvalue
    assert pair["differences"]["accuracy"]["p"] == pytest.approx(expected)
    assert all(0 < of["p"] <= of["p_holm"] <= 1 for of in pair["differences"].values())


def test_the_folder_has_every_format_and_the_figures(cxr: Cxr, folder: Path, tmp_path: Path) -> None:
    done = cxr(
        "compare", folder / "good.csv", folder / "run", "-o", tmp_path / "c", "--reader", "reader_a", *QUICK
    )
    assert done.code == 0
    assert {path.name for path in (tmp_path / "c").iterdir()} == {
        *(f"comparison.{suffix}" for suffix in ("txt", "csv", "json", "tex", "md")),
        *(
            f"{name}.{suffix}"
            for name in ("roc", "precision-recall", "calibration", "decision-curve")
            for suffix in ("png", "svg")
        ),
    }
    assert (tmp_path / "c" / "comparison.txt").read_text() == done.out


def test_strata_are_compared_too(cxr: Cxr, folder: Path) -> None:
    done = cxr(
        "compare", folder / "good.csv", folder / "poor.csv", "--by", "manufacturer", "--format", "csv", *QUICK
    )
    rows = [row for row in rows_of(done.out) if row["by"] == "manufacturer" and row["metric"] == "accuracy"]
    assert [row["stratum"] for row in rows if not row["minus"]] == [
        name for name in ("Philips", "Siemens", NOT_RECORDED) for _ in range(2)
    ]
    table = pd.read_csv(folder / "good.csv")
    inside = table["manufacturer"] == "Siemens"
    expected = (table["predicted"] == table["label"])[inside].mean()
    assert float(rows[3]["value"]) == pytest.approx(expected)


def test_readers_are_points_and_agree_with_kappa(cxr: Cxr, folder: Path) -> None:
    both = ("--reader", "reader_a", "--reader", "reader_b")
    done = cxr("compare", folder / "good.csv", *both, "--format", "json", *QUICK)
    assert done.code == 0
    content = json.loads(done.out)
    table = pd.read_csv(folder / "good.csv", keep_default_na=False)
    read = table[table["reader_b"] != ""]
    first, second = content["readers"]
    positive = read["label"] == "pneumonia"
    assert (first["images"], second["images"]) == (120, 110)
    assert second["sensitivity"]["value"] == pytest.approx((read["reader_b"] == "pneumonia")[positive].mean())
    assert second["specificity"]["value"] == pytest.approx((read["reader_b"] == "normal")[~positive].mean())
    [agreement] = content["agreement"]
    assert agreement["images"] == 110
    assert agreement["agreed"] == pytest.approx((read["reader_a"] == read["reader_b"]).mean())


def test_readers_of_more_classes_call_one_class_or_another(cxr: Cxr, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "image_id": [f"i{number}" for number in range(6)],
            "patient_id": [f"p{number}" for number in range(6)],
            "label": ["covid19", "covid19", "normal", "normal", "pneumonia", "pneumonia"],
            "score_covid19": [0.8, 0.6, 0.1, 0.2, 0.3, 0.1],
            "score_normal": [0.1, 0.2, 0.8, 0.6, 0.3, 0.2],
            "score_pneumonia": [0.1, 0.2, 0.1, 0.2, 0.4, 0.7],
            "radiologist": ["covid19", "normal", "pneumonia", "normal", "covid19", ""],
        }
    )
    table.to_csv(tmp_path / "model.csv", index=False)
    done = cxr("compare", tmp_path / "model.csv", "--reader", "radiologist")
    assert done.code == 2
    assert "--positive" in done.err
    command = ("compare", tmp_path / "model.csv", "--reader", "radiologist", "--positive", "covid19")
    done = cxr(*command, "--format", "json", *QUICK)
    [reader] = json.loads(done.out)["readers"]
    assert (reader["sensitivity"]["value"], reader["specificity"]["value"]) == (0.5, pytest.approx(2 / 3))


def test_readers_may_write_0_and_1_as_the_labels_do(cxr: Cxr, tmp_path: Path) -> None:
    """Beside one score; with missing calls, which make a program write 1 as 1.0."""
    table = drawn_table(1.0)[["image_id", "patient_id", "label", "score_pneumonia"]]
    table["label"] = (table["label"] == "pneumonia").astype(int)
    table["reader"] = np.where(np.arange(120) < 30, 1 - table["label"], table["label"]).astype(float)
    table.loc[100:, "reader"] = np.nan
    table.to_csv(tmp_path / "lone.csv", index=False, na_rep="NA")
    done = cxr("compare", tmp_path / "lone.csv", "--reader", "reader", "--format", "json", *QUICK)
    [reader] = json.loads(done.out)["readers"]
    assert (reader["images"], reader["sensitivity"]["value"]) == (100, pytest.approx(35 / 50))
    assert reader["specificity"]["value"] == pytest.approx(35 / 50)


def test_a_model_named_as_the_ensemble_is_not_replaced(cxr: Cxr, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "poor.csv", tmp_path / "ensemble.csv")
    done = cxr("compare", folder / "good.csv", tmp_path / "ensemble.csv", "--ensemble", *QUICK)
    assert (done.code, done.out) == (2, "")
    assert "--ensemble: a model is named 'ensemble' already" in done.err


def test_the_ensemble_is_the_mean_of_the_scores(cxr: Cxr, folder: Path) -> None:
    models = (folder / "good.csv", folder / "run")
    done = cxr("compare", *models, "--ensemble", "--format", "csv", *QUICK)
    tables = [pd.read_csv(path).set_index("image_id") for path in (models[0], models[1] / "predictions.csv")]
    mean = (tables[0]["score_pneumonia"] + tables[1]["score_pneumonia"]) / 2
    [auc] = [
        row for row in rows_of(done.out)
        if (row["model"], row["minus"], row["metric"]) == ("ensemble", "", "auc")
    ]  # fmt: skip
    assert float(auc["value"]) == pytest.approx(roc_auc_score(tables[0]["label"] == "pneumonia", mean))


def test_noninferiority_and_predictive_values(cxr: Cxr, folder: Path) -> None:
    done = cxr(
        "compare",
        folder / "poor.csv",
        folder / "good.csv",
        "--noninferiority",
        0.05,
        "--prevalence",
        0.1,
        *QUICK,
    )
    assert "noninferior by 0.05" in done.out
    done = cxr(
        "compare", folder / "poor.csv", folder / "good.csv", "--prevalence", 0.1, "--format", "csv", *QUICK
    )
    values = {
        row["metric"]: float(row["value"] or "nan") for row in rows_of(done.out)
        if row["model"] == "good" and not row["minus"]
    }  # fmt: skip
    sensitivity, specificity = values["sensitivity"], values["specificity"]
    expected = 0.1 * sensitivity / (0.1 * sensitivity + 0.9 * (1 - specificity))
    assert values["ppv_at_prevalence"] == pytest.approx(expected)


def test_images_that_not_all_have_are_left_out_and_said(cxr: Cxr, folder: Path, tmp_path: Path) -> None:
    drawn_table(2.0).iloc[20:].to_csv(tmp_path / "part.csv", index=False)
    done = cxr("compare", folder / "good.csv", tmp_path / "part.csv", *QUICK)
    assert done.code == 0
    assert "20 of 120 images are not in every table and are left out" in done.err
    assert "all images  100     50" in done.out


def test_classes_in_another_order_are_the_same(cxr: Cxr, folder: Path, tmp_path: Path) -> None:
    table = drawn_table(1.0)
    order = ["image_id", "patient_id", "label", "predicted", "score_pneumonia", "score_normal"]
    table[order].assign(threshold_pneumonia=0.4).to_csv(tmp_path / "same.csv", index=False)
    done = cxr("compare", folder / "good.csv", tmp_path / "same.csv", "--format", "json", *QUICK)
    [pair] = json.loads(done.out)["comparisons"][0]["pairs"]
    assert {of["value"] for of in pair["differences"].values()} == {0}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("good.csv",), 2, "two or more are needed, or one and --reader"),
        (("good.csv", "good.csv"), 2, "is there twice"),
        (("good.csv", "missing"), 3, "missing: no such file"),
        (("good.csv", "poor.csv", "--noninferiority", 2), 2, "--noninferiority 2.0: more than 0 is needed"),
        (("good.csv", "poor.csv", "--prevalence", 0), 2, "--prevalence 0.0: more than 0 is needed"),
        (
            ("good.csv", "poor.csv", "--reader", "sex"),
            3,
            "sex is 'F'; a class is needed, 'normal', 'pneumonia'",
        ),
        (("good.csv", "poor.csv", "--reader", "nobody"), 3, "no column 'nobody'"),
        (("good.csv", "poor.csv", "--positive", "flu"), 2, "--positive flu: the classes are"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    cxr: Cxr, folder: Path, arguments: tuple[object, ...], code: int, message: str
) -> None:
    models = [folder / word if str(word).endswith((".csv", "missing")) else word for word in arguments]
    done = cxr("compare", *models)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert message in done.err
