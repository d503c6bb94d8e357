"""`cxr predict` from the shell."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edited import edit_images

from cxr_cli.artifacts import read_record, write_record

Cxr = Callable[..., Any]


@pytest.fixture(scope="module")
def tested(single_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(single_run, tmp_path_factory.mktemp("tested") / "run"))


def test_scores_are_those_of_the_test_and_labels_are_left_out(
    cxr: Cxr, tested: Path, small_dataset: Path, tmp_path: Path
) -> None:
    assert cxr("test", tested).code == 0
    done = cxr("predict", tested, small_dataset, "-o", tmp_path / "list.csv")
    assert (done.code, done.out) == (0, "")
    warning, written = done.err.splitlines()
    assert warning == (
        f"warning: 45 of 60 images were in training or validation of {tested}: "
        "their predictions are no test of it; see the column overlap"
    )
    assert written == f"{tmp_path / 'list.csv'}: 60 images"
    found = pd.read_csv(tmp_path / "list.csv").set_index("image_id")
    assert "label" not in found
    expected = pd.read_csv(tested / "predictions.csv").set_index("image_id")
    assert len(expected) > 0
    assert found["overlap"].eq("image").sum() == 45
    assert found.loc[expected.index, "overlap"].isna().all()
    both = found.loc[expected.index]
    assert list(both["predicted"]) == list(expected["predicted"])
    np.testing.assert_allclose(both["score_normal"], expected["score_normal"], rtol=1e-5)


def test_a_class_comes_first_and_stdout_has_the_table(cxr: Cxr, tested: Path, small_dataset: Path) -> None:
    done = cxr("predict", tested, small_dataset, "--first", "pneumonia")
    assert done.code == 0
    scores = pd.read_csv(io.StringIO(done.out))["score_pneumonia"]
    assert len(scores) == 60
    assert scores.is_monotonic_decreasing


def test_an_operating_point_decides_and_orders(cxr: Cxr, run_of_two: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(run_of_two, tmp_path / "two"))
    dataset = run_of_two.parent / "dataset"
    done = cxr("predict", run, dataset)
    assert done.code == 0
    notice = f"{run}: has no operating point; the higher score decides. `cxr test {run}` chooses one\n"
    assert done.err.startswith(notice)
    assert cxr("test", run, "--positive", "covid19").code == 0
    threshold = json.loads((run / "metrics.json").read_text())["operating_point"]["threshold"]
    done = cxr("predict", run, dataset)
    assert done.code == 0
    table = pd.read_csv(io.StringIO(done.out))
    assert table["score_covid19"].is_monotonic_decreasing
    called = table["score_covid19"] >= threshold
    assert 0 < called.sum() < len(table)
    assert table["predicted"].tolist() == np.where(called, "covid19", "normal").tolist()
    assert set(table["threshold_covid19"]) == {threshold}
    by_other = pd.read_csv(io.StringIO(cxr("predict", run, dataset, "--first", "normal").out))
    assert by_other["score_normal"].is_monotonic_decreasing


def test_images_with_other_crops_are_refused(
    cxr: Cxr, tested: Path, small_dataset: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(small_dataset, tmp_path / "other"))
    info = read_record(other / "dataset.json")
    write_record(other / "dataset.json", {**info, "settings": {"size": 32, "crop_top": 0.1}})
    done = cxr("predict", tested, other)
    assert (done.code, done.out) == (3, "")
    assert "was preprocessed with crop top 0.1; the run's images with crop top 0; `cxr preprocess" in done.err


def test_images_of_another_size_are_refused(
    cxr: Cxr, tested: Path, small_dataset: Path, tmp_path: Path
) -> None:
    config = json.loads((tested / "config.json").read_text())
    assert config["size"] == 32
    smaller = Path(shutil.copytree(small_dataset, tmp_path / "smaller"))
    images = np.load(smaller / "images.npy")
    edit_images(smaller, images[:, :16, :16])
    done = cxr("predict", tested, smaller)
    assert done.code == 3
    assert "was preprocessed with size 16; the run's images with size 32" in done.err


def test_an_unknown_class_is_refused(cxr: Cxr, tested: Path, small_dataset: Path) -> None:
    done = cxr("predict", tested, small_dataset, "--first", "flu")
    assert done.code == 2
    assert done.err == "cxr: --first flu: the classes are 'covid19', 'normal', 'pneumonia'\n"
