"""The images that two runs have in common, and the operating point."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr_cli.artifacts import write_json
from cxr_cli.errors import BadInput
from cxr_cli.explain.explanation import common_images
from cxr_cli.explain.select import ImageSet
from cxr_cli.prediction.scores import Scores, called_at, operating_point
from cxr_cli.runs.model_store import TrainedRun


def image_set(names: str) -> ImageSet:
    table = pd.DataFrame({"image_id": list(names)})
    return ImageSet(np.zeros((9, 2, 2), np.uint8), np.arange(len(names)) + 5, table)


def test_of_two_runs_the_common_images_are_taken_in_the_order_of_the_first() -> None:
    first, second = common_images(image_set("abcd"), image_set("dxb"))
    assert first.table["image_id"].tolist() == second.table["image_id"].tolist() == ["b", "d"]
    assert first.rows.tolist() == [6, 8]
    assert second.rows.tolist() == [7, 5]
    with pytest.raises(BadInput, match="no image in common"):
        common_images(image_set("ab"), image_set("cd"))


def test_the_operating_point_is_what_test_chose_for_this_model(single: TrainedRun, tmp_path: Path) -> None:
    run = replace(single, folder=tmp_path)
    assert operating_point(run) is None
    metrics = {"epoch": run.epoch, "positive": "sick", "operating_point": {"threshold": 0.25}}
    write_json(tmp_path / "metrics.json", metrics)
    assert operating_point(run) == ("sick", 0.25)
    write_json(tmp_path / "metrics.json", {**metrics, "epoch": run.epoch + 1})
    assert operating_point(run) is None
    write_json(tmp_path / "metrics.json", {"epoch": run.epoch})
    assert operating_point(run) is None


def test_images_are_called_positive_from_the_operating_point_on() -> None:
    values = np.array([[0.8, 0.2], [0.75, 0.25], [0.1, 0.9]], np.float32)
    scores = Scores(values, values.argmax(1))
    assert called_at(scores, ("fine", "sick"), ("sick", 0.25)).predicted.tolist() == [0, 1, 1]
    assert called_at(scores, ("fine", "sick"), ("fine", 0.8)).predicted.tolist() == [0, 1, 1]
    assert called_at(scores, ("fine", "sick"), None).predicted.tolist() == [0, 0, 1]
