"""Strata: how images are divided, and what is said of each part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder import Recorder
from sklearn.metrics import recall_score, roc_auc_score

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.strata import (
    Characteristic,
    compare_strata,
    describe_strata,
    divide,
    read_by,
    strata_of,
)
from cxr_cli.recorded_values import NOT_RECORDED

TABLE = {
    "view_position": ["AP", "PA", "", "AP", "PA", "AP"],
    "sex": ["F", "M", "F", "nan", "M", "F"],
    "age": ["39.9", "40", "80", "", "59", "60"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("portable", [("portable", ())]),
        ("view_position,sex", [("view_position", ()), ("sex", ())]),
        ("age:40,60,80", [("age", (40, 60, 80))]),
        ("sex, age:40,60.5, view", [("sex", ()), ("age", (40, 60.5)), ("view", ())]),
        ('"view, as told",sex', [("view, as told", ()), ("sex", ())]),
        ('"ratio a:b":1,2', [("ratio a:b", (1, 2))]),
        ("a:-1,.5,b:2", [("a", (-1, 0.5)), ("b", (2,))]),
    ],
)
def test_a_characteristic_is_columns_and_bins(
    text: str, expected: list[tuple[str, tuple[float, ...]]]
) -> None:
    assert read_by(text) == tuple(Characteristic(*one) for one in expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age:old", "`by` age:old: 'old' is no edge of a bin; write numbers, such as age:40,60"),
        ("age:60,40", "`by` age:60,40: the edges of bins must rise"),
        ("sex,", "`by` sex,: a column's name is missing"),
        ("age:40:60", "`by` age:40:60: '40:' is no edge of a bin; write numbers, such as age:40,60"),
        (":40", "`by` :40: a column's name is missing"),
    ],
)
def test_what_is_no_characteristic_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_by(text)
    assert str(refusal.value) == message


def places(by: str) -> dict[str, list[int]]:
    strata = strata_of(read_by(by), lambda name: TABLE[name], "p.csv")
    return {name: np.flatnonzero(images).tolist() for name, images in strata.items()}


def test_every_image_is_in_one_stratum_and_what_is_not_recorded_comes_last() -> None:
    assert places("view_position") == {"AP": [0, 3, 5], "PA": [1, 4], NOT_RECORDED: [2]}


def test_an_edge_belongs_to_the_bin_above_it_and_bins_are_in_their_order() -> None:
    assert places("age:40,60,80") == {
        "<40": [0],
        "40 to <60": [1, 4],
        "60 to <80": [5],
        ">=80": [2],
        NOT_RECORDED: [3],
    }


def test_characteristics_are_crossed() -> None:
    assert places("view_position,age:60") == {
        "AP, <60": [0],
        "AP, >=60": [5],
        f"AP, {NOT_RECORDED}": [3],
        "PA, <60": [1, 4],
        f"{NOT_RECORDED}, >=60": [2],
    }


def test_crossed_values_with_commas_have_names_of_their_own() -> None:
    table = {"x": ["a", "a, b", 'a"'], "y": ["b, c", "c", "d"]}
    found = strata_of(read_by("x,y"), lambda name: table[name], "p.csv")
    assert {name: np.flatnonzero(images).tolist() for name, images in found.items()} == {
        'a, "b, c"': [0],
        '"a""", d': [2],
        '"a, b", c': [1],
    }
    assert list(strata_of(read_by("x"), lambda name: table[name], "p.csv")) == ["a", 'a"', "a, b"]


@given(st.lists(st.tuples(*[st.text('a, "', max_size=4).map(lambda text: f"x{text}")] * 2), min_size=1))
def test_every_two_values_are_a_stratum_of_their_own(images: list[tuple[str, str]]) -> None:
    table = {"x": [one for one, _ in images], "y": [other for _, other in images]}
    found = strata_of(read_by("x,y"), lambda name: table[name], "p.csv")
    assert len(found) == len({(one, other) for one, other in images})
    assert sum(inside.sum() for inside in found.values()) == len(images)


AGES = ["058Y", "nan", "90+", "14M", "412", "39", "-1", "58.0"]


def test_ages_and_sexes_are_read_however_they_are_written() -> None:
    found = strata_of(read_by("age:40,60"), lambda _: AGES, "p.csv")
    assert {name: np.flatnonzero(images).tolist() for name, images in found.items()} == {
        "<40": [3, 5],
        "40 to <60": [0, 7],
        ">=60": [2],
        NOT_RECORDED: [1, 4, 6],
    }
    for name in ("Age", "Patient Age", "PatientAge", "patient_age"):
        assert list(strata_of(read_by(f"{name}:40,60"), lambda _: AGES, "p.csv")) == list(found)
    assert list(strata_of(read_by("age"), lambda _: AGES, "p.csv")) == [
        "1.1667",
        "39",
        "58",
        "90",
        NOT_RECORDED,
    ]
    sexes = ["M", "male", "f", "Female", "", "NA"]
    found = strata_of(read_by("Patient Gender"), lambda _: sexes, "p.csv")
    assert list(found) == list(strata_of(read_by("sex"), lambda _: sexes, "p.csv"))
    assert {name: int(images.sum()) for name, images in found.items()} == {"F": 2, "M": 2, NOT_RECORDED: 2}


