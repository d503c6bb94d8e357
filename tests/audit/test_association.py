"""Class and characteristics: Cramér's V, its test by patients, and what they predict."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from cxr_cli.audit.association import associations, bias_corrected_v, cramers_v, permutation_p

RNG_SEED = 0


def test_bias_corrected_v_of_a_table_worked_by_hand() -> None:
    # chi2 = 100 x (30 x 35 - 20 x 15)^2 / (50 x 50 x 45 x 55) = 9.0909; phi2 = 0.0909 - 1/99 = 0.0808;
    # both effective counts are 2 - 1/99 = 1.9899; V = sqrt(0.0808 / 0.9899) = 0.2857.
    assert bias_corrected_v(np.array([[30.0, 20.0], [15.0, 35.0]])) == pytest.approx(0.285714, abs=1e-5)


def test_the_plain_v_is_scipys_and_the_correction_only_lowers_it() -> None:
    rng = np.random.default_rng(RNG_SEED)
    for shape in ((2, 2), (3, 5), (7, 3)):
        table = rng.integers(1, 40, shape)
        plain = bias_corrected_v(table.astype(float), samplings=0)
        assert plain == pytest.approx(association(table, method="cramer"))
        assert bias_corrected_v(table.astype(float)) < plain


def test_v_is_one_where_levels_and_classes_coincide_and_nan_without_two_of_each() -> None:
    assert bias_corrected_v(np.diag([40.0, 30.0, 20.0])) == pytest.approx(1.0)
    assert np.isnan(bias_corrected_v(np.array([[3.0, 4.0]])))
    assert np.isnan(bias_corrected_v(np.array([[3.0, 0.0], [4.0, 0.0]])))


def test_a_level_without_images_counts_as_absent() -> None:
    table = np.array([[30.0, 20.0], [0.0, 0.0], [15.0, 35.0]])
    assert bias_corrected_v(table) == pytest.approx(bias_corrected_v(table[[0, 2]]))


def test_without_association_v_and_its_interval_lie_near_zero() -> None:
    """The correction's purpose: plain V of 8 levels, 3 classes and 150 images is about 0.2 by chance."""
    rng = np.random.default_rng(RNG_SEED)
    values, lows = [], []
    for _ in range(12):
        levels, labels = rng.integers(0, 8, 150), rng.integers(0, 3, 150)
        estimate = cramers_v(levels, labels, np.arange(150), rng)
        values.append(estimate.value)
        lows.append(estimate.interval.low)
    assert np.mean(values) < 0.06
    assert np.median(lows) == 0.0


def test_the_interval_covers_the_v_of_the_population() -> None:
    """Images of which 70% follow their class, 2 of 2: V is 0.4 among infinitely many."""
    rng = np.random.default_rng(RNG_SEED)
    covered = 0
    for _ in range(25):
        labels = rng.integers(0, 2, 200)
        levels = np.where(rng.random(200) < 0.7, labels, 1 - labels)
        interval = cramers_v(levels, labels, np.arange(200), rng).interval
        covered += interval.low <= 0.4 <= interval.high
    assert covered >= 21


def test_the_permutation_test_counts_patients_not_images() -> None:
    """Three patients of one class with one level, each of 20 images, prove little; 40 of one image much."""
    rng = np.random.default_rng(RNG_SEED)
    labels = np.repeat([0, 1], 60)
    patients = np.repeat(np.arange(6), 20)
    # Of 20 ways to give three of six patients the first class, 2 part levels as this one does.
    assert permutation_p(labels, labels, patients, rng) == pytest.approx(0.1, abs=0.03)
    assert permutation_p(labels, labels, np.arange(120), rng) == pytest.approx(1 / 2001)


def test_the_permutation_test_finds_nothing_as_often_as_it_should() -> None:
    rng = np.random.default_rng(RNG_SEED)
    patients = np.repeat(np.arange(40), 3)
    p = [
        permutation_p(rng.integers(0, 3, 40)[patients], rng.integers(0, 2, 40)[patients], patients, rng, 100)
        for _ in range(60)
    ]
    assert np.mean(np.array(p) < 0.2) == pytest.approx(0.2, abs=0.12)


@pytest.fixture(scope="module")
def described() -> dict[str, object]:
    """Class a alone comes from site x; sex is drawn."""
    rng = np.random.default_rng(RNG_SEED)
    labels = np.repeat([0, 1, 2], 40)
    table = pd.DataFrame(
        {"site": np.where(labels == 0, "x", "y"), "sex": rng.choice(["F", "M"], 120)}, dtype=object
    )
    return associations(table, labels, np.arange(120), ("a", "b", "c"), rng)


def test_a_class_that_coincides_with_a_level_is_told_by_it_alone(described: dict[str, dict]) -> None:
    site = described["characteristics"]["site"]
    assert site["counts"] == {"x": {"a": 40, "b": 0, "c": 0}, "y": {"a": 0, "b": 40, "c": 40}}
    assert site["per_class"]["a"]["value"] == 1.0
    assert site["per_class"]["a"]["p"] < 1e-9
    assert site["cramers_v"]["value"] > 0.99
    assert site["p"] == pytest.approx(1 / 2001)
    assert described["together"]["per_class"]["a"]["value"] == 1.0


def test_a_characteristic_without_bearing_on_the_class_tells_none(described: dict[str, dict]) -> None:
    sex = described["characteristics"]["sex"]
    assert sex["auc"]["low"] < 0.5 < sex["auc"]["high"] + 0.05
    assert sex["cramers_v"]["value"] < 0.2
    assert sex["p"] > 0.05


def test_without_characteristics_there_is_nothing_to_tell() -> None:
    nothing = pd.DataFrame(index=range(8))
    found = associations(
        nothing, np.tile([0, 1], 4), np.arange(8), ("a", "b"), np.random.default_rng(RNG_SEED)
    )
    assert found == {"characteristics": {}, "together": None}
