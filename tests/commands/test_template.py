"""`cxr template` from the shell."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_cli.dataset.reader import open_dataset
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.templates import read_templates
from cxr_cli.runs.model_store import open_run
from cxr_cli.splitting.file import open_split

Cxr = Callable[..., Any]


@pytest.fixture
def run(siamese_run: Path, tmp_path: Path) -> Path:
    """Copy the finished siamese run, to write into."""
    return Path(shutil.copytree(siamese_run, tmp_path / "run"))


def test_templates_are_the_means_of_the_training_images_alone(
    cxr: Cxr, run: Path, small_dataset: Path, split_file: Path
) -> None:
    outcome = cxr("template", run)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [
        "covid19: mean of 6 training images",
        "normal: mean of 13 training images",
        "pneumonia: mean of 10 training images",
    ]
    trained = open_run(run)
    assert outcome.err == f"{run / 'templates.npz'}: of epoch {trained.epoch}\n"
    templates = read_templates(run / "templates.npz", trained)
    images = open_dataset(small_dataset)
    split = open_split(split_file, images)
    for number in range(3):
        rows = [row for row in split.rows("train") if split.labels[row] == number]
        assert templates.counts[number] == len(rows)
        vectors = image_vectors(trained, images.images, np.array(rows))
        np.testing.assert_allclose(templates.vectors[number], vectors.mean(0), rtol=1e-4, atol=1e-5)


def test_the_other_kinds(cxr: Cxr, run: Path, tmp_path: Path) -> None:
    outcome = cxr("template", run, "--kind", "nearest", "--nearest", 6, "-o", tmp_path / "t.npz")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "covid19: nearest of 6 training images"
    assert not (run / "templates.npz").exists()
    assert len(read_templates(tmp_path / "t.npz", open_run(run)).vectors) == 29
    for options, message in (
        (["--kind", "median"], "'median' is not one of 'mean', 'medoid', 'nearest'"),
        (["--kind", "nearest", "--nearest", "7"], "--nearest 7: from 1 to 6, the images of the rarest class"),
    ):
        outcome = cxr("template", run, *options)
        assert (outcome.code, outcome.out) == (2, "")
        assert message in outcome.err
        assert not (run / "templates.npz").exists()


def test_templates_need_a_siamese_run(cxr: Cxr, single_run: Path, tmp_path: Path) -> None:
    outcome = cxr("template", single_run)
    assert outcome.code == 2
    assert "is a 'single' run; vectors to compare need a siamese run" in outcome.err
    assert outcome.err.count("\n") == 1
    assert cxr("template", tmp_path / "gone").code == 3
