"""Comparisons as tables and records."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from cxr_cli.evaluation.comparison import Comparison, agreement_of, compare_models, compare_reader
from cxr_cli.evaluation.comparison_tables import (
    agreement_as_json,
    as_json,
    notes,
    readers_as_json,
    records,
    tables,
)
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.tables import Subject
from cxr_cli.evaluation.tables import as_latex, as_markdown, as_text

SUBJECT = Subject(("normal", "pneumonia"), 1, 20)


def two_models(images: int = 60) -> dict[str, Answers]:
    rng = np.random.default_rng(2)
    labels = np.arange(images) % 2
    found = {}
    for name, noise in (("good", 0.5), ("poor", 3.0)):
        chance = norm.cdf(2 * labels - 1 + noise * rng.normal(size=images))
        scores = np.stack([1 - chance, chance], axis=1)
        found[name] = Answers(SUBJECT.classes, labels, scores.argmax(1), np.arange(images), scores, 1)
    return found


@pytest.fixture(scope="module")
def compared() -> list[Comparison]:
    inside = np.arange(60) < 20
    return compare_models(two_models(), {"sex": {"F": inside, "M": ~inside}}, 0, 200)


def test_a_record_is_one_metric_or_one_difference(compared: list[Comparison]) -> None:
    rows = records(compared, SUBJECT, margin=0.1)
    whole = [row for row in rows if row["stratum"] == "all images" and row["metric"] == "accuracy"]
    assert [(row["model"], row["minus"]) for row in whole] == [("good", ""), ("poor", ""), ("poor", "good")]
    assert whole[2]["value"] == pytest.approx(whole[1]["value"] - whole[0]["value"])
    assert whole[2]["noninferior"] is False
    assert {row["images"] for row in rows if row["by"] == "sex"} == {20, 40}
    assert len(
        {(row["by"], row["stratum"], row["model"], row["minus"], row["metric"]) for row in rows}
    ) == len(rows)


def test_json_holds_the_same_and_no_nan(compared: list[Comparison]) -> None:
    content = json.loads(json.dumps(as_json(compared, SUBJECT, 0.1), allow_nan=False))
    assert content[0]["images_of_class"] == {"normal": 30, "pneumonia": 30}
    assert content[0]["models"]["good"]["auc"]["method"] == "delong"
    [pair] = content[0]["pairs"]
    assert (pair["model"], pair["minus"]) == ("poor", "good")
    assert pair["differences"]["auc"]["p_holm"] == pair["differences"]["auc"]["p"]  # one pair alone


def test_a_column_of_strata_is_there_only_if_there_are_any(compared: list[Comparison]) -> None:
    with_strata, alone = tables(compared, SUBJECT), tables(compared[:1], SUBJECT)
    assert with_strata[1].headings[:3] == ["", "model", "sensitivity"]
    assert alone[1].headings[:2] == ["model", "sensitivity"]
    assert [row[0].value for row in alone[1].rows] == ["good", "poor"]
    assert "sex: F *" in as_text(with_strata)


def test_every_format_has_each_model_s_numbers(compared: list[Comparison]) -> None:
    accuracy = compared[0].estimates["good"].overall["accuracy"].value
    blocks = tables(compared, SUBJECT, margin=0.05), notes(compared, SUBJECT, 0.05)
    for layout in (as_text, as_latex, as_markdown):
        text = layout(*blocks)
        assert f"{accuracy:.3f}" in text
        assert "poor - good" in text
        assert "noninferior by 0.05" in text


def test_readers_and_their_agreement_are_tables_of_their_own() -> None:
    models = two_models()
    labels = models["good"].labels
    calls = {"A": labels, "B": np.where(np.arange(60) < 6, 1 - labels, labels)}
    rng = np.random.default_rng(0)
    readers = [compare_reader(name, of, models, rng, 100) for name, of in calls.items()]
    agreement = agreement_of(calls, 2, np.arange(60), rng, 100)
    comparisons = compare_models(models, {}, 0, 100)
    text = as_text(tables(comparisons, SUBJECT, readers, agreement))
    assert "sensitivity of good there" in text
    assert "A, B     60      0.900" in text
    assert json.loads(json.dumps(readers_as_json(readers), allow_nan=False))[1]["sensitivity"]["value"] == 0.9
    [one] = agreement_as_json(agreement)
    # 54 of 60 agree, half by chance.
    assert (one["method"], one["kappa"]["value"]) == ("Cohen", pytest.approx(0.8))
