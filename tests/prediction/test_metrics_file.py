"""metrics.json of a run, and its operating point."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.report import classification_report
from cxr_cli.prediction.metrics_file import read_operating_point, write_metrics
from cxr_cli.runs.model_store import TrainedRun

POINT = OperatingPoint("sick", 0.25, "Youden's index", 0.9, 0.8, 10, 20)


@pytest.mark.parametrize("point", [POINT, OperatingPoint("sick", 0.5, "as given")])
def test_an_operating_point_comes_back_for_the_model_that_it_was_chosen_for(
    single: TrainedRun, tmp_path: Path, point: OperatingPoint
) -> None:
    run = replace(single, folder=tmp_path)
    assert read_operating_point(run) is None
    truth = np.array([0, 1, 0, 1])
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    answers = Answers(("fine", "sick"), truth, scores.argmax(1), np.arange(4), scores, 1)
    write_metrics(tmp_path / "metrics.json", run, "test", classification_report(answers, point))
    assert read_operating_point(run) == point
    assert read_operating_point(replace(run, epoch=run.epoch + 1)) is None
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert (found["run"], found["epoch"], found["subset"]) == (str(tmp_path), run.epoch, "test")


def test_a_run_that_was_tested_without_one_has_none(single: TrainedRun, tmp_path: Path) -> None:
    run = replace(single, folder=tmp_path)
    answers = Answers(("a", "b"), np.arange(4) % 2, np.arange(4) % 2, np.arange(4), None, None)
    write_metrics(tmp_path / "metrics.json", run, "test", classification_report(answers))
    assert read_operating_point(run) is None
