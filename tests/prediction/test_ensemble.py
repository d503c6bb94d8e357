"""Runs as one model."""

import pytest

from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.prediction.ensemble import mean_point


def point(threshold: float, positive: str = "covid19") -> OperatingPoint:
    return OperatingPoint(positive, threshold, "Youden's index", 0.9, 0.8, 10, 20)


def test_the_threshold_is_the_mean_of_the_runs() -> None:
    found = mean_point([point(0.2), point(0.5), point(0.8)])
    assert found is not None
    assert found.threshold == pytest.approx(0.5)
    assert (found.rule, found.sensitivity) == ("mean of 3 runs' thresholds, Youden's index", None)


def test_a_single_run_keeps_its_own() -> None:
    assert mean_point([point(0.2)]) == point(0.2)


@pytest.mark.parametrize("points", [[None], [point(0.2), None], [point(0.2), point(0.3, "normal")]])
def test_runs_that_do_not_agree_have_none(points: list[OperatingPoint | None]) -> None:
    assert mean_point(points) is None
