"""`cxr stratify` from the shell."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_predictions import drawn_table
from sklearn.metrics import roc_auc_score

Cxr = Callable[..., Any]
QUICK = ("--resamples", 100)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("strata") / "predictions.csv"
    drawn_table(1.0).to_csv(path, index=False)
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_stratum_has_the_metrics_of_its_images(cxr: Cxr, predictions: Path) -> None:
    by = ("--by", "manufacturer", "--by", "sex,age:40,60")
    outcome = cxr("stratify", predictions, *by, "--format", "csv", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    rows = rows_of(outcome.out)
    table = drawn_table(1.0)
    strata = [(row["by"], row["stratum"]) for row in rows]
    assert strata == [
        ("", "all images"),
        *(("manufacturer", name) for name in ("Philips", "Siemens", "not recorded")),
        *(("sex, age", name) for name in ("F, <40", "F, 40 to <60", "F, >=60", "M, >=60")),
    ]
    for row, maker in zip(rows[1:4], ("Philips", "Siemens", ""), strict=True):
        images = table[table["manufacturer"] == maker]
        truth = images["label"] == "pneumonia"
        assert (int(row["images"]), int(row["positives"])) == (len(images), truth.sum())
        assert int(row["patients"]) == images["patient_id"].nunique()
        assert float(row["auc"]) == pytest.approx(roc_auc_score(truth, images["score_pneumonia"]))
        found = (images["predicted"] == "pneumonia")[truth].mean()
        assert float(row["sensitivity"]) == pytest.approx(found)
        assert float(row["sensitivity_low"]) < found <= float(row["sensitivity_high"])
        rest = table[(table["manufacturer"] != maker) & (table["label"] == "pneumonia")]
        difference = found - (rest["predicted"] == "pneumonia").mean()
        assert float(row["sensitivity_difference"]) == pytest.approx(difference)
    for row in rows:
        fewest = min(int(row["positive_patients"]), int(row["negative_patients"]))
        assert (row["small"] == "True") == (fewest < 20)


def test_the_same_seed_gives_the_same_tables(cxr: Cxr, predictions: Path) -> None:
    command = ("stratify", predictions, "--by", "sex", *QUICK)
    first, again = cxr(*command), cxr(*command)
    other = cxr(*command, "--seed", 1)
    assert first.out == again.out
    assert first.out != other.out


def test_the_table_says_what_is_positive_from_where_on_and_marks_small_strata(
    cxr: Cxr, predictions: Path
) -> None:
    out = cxr("stratify", predictions, "--by", "sex", *QUICK).out
    lines = out.splitlines()
    assert lines[:2] == [
        f"{predictions}: positive: pneumonia, as predicted in the table, score_pneumonia >= 0.4",
        "95% intervals by patients: proportions by Wilson, with the effective number of images;",
    ]
    assert "sex: M *" in out
    assert "* fewer than 20 patients of a class: read with care" in lines
    assert "*" not in cxr("stratify", predictions, "--by", "sex", "--small", 5, *QUICK).out


def test_all_tables_and_curves_go_into_a_folder(cxr: Cxr, predictions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = cxr("stratify", predictions, "--by", "sex", "--by", "sex,manufacturer", "-o", out, *QUICK)
    assert outcome.code == 0
    tables = {"strata.txt", "strata.csv", "strata.json", "strata.tex", "strata.md"}
    figures = ("forest", "roc-sex", "roc-sex-manufacturer")
    drawn = {f"{name}.{suffix}" for name in figures for suffix in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == tables | drawn
    assert (out / "strata.txt").read_text() == outcome.out
    content = json.loads((out / "strata.json").read_text())
    assert (content["positive"], content["resamples"], content["seed"]) == ("pneumonia", 100, 0)
    assert [stratum["stratum"] for stratum in content["strata"][:3]] == ["all images", "F", "M"]
    assert len(rows_of((out / "strata.csv").read_text())) == len(content["strata"])
    for name, beginning in (("latex", "% "), ("markdown", f"{predictions}: ")):
        printed = cxr("stratify", predictions, "--by", "sex", "--format", name, *QUICK).out
        assert printed.startswith(beginning)


def test_another_model_is_compared_on_the_images_that_both_have(
    cxr: Cxr, predictions: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    drawn_table(4.0, seed=1)[10:].to_csv(other, index=False)
    command = ("stratify", predictions, "--by", "sex", "--compare", other, *QUICK)
    outcome = cxr(*command, "--format", "json")
    assert outcome.code == 0
    expected = f"{predictions}: 10 of 120 images are not in the other table and are left out"
    assert one_line(outcome.err).strip() == expected
    content = json.loads(outcome.out)
    assert content["compared_with"] == str(other)
    whole = content["strata"][0]
    assert whole["images"] == 110
    difference = whole["model_differences"]["auc"]
    tables = [drawn_table(1.0)[10:], drawn_table(4.0, seed=1)[10:]]
    areas = [roc_auc_score(table["label"] == "pneumonia", table["score_pneumonia"]) for table in tables]
    assert difference["value"] == pytest.approx(areas[1] - areas[0])
    assert (difference["method"], difference["high"] < 0) == ("delong", True)
    assert "The other model minus this one" in cxr(*command).out


def test_three_classes_have_macro_metrics_or_one_against_the_rest(cxr: Cxr, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    scores = rng.dirichlet(np.ones(3), 90) + np.eye(3)[labels]
    table = pd.DataFrame(scores / 2, columns=["score_covid19", "score_normal", "score_pneumonia"])
    table["label"] = np.array(["covid19", "normal", "pneumonia"])[labels]
    table["view"] = np.where(np.arange(90) < 45, "AP", "PA")
    path = tmp_path / "p.csv"
    table.to_csv(path, index=False)
    outcome = cxr("stratify", path, "--by", "view", "-o", tmp_path / "out", *QUICK)
    assert outcome.code == 0
    assert outcome.err.startswith(
        f"{path}: no column patient_id: each image counts as a patient of its own\n"
    )
    assert "Metrics, and the sensitivity of each class" in outcome.out
    names = {"roc-view-covid19.png", "roc-view-normal.png", "roc-view-pneumonia.png"}
    assert names <= {file.name for file in (tmp_path / "out").iterdir()}
    out = cxr("stratify", path, "--by", "view", "--positive", "normal", *QUICK).out
    assert out.startswith(f"{path}: positive: normal, predicted by the highest score\n")


def test_two_spellings_are_told_of_and_stay_apart(cxr: Cxr, tmp_path: Path) -> None:
    table = drawn_table(1.0).assign(site=np.array(["North", "NORTH", "South"])[np.arange(120) % 3])
    path = tmp_path / "p.csv"
    table.to_csv(path, index=False)
    outcome = cxr("stratify", path, "--by", "site", *QUICK)
    assert outcome.code == 0
    expected = "site: 'NORTH' and 'North' differ in case or blanks alone; they stay apart"
    assert one_line(outcome.err).strip() == expected
    assert "site: NORTH" in outcome.out


def test_wrong_usage_and_bad_input_are_one_line(cxr: Cxr, predictions: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("label,score_a,score_b,sex\na,1,0,F\nb,much,1,M\n")
    for arguments, code, message in (
        (
            [predictions, "--by", "station"],
            3,
            "no column 'station'; it has 'image_id', 'patient_id', 'label'",
        ),
        ([predictions, "--by", "age:old"], 2, "'old' is no edge of a bin"),
        ([predictions, "--by", "manufacturer:40"], 3, "line 2: manufacturer is 'Philips'; bins need numbers"),
        ([predictions, "--by", "age"], 2, "60 strata, 50 are the most"),
        ([predictions, "--by", "sex", "--positive", "covid19"], 2, "--positive covid19: the classes are"),
        ([broken, "--by", "sex"], 3, f"{broken}: line 3: score_a is 'much', not a number"),
        ([tmp_path / "gone.csv", "--by", "sex"], 3, "gone.csv: no such file"),
        ([predictions, "--by", "sex", "--compare", broken], 3, f"{broken}: line 3"),
    ):
        outcome = cxr("stratify", *arguments, *QUICK)
        assert (outcome.code, outcome.out) == (code, ""), arguments
        assert message in one_line(outcome.err)


def test_a_second_file_of_an_option_is_not_passed_over(cxr: Cxr, predictions: Path, tmp_path: Path) -> None:
    command = ("stratify", predictions, "--by", "sex")
    for options in (("--compare", "a.csv", "--compare", "b.csv"), ("-o", tmp_path / "x", "--output", "y")):
        outcome = cxr(*command, *options)
        assert (outcome.code, outcome.out) == (2, "")
        name = options[2] if options[2] != "-o" else "--output"
        assert one_line(outcome.err) == f"cxr: {name}: is given twice, and takes one file or folder\n"
    assert cxr(*command, *QUICK, *QUICK).code == 0


def test_ages_sexes_views_and_ids_of_any_spelling(cxr: Cxr, tmp_path: Path) -> None:
    spelled = {
        "patient_id": ["0001", "1.0", "P2", "p02 ", "nan", "NA", "7", "8"],
        "age": ["058Y", "30", "90+", "nan", "412", "018M", "unknown", "61.0"],
        "sex": ["M", "male", "F", "Female", "W", "U", "m", "NULL"],
        "view_position": ["PA", "pa ", "AP ERECT", "AP", "?", "LL", "L", "ap"],
    }
    table = pd.DataFrame(spelled).assign(
        image_id=list("abcdefgh"), label=["no", "yes"] * 4, score_yes=np.linspace(0.1, 0.8, 8)
    )
    table.to_csv(tmp_path / "p.csv", index=False)
    by = ("--by", "age:40,60", "--by", "sex", "--by", "view_position")
    options = (*by, "--positive", "yes", "--format", "csv", *QUICK)
    outcome = cxr("stratify", tmp_path / "p.csv", *options)
    assert outcome.code == 0, outcome.err
    rows = rows_of(outcome.out)
    assert {(row["by"], row["stratum"]): row["images"] for row in rows} == {
        ("", "all images"): "8",
        ("age", "<40"): "2",
        ("age", "40 to <60"): "1",
        ("age", ">=60"): "2",
        ("age", "not recorded"): "3",
        ("sex", "F"): "3",
        ("sex", "M"): "3",
        ("sex", "not recorded"): "2",
        ("view_position", "AP"): "3",
        ("view_position", "LATERAL"): "2",
        ("view_position", "PA"): "2",
        ("view_position", "not recorded"): "1",
    }
    assert rows[0]["patients"] == "6"
    assert "each taken as one patient: 2, such as '0001' and '1.0'; --ids-verbatim keeps them" in outcome.err
    assert "1 ages below 0 or over 120 years count as not recorded" in outcome.err
    verbatim = cxr("stratify", tmp_path / "p.csv", *options, "--ids-verbatim")
    assert rows_of(verbatim.out)[0]["patients"] == "8"
    assert "each taken as one patient" not in verbatim.err
