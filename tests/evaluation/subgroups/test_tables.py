"""Strata as tables, in every format."""

import json

import numpy as np
import pytest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.strata import Stratum, describe_strata
from cxr_cli.evaluation.subgroups.tables import Subject, as_json, notes, records, tables
from cxr_cli.evaluation.tables import Table, as_latex, as_markdown, as_text
from cxr_cli.evaluation.uncertainty.estimates import UNRELIABLE

SUBJECT = Subject(("normal", "pneumonia"), 1, 3)


def strata_of(names: tuple[str, str] = ("Philips", "50 % & more_")) -> list[Stratum]:
    """Twelve images: the first eight are called rightly, of the last four one positive is missed."""
    labels = np.array([0, 1] * 6)
    predicted = labels.copy()
    predicted[-1] = 0
    scores = np.stack([1 - predicted, predicted], axis=1).astype(float)
    answers = Answers(SUBJECT.classes, labels, predicted, np.arange(12), scores, 1)
    first = np.arange(12) < 8
    return describe_strata(
        answers, {"maker": {names[0]: first, names[1]: ~first}}, np.random.default_rng(0), 200, 3
    )


def laid_out(strata: list[Stratum], subject: Subject = SUBJECT) -> tuple[list[Table], list[str]]:
    return tables(strata, subject), notes(strata, subject)


def test_the_text_has_counts_metrics_and_differences() -> None:
    lines = as_text(*laid_out(strata_of())).splitlines()
    assert lines[:5] == [
        "Images",
        "                       images  patients  positives  negatives",
        "all images             12      12        6          6",
        "maker: Philips         8       8         4          4",
        "maker: 50 % & more_ *  4       4         2          2",
    ]
    assert [line.split() for line in lines[6:9]] == [
        ["Metrics"],
        ["sensitivity", "specificity", "accuracy", "precision", "F1", "AUC"],
        ["all", "images", "0.833", "1.000", "0.917", "1.000", "0.909", "0.917"],
    ]
    # Wilson's intervals below the proportions: 5 in 6, 6 in 6, 11 in 12, 5 in 5.
    wilson = ["0.436-0.970", "0.610-1.000", "0.646-0.985", "0.566-1.000"]
    assert lines[9].split()[:4] == wilson
    assert lines[16].split() == ["metric", "difference", "95%", "p", "Holm"]
    assert lines[17].startswith("maker: Philips  sensitivity  +0.500      ")
    # Of two patients of each class the F1 is marked; the precision is of one, which says nothing of others.
    assert lines[13].split()[3:6] == ["no", "interval", "0.173-0.950†"]
    assert lines[-5:] == [
        "* fewer than 3 patients of a class: read with care",
        UNRELIABLE,
        "no interval: too few patients",
        "Differences: a stratum's metric minus that of all other images. "
        "p: patients permuted between strata, class by",
        "class; AUCs of many patients by DeLong. Holm: p corrected for all of a characteristic.",
    ]
    assert max(map(len, lines)) <= 110


def test_a_row_of_the_csv_has_every_number() -> None:
    whole, philips, _ = records(strata_of(), SUBJECT)
    assert whole["by"] == ""
    assert (philips["by"], philips["stratum"], philips["small"]) == ("maker", "Philips", False)
    assert (philips["images"], philips["positives"], philips["negatives"]) == (8, 4, 4)
    assert (philips["sensitivity"], philips["sensitivity_method"]) == (1.0, "wilson")
    assert philips["sensitivity_low"] == pytest.approx(4 / (4 + 1.959964**2))
    assert philips["sensitivity_difference"] == 0.5
    assert 0 < philips["sensitivity_difference_p"] <= philips["sensitivity_difference_p_holm"] <= 1
    assert {"balanced_accuracy", "average_precision", "brier", "calibration_error"} <= set(philips)


def test_json_holds_the_same_and_no_nan() -> None:
    found = json.loads(json.dumps(as_json(strata_of(), SUBJECT), allow_nan=False))
    assert found[1]["metrics"]["auc"]["value"] == 1.0
    assert found[1]["differences"]["sensitivity"]["value"] == 0.5
    assert found[2]["differences"] == {}


def test_latex_escapes_what_it_must() -> None:
    text = as_latex(*laid_out(strata_of()))
    assert r"maker: 50 \% \& more\_ * & 4 & 4 & 2 & 2 \\" in text
    assert r"all images & 0.833 (0.436-0.970) & 1.000 (0.610-1.000) & " in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == text.count(r"\bottomrule") == 3


