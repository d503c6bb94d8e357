"""The operating point: which class is positive, and from which score on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score, roc_curve

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.operating_point import (
    OperatingPoint,
    Rule,
    choose_point,
    likely_positive,
    positive_class,
    sensitivity_point,
    youden_point,
)


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("negative", "positive"), "positive"),
        (("normal", "pneumonia"), "pneumonia"),
        (("covid19", "normal"), "covid19"),
        (("Effusion", "No_Effusion"), "Effusion"),
        (("effusion", "non-effusion"), "effusion"),
        (("0", "1"), "1"),
        (("abnormal", "normal"), "abnormal"),
        (("nodule", "normal"), "nodule"),
        (("Cardiomegaly", "NoFinding"), "Cardiomegaly"),
        (("Cardiomegaly", "nofindings"), "Cardiomegaly"),
        (("COVID19", "nonCOVID"), "COVID19"),
        (("COVID19", "NONCOVID"), "COVID19"),
        (("covid19", "nocovid"), "covid19"),
        (("TB", "Uninfected"), "TB"),
        (("diseased", "undiseased"), "diseased"),
        (("diseased", "disease-free"), "diseased"),
        (("TBpositive", "TBnegative"), "TBpositive"),
        (("COVID-19 negative", "COVID-19 positive"), "COVID-19 positive"),
        (("Case", "Control"), "Case"),
        (("affected", "unaffected"), "affected"),
        (("present", "absent"), "present"),
        (("benign", "malignant"), "malignant"),
        (("clear", "opacity"), "opacity"),
        (("normal", "not normal"), "not normal"),
        (("healthy", "unhealthy"), "unhealthy"),
        (("free air", "no free air"), "free air"),
        (("0.0", "1.0"), "1.0"),
        (("1", "0"), "1"),
        (("class_0", "class_1"), "class_1"),
        (("False", "True"), "True"),
    ],
)
def test_the_finding_is_the_class_that_is_not_named_like_a_negative(
    classes: tuple[str, str], positive: str
) -> None:
    assert classes[positive_class(classes)] == positive
    assert classes[::-1][positive_class(classes[::-1])] == positive


@pytest.mark.parametrize(
    ("classes", "named"),
    [
        (("covid19", "pneumonia"), "none is"),
        (("nodule", "mass"), "none is"),
        (("nocardia", "aspergillus"), "none is"),
        (("COVID+", "COVID-"), "none is"),
        (("healthy", "normal"), "both are"),
    ],
)
def test_names_that_do_not_say_which_is_the_finding_ask_for_it(classes: tuple[str, str], named: str) -> None:
    assert likely_positive(classes) is None
    with pytest.raises(InvalidSetting) as refusal:
        positive_class(classes)
    one, other = map(repr, classes)
    assert str(refusal.value) == (
        f"`positive`: name the positive class; of {one} and {other} {named} named like a negative "
        "(normal, no finding, ...)"
    )
    assert positive_class(classes, classes[1]) == 1


def test_the_positive_class_can_be_named() -> None:
    assert positive_class(("normal", "pneumonia"), "normal") == 0
    with pytest.raises(InvalidSetting) as refusal:
        positive_class(("normal", "pneumonia"), "covid19")
    assert str(refusal.value) == "`positive` covid19: the classes are 'normal', 'pneumonia'"


@st.composite
def validation(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    images = draw(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=30))
    images += [(True, draw(st.integers(0, 8))), (False, draw(st.integers(0, 8)))]
    return np.array([image[0] for image in images]), np.array([image[1] for image in images], np.float32) / 8


def check_reached(point: OperatingPoint, positive: np.ndarray, scores: np.ndarray) -> None:
    called = scores >= point.threshold
    assert point.sensitivity == pytest.approx(recall_score(positive, called))
    assert point.specificity == pytest.approx(recall_score(positive, called, pos_label=False))
    assert (point.positives, point.negatives) == (positive.sum(), (~positive).sum())


@given(validation())
def test_youden_s_point_has_the_highest_index_of_all_thresholds(
    images: tuple[np.ndarray, np.ndarray],
) -> None:
    positive, scores = images
    point = youden_point("effusion", positive, scores)
    check_reached(point, positive, scores)
    false_alarms, hits, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert point.sensitivity is not None
    assert point.specificity is not None
    assert point.sensitivity + point.specificity - 1 == pytest.approx(max(hits - false_alarms))


@given(validation(), st.sampled_from([0.5, 0.9, 1.0]))
def test_a_wanted_sensitivity_is_reached_with_the_highest_specificity_that_goes(
    images: tuple[np.ndarray, np.ndarray], least: float
) -> None:
    positive, scores = images
    point = sensitivity_point("effusion", positive, scores, least)
    check_reached(point, positive, scores)
    false_alarms, hits, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert point.specificity == pytest.approx(1 - false_alarms[hits >= least].min())


def test_a_threshold_lies_between_scores_worked_by_hand() -> None:
    positive = np.array([False, False, True, False, True, True])
    scores = np.array([0.1, 0.2, 0.4, 0.6, 0.7, 0.9])
    # From 0.3 on: 3/3 and 2/3; from 0.65 on: 2/3 and 3/3, as good. No other is.
    assert youden_point("effusion", positive, scores).threshold in (pytest.approx(0.3), pytest.approx(0.65))
    assert sensitivity_point("effusion", positive, scores, 0.95).threshold == pytest.approx(0.3)
    assert sensitivity_point("effusion", positive, scores, 0.6).threshold == pytest.approx(0.65)


def test_a_rule_decides() -> None:
    positive, scores = np.array([False, True]), np.array([0.2, 0.4])
    assert choose_point(Rule(), "effusion", positive, scores).rule == "Youden's index"
    assert (
        choose_point(Rule(sensitivity=0.9), "effusion", positive, scores).rule == "sensitivity of 0.9 or more"
    )
    given_point = choose_point(Rule(threshold=0.5), "effusion", positive[:0], scores[:0])
    assert given_point == OperatingPoint("effusion", 0.5, "as given")
    with pytest.raises(
        InvalidSetting, match=r"`threshold` 0\.5: decides already; give no `sensitivity` with it"
    ):
        Rule(sensitivity=0.9, threshold=0.5)


@pytest.mark.parametrize(("only", "missing"), [(True, "negative"), (False, "positive")])
def test_validation_needs_images_of_both_classes(only: bool, missing: str) -> None:
    with pytest.raises(BadInput, match=f"validation has no {missing} image to choose"):
        youden_point("effusion", np.array([only, only]), np.array([0.1, 0.2]))