def test_numbers_are_in_their_order() -> None:
    folds = ["10", "9", "b", "", "100", "a", "-1"]
    found = strata_of(read_by("fold"), lambda _: folds, "p.csv")
    assert list(found) == ["-1", "9", "10", "100", "a", "b", NOT_RECORDED]


def test_impossible_ages_are_counted() -> None:
    recorder = Recorder()
    divide(["age:40"], lambda _: AGES, "p.csv", recorder)
    assert recorder.said == ["p.csv: 2 ages below 0 or over 120 years count as not recorded"]


def test_bins_of_what_is_no_number_are_refused_with_the_line() -> None:
    with pytest.raises(BadInput) as refusal:
        strata_of(read_by("sex:40"), lambda name: TABLE[name], "p.csv")
    assert str(refusal.value) == "p.csv: line 2: sex is 'F'; bins need numbers"


def test_too_many_strata_are_refused_with_a_remedy() -> None:
    with pytest.raises(InvalidSetting) as refusal:
        strata_of(read_by("age"), lambda _: [str(number) for number in range(51)], "p.csv")
    assert str(refusal.value).startswith("`by` age: 51 strata, 50 are the most; put numbers into bins")


def test_a_characteristic_asked_for_twice_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="`by` age:50: age is there twice"):
        divide(["age:40", "age:50"], lambda name: TABLE[name], "p.csv")


def study(noise: float = 1.0) -> Answers:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    chance = 1 / (1 + np.exp(-(2 * labels - 1 + noise * rng.normal(size=200))))
    scores = np.stack([1 - chance, chance], axis=1)
    return Answers(
        ("normal", "pneumonia"), labels, (chance > 0.5).astype(int), np.arange(200) // 2, scores, 1
    )


THIRDS = {"site": {name: np.arange(200) % 3 == number for number, name in enumerate("abc")}}
HALVES = {"half": {"first": np.arange(200) < 190, "second": np.arange(200) >= 190}}


def test_a_stratum_s_metrics_are_those_of_its_images() -> None:
    answers = study()
    strata = describe_strata(answers, THIRDS, np.random.default_rng(0), 200)
    assert [(stratum.by, stratum.name) for stratum in strata] == [
        ("", "all images"),
        ("site", "a"),
        ("site", "b"),
        ("site", "c"),
    ]
    for stratum, images in zip(strata, [np.ones(200, bool), *THIRDS["site"].values()], strict=True):
        truth, called = answers.labels[images], answers.predicted[images]
        assert answers.scores is not None
        assert (stratum.images, stratum.patients) == (images.sum(), len(np.unique(answers.patients[images])))
        assert stratum.of_class == {"normal": (truth == 0).sum(), "pneumonia": truth.sum()}
        of = stratum.estimates.per_class
        assert of["sensitivity"][1].value == pytest.approx(recall_score(truth, called))
        assert of["auc"][1].value == pytest.approx(roc_auc_score(truth, answers.scores[images, 1]))
    assert strata[0].differences == {}
    ps = [difference.p for stratum in strata[1:] for difference in stratum.differences.values()]
    assert len(ps) == 9
    smallest = min(
        (difference for stratum in strata[1:] for difference in stratum.differences.values()),
        key=lambda difference: difference.p,
    )
    assert smallest.p_holm == pytest.approx(min(1, 9 * smallest.p))


def test_of_two_strata_the_difference_is_given_once_and_the_small_one_is_marked() -> None:
    _, first, second = describe_strata(study(), HALVES, np.random.default_rng(0), 200, small=20)
    assert (first.small, second.small) == (False, True)
    assert set(first.differences) == {"sensitivity", "specificity", "auc"}
    assert second.differences == {}


def test_each_characteristic_has_a_family_of_tests_of_its_own() -> None:
    answers, rng = study(), np.random.default_rng(0)
    alone = describe_strata(answers, THIRDS, rng, 200)
    both = describe_strata(answers, {**THIRDS, **HALVES}, np.random.default_rng(0), 200)
    assert [stratum.differences for stratum in both[:4]] == [stratum.differences for stratum in alone]


def test_another_model_is_compared_in_every_stratum() -> None:
    answers, other = study(), study(3.0)
    strata = describe_strata(answers, HALVES, np.random.default_rng(0), 200)
    compared = compare_strata(strata, answers, other, HALVES)
    right = [of.predicted == of.labels for of in (answers, other)]
    for stratum, images in zip(compared, [np.ones(200, bool), *HALVES["half"].values()], strict=True):
        expected = right[1][images].mean() - right[0][images].mean()
        assert stratum.model_differences["accuracy"].value == pytest.approx(expected)
    assert compared[0].differences == strata[0].differences
