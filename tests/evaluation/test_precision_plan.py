"""Planned intervals against Wilson's and Hanley and McNeil's own numbers."""

import json

import numpy as np
import pytest

from cxr_cli.evaluation.precision_plan import area_at, plan_precision
from cxr_cli.evaluation.uncertainty.intervals import wilson_interval


def test_the_auc_has_hanley_and_mcneil_s_standard_error() -> None:
    # Hanley & McNeil 1982, Table II: an area of 0.893 with 51 and 58 images has a standard error of 0.032.
    interval = area_at(0.893, 51, 58)
    half = (np.log(interval.high / (1 - interval.high)) - np.log(interval.low / (1 - interval.low))) / 2
    assert half / 1.959964 * 0.893 * 0.107 == pytest.approx(0.032, abs=0.0008)


def test_the_patients_that_a_width_takes_are_the_fewest() -> None:
    plan = plan_precision("effusion", 50, 100, width=0.1)
    for value, (of_share, of_area) in zip(plan.expected, plan.needed, strict=True):
        for patients, interval_of in (
            (of_share, lambda n, value=value: wilson_interval(value * n, n)),
            (of_area, lambda n, value=value: area_at(value, n, n)),
        ):
            enough, fewer = interval_of(patients), interval_of(patients - 1)
            assert enough.high - enough.low <= 0.1 < fewer.high - fewer.low


def test_the_plan_is_a_row_for_each_expected_value() -> None:
    table = plan_precision("effusion", 25, 38, expected=(0.8, 0.9)).table()
    assert table.headings[1:3] == ["sensitivity (25)", "specificity (38)"]
    assert [row[0].value for row in table.rows] == ["0.8", "0.9"]
    assert table.rows[0][1].value == "0.609-0.911"


def test_without_patients_there_is_no_interval() -> None:
    plan = plan_precision("effusion", 0, 10)
    assert np.isnan(plan.sensitivity[0].low)
    assert np.isnan(plan.auc[0].low)
    assert plan.table().rows[0][1].value == "-"
    content = json.loads(json.dumps(plan.as_json(), allow_nan=False))
    assert content["sensitivity"][0] == content["auc"][0] == {"low": None, "high": None}
    assert content["specificity"][0]["low"] < 0.7 < content["specificity"][0]["high"]
