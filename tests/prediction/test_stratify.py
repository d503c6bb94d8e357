"""Stratifying from Python: a table in, typed strata and tables out."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

import cxr_cli
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.choices import TableFormat
from cxr_cli.prediction.predictions_file import read_predictions
from cxr_cli.prediction.stratify import FILES, Stratification, stratify
from cxr_cli.reporting import SILENT


class Recorder:
    """Keeps what it is to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    @contextmanager
    def progress(self, what: str):  # type: ignore[no-untyped-def]
        with SILENT.progress(what) as advance:
            yield advance


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Forty images of two systems, one of which is spelled in two ways."""
    path = tmp_path / "predictions.csv"
    lines = ["label,predicted,score_normal,score_pneumonia,system"]
    for number in range(40):
        label = ("normal", "pneumonia")[number % 2]
        score = 0.2 + 0.5 * (number % 2) + 0.005 * number
        system = ("Philips", "Fuji", "fuji")[number % 3]
        lines.append(f"{label},{label},{1 - score:.3f},{score:.3f},{system}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_package_has_it(predictions: Path) -> None:
    assert cxr_cli.stratify is stratify


def test_strata_are_typed(predictions: Path) -> None:
    result = stratify(predictions, ["system"], resamples=100)
    assert isinstance(result, Stratification)
    assert [(stratum.by, stratum.name, stratum.images) for stratum in result.strata] == [
        ("", "all images", 40),
        ("system", "Fuji", 13),
        ("system", "Philips", 14),
        ("system", "fuji", 13),
    ]
    assert result.strata[0].estimates.overall["accuracy"].value == 1.0


def test_predictions_that_are_read_give_the_same(predictions: Path) -> None:
    table = read_predictions(predictions)
    assert (
        stratify(table, ["system"], resamples=100).table()
        == stratify(predictions, ["system"], resamples=100).table()
    )


def test_every_format_has_its_file(predictions: Path, tmp_path: Path) -> None:
    result = stratify(predictions, ["system"], output=tmp_path / "strata", resamples=100)
    assert set(FILES) == set(get_args(TableFormat))
    for form, file in FILES.items():
        assert (tmp_path / "strata" / file).read_text() == result.table(form)
    assert (tmp_path / "strata" / "roc-system.png").exists()
    assert json.loads(result.table("json"))["strata"][1]["stratum"] == "Fuji"


def test_what_may_be_amiss_is_reported(predictions: Path) -> None:
    recorder = Recorder()
    stratify(predictions, ["system"], resamples=100, reporter=recorder)
    assert recorder.said == [
        f"{predictions}: no column patient_id: each image counts as a patient of its own",
        "system: 'Fuji' and 'fuji' differ in case or blanks alone; they stay apart",
    ]


def test_a_setting_that_cannot_be_is_named_by_its_field(predictions: Path) -> None:
    with pytest.raises(InvalidSetting, match="`by` system,: a column's name is missing"):
        stratify(predictions, ["system,"])
