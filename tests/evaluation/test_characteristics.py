"""Table 1: counts by hand, standardized differences as tableone 0.9.6 has them."""

import numpy as np
import pytest

from cxr_cli.evaluation.characteristics import (
    CategoricalCharacteristic,
    NumericCharacteristic,
    characteristics_table,
    mean_difference,
    share_difference,
)
from cxr_cli.evaluation.tables import as_text

POSITIVE = np.array([True, True, True, False, False, False])
GROUPS = {"positive": POSITIVE, "negative": ~POSITIVE}
AGES = ["60", "70", "", "40", "50", "60"]
SEXES = ["F", "M", "M", "F", "F", "none"]


def test_numbers_are_summarized_without_those_missing() -> None:
    table = characteristics_table("x", GROUPS, {"age": AGES}, np.arange(6))
    [age] = table.characteristics
    assert isinstance(age, NumericCharacteristic)
    positive = age.of_group["positive"]
    assert (positive.recorded, positive.missing, positive.mean) == (2, 1, 65.0)
    assert positive.sd == pytest.approx(np.sqrt(50))
    negative = age.of_group["negative"]
    assert (negative.median, negative.first_quartile, negative.third_quartile) == (50, 45, 55)
    # (65 - 50) / sqrt((50 + 100) / 2)
    assert age.difference == pytest.approx(15 / np.sqrt(75))


def test_values_are_counted_and_what_is_not_recorded_comes_last() -> None:
    table = characteristics_table("x", GROUPS, {"sex": SEXES}, np.array([0, 0, 1, 2, 2, 3]))
    [sex] = table.characteristics
    assert isinstance(sex, CategoricalCharacteristic)
    assert sex.images == {
        "F": {"all images": 3, "positive": 1, "negative": 2},
        "M": {"all images": 2, "positive": 2, "negative": 0},
        "not recorded": {"all images": 1, "positive": 0, "negative": 1},
    }
    assert table.images == {"all images": 6, "positive": 3, "negative": 3}
    assert table.patients == {"all images": 4, "positive": 2, "negative": 2}


def test_a_characteristic_that_does_not_apply_is_not_missing() -> None:
    ages = [age if sex == "F" else None for age, sex in zip(AGES, SEXES, strict=True)]
    table = characteristics_table("x", GROUPS, {"age (F)": ages}, np.arange(6), numeric=["age (F)"])
    [age] = table.characteristics
    assert isinstance(age, NumericCharacteristic)
    assert (age.of_group["all images"].recorded, age.of_group["all images"].missing) == (3, 0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # tableone 0.9.6 of 144 radiographs in two classes: sex, view position, portable, manufacturer.
        ([35, 37], [25, 47], 0.285),
        ([52, 6, 14], [26, 8, 38], 0.804),
        ([27, 45], [46, 26], 0.547),
        ([8, 11, 12, 6, 2, 5, 17, 11], [2, 8, 10, 6, 9, 7, 20, 10], 0.527),
        # By hand, two values: (0.5 - 0.25) / sqrt((0.25 + 0.1875) / 2).
        ([2, 2], [1, 3], 0.25 / np.sqrt(0.21875)),
        ([3, 3], [5, 5], 0.0),
        ([3, 0], [0, 4], np.inf),
        ([3, 3, 0], [0, 0, 4], np.inf),
    ],
)
def test_differences_of_shares(first: list[int], second: list[int], expected: float) -> None:
    found = share_difference(np.array(first, float), np.array(second, float))
    assert found == pytest.approx(expected, abs=5e-4)
    assert share_difference(np.array(second, float), np.array(first, float)) == pytest.approx(found)


def test_an_empty_group_has_no_difference() -> None:
    assert np.isnan(share_difference(np.zeros(2), np.ones(2)))
    assert np.isnan(mean_difference(np.array([1.0]), np.array([1.0, 2.0])))
    assert mean_difference(np.array([2.0, 2.0]), np.array([2.0, 2.0])) == 0
    assert mean_difference(np.array([2.0, 2.0]), np.array([3.0, 3.0])) == np.inf


def test_the_table_shows_counts_shares_and_quartiles() -> None:
    table = characteristics_table("Characteristics", GROUPS, {"age": AGES, "sex": SEXES}, np.arange(6))
    lines = as_text([table.table()]).splitlines()
    assert lines[1].split() == ["all", "images", "positive", "negative", "difference"]
    assert "65.0 ± 7.1" in lines[4]
    assert "50.0 (45.0-55.0)" in lines[5]
    assert lines[6].split("  ")[0] == ""
    assert "1 (33.3%)" in lines[6]
    assert lines[7].startswith("sex")
    numbers = table.records()
    assert {name: numbers[0][name] for name in ("statistic", "all images", "positive", "negative")} == {
        "statistic": "n",
        "all images": 6,
        "positive": 3,
        "negative": 3,
    }
    [share] = [row for row in numbers if row["level"] == "M" and row["statistic"] == "share"]
    assert share["positive"] == pytest.approx(2 / 3)


def test_a_group_s_name_takes_no_other_column() -> None:
    groups = {"level": np.array([True, False]), "statistic": np.array([False, True])}
    table = characteristics_table("t", groups, {"sex": ["F", "M"]}, np.arange(2))
    first = table.records()[0]
    assert (first["characteristic"], first["level"], first["statistic"]) == ("images", "", "n")
    assert (first["group level"], first["group statistic"], first["all images"]) == (1, 1, 2)