def test_markdown_is_pipe_tables() -> None:
    text = as_markdown(*laid_out(strata_of(("a|b", "c"))))
    assert r"| maker: a\|b | 8 | 8 | 4 | 4 |" in text
    assert "| all images | 0.833 (0.436-0.970) | 1.000 (0.610-1.000) | " in text
    assert r"\* fewer than 3 patients of a class" in text


def test_of_more_classes_there_are_counts_and_sensitivities_of_each() -> None:
    labels = np.arange(30) % 3
    answers = Answers(("a", "b", "c"), labels, labels, np.arange(30), np.eye(3)[labels])
    division = {"site": {"x": np.arange(30) < 12, "y": np.arange(30) >= 12}}
    strata = describe_strata(answers, division, np.random.default_rng(0), 100, 2)
    lines = as_text(*laid_out(strata, Subject(("a", "b", "c"), None, 2))).splitlines()
    assert lines[1].split() == ["images", "patients", "class", "a", "class", "b", "class", "c"]
    assert lines[2].split() == ["all", "images", "30", "30", "10", "10", "10"]
    assert lines[6] == "Metrics, and the sensitivity of each class"
    headings = "accuracy balanced macro F1 macro AUC class a class b class c"
    assert lines[7].split() == headings.split()
    row = records(strata, Subject(("a", "b", "c"), None, 2))[1]
    assert (row["images_of_a"], row["patients_of_a"], row["sensitivity_of_a"]) == (4, 4, 1.0)
    assert row["sensitivity_difference_of_a"] == 0.0


HOSTILE = ("small", "images", "patients", "by", "stratum", "a b", "a_b", "b_low", "b", "accuracy", "low_of_b")


def test_no_class_s_name_takes_another_column() -> None:
    """In CSV a class's name comes last, after `_of_`; in JSON it is a key of an object of its own."""
    labels = np.arange(44) % 11
    predicted = np.where(np.arange(44) < 11, 0, labels)
    answers = Answers(HOSTILE, labels, predicted, np.arange(44), np.eye(11)[labels])
    division = {"site": {"x": np.arange(44) < 22, "y": np.arange(44) >= 22}}
    strata = describe_strata(answers, division, np.random.default_rng(0), 100, 2)
    subject = Subject(HOSTILE, None, 2)
    whole, half, _ = records(strata, subject)
    assert (half["by"], half["stratum"], half["small"], half["images"]) == ("site", "x", False, 22)
    assert half["accuracy"] == pytest.approx(12 / 22)
    for name in HOSTILE:
        assert (whole[f"images_of_{name}"], whole[f"patients_of_{name}"]) == (4, 4)
        assert whole[f"sensitivity_of_{name}"] == (1.0 if name == "small" else 0.75)
        low, high = (whole[f"sensitivity_{limit}_of_{name}"] for limit in ("low", "high"))
        assert 0 < low < whole[f"sensitivity_of_{name}"] <= high
        assert half[f"sensitivity_difference_of_{name}"] == (0.0 if name == "small" else -0.5)
    found = as_json(strata, subject)[1]
    assert (found["small"], found["images"], found["patients"]) == (False, 22, 22)
    assert found["images_of_class"] == found["patients_of_class"] == dict.fromkeys(HOSTILE, 2)
    for table in tables(strata, subject)[:2]:
        assert len(set(table.headings)) == len(table.headings)


def test_a_stratum_is_small_by_its_patients() -> None:
    labels = np.arange(80) % 2
    answers = Answers(SUBJECT.classes, labels, labels, np.arange(80) // 20, None, 1)
    strata = describe_strata(answers, {}, np.random.default_rng(0), 100, 5)
    assert (strata[0].of_class, strata[0].patients_of_class) == (
        {"normal": 40, "pneumonia": 40},
        {"normal": 4, "pneumonia": 4},
    )
    assert strata[0].small
    row = records(strata, SUBJECT)[0]
    assert (row["positives"], row["positive_patients"], row["negative_patients"]) == (40, 4, 4)
    assert not describe_strata(answers, {}, np.random.default_rng(0), 100, 4)[0].small


def test_metrics_that_are_blank_have_the_reason_below() -> None:
    labels = np.arange(20) % 2
    answers = Answers(SUBJECT.classes, labels, labels, np.arange(20), np.eye(2)[labels], 1)
    division = {"only": {"A": labels == 0, "B": labels == 1}}
    strata = describe_strata(answers, division, np.random.default_rng(0), 100, 0)
    assert notes(strata, SUBJECT)[0] == (
        "- undefined, for a class has no image there; means are over the others: "
        "only: A (no pneumonia); only: B (no normal)"
    )
