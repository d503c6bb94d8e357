"""Scores of images and the predictions table."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.models.network import Variables
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.scores import Scores, answer_scorer, called_at, class_scores
from cxr_cli.prediction.templates import make_templates, similarity_logits, write_templates
from cxr_cli.runs.folder import TEMPLATES
from cxr_cli.runs.model_store import TrainedRun

ROWS = np.arange(40)
LABELS = ROWS % 3


def with_param(run: TrainedRun, name: str, value: object) -> TrainedRun:
    params = {**run.variables.params, name: value}
    return dataclasses.replace(run, variables=Variables(params, run.variables.stats))


def test_scores_of_a_single_network_are_probabilities(single: TrainedRun, images: NDArray[np.uint8]) -> None:
    scores = class_scores(single, images, ROWS)
    assert scores.values.shape == (40, 3)
    assert scores.values.dtype == np.float32
    assert (scores.values > 0).all()
    np.testing.assert_allclose(scores.values.sum(1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(scores.predicted, scores.values.argmax(1))


def test_probabilities_may_round_to_zero_and_one(single: TrainedRun, images: NDArray[np.uint8]) -> None:
    classifier = {**single.variables.params["classifier"], "bias": np.float32([-300.0, 0.0, -200.0])}
    scores = class_scores(with_param(single, "classifier", classifier), images, ROWS)
    assert scores.values.tolist() == [[0.0, 1.0, 0.0]] * 40
    assert scores.predicted.tolist() == [1] * 40


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(single: TrainedRun, wrong: float) -> None:
    logits = np.array([[0, 1, 2], [0, wrong, 2], [0, 1, wrong]], np.float32)
    with pytest.raises(BadInput, match="no numbers for 2 of 3 images, the first is number 2: "):
        answer_scorer(single)(logits)


def test_similarities_that_round_to_one_are_still_ordered(
    tmp_path: Path, siamese: TrainedRun, images: NDArray[np.uint8]
) -> None:
    sure = dataclasses.replace(with_param(siamese, "bias", np.float32(-60.0)), folder=tmp_path)
    vectors = image_vectors(sure, images, ROWS)
    templates = make_templates(sure, vectors, LABELS, "mean", 1)
    write_templates(sure.folder / TEMPLATES, templates)
    scores = class_scores(sure, images, ROWS)
    assert (scores.values == 1.0).all()
    assert len(set(scores.predicted)) == 3
    np.testing.assert_array_equal(scores.predicted, similarity_logits(sure, vectors, templates).argmax(1))


def test_scores_of_a_siamese_network_are_similarities_to_the_templates(
    tmp_path: Path, siamese: TrainedRun, images: NDArray[np.uint8]
) -> None:
    vectors = image_vectors(siamese, images, ROWS)
    templates = make_templates(siamese, vectors, LABELS, "medoid", 1)
    write_templates(tmp_path / "medoids.npz", templates)
    scores = class_scores(siamese, images, ROWS, tmp_path / "medoids.npz")
    module = siamese.network.bind(siamese.variables)
    for number in range(3):
        similarity = expit(-np.asarray(module.difference(vectors, templates.vectors[number])))
        np.testing.assert_allclose(scores.values[:, number], similarity, atol=1e-6)
    np.testing.assert_array_equal(scores.predicted, scores.values.argmax(1))


def test_a_single_network_has_no_use_for_templates_and_no_vectors(
    single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    with pytest.raises(InvalidSetting, match=r"`templates` t.npz: .* is no siamese run"):
        class_scores(single, images, ROWS, Path("t.npz"))
    with pytest.raises(InvalidSetting, match="is a 'single' run; vectors to compare need a siamese run"):
        image_vectors(single, images, ROWS)


def test_images_are_called_positive_from_the_operating_point_on() -> None:
    values = np.array([[0.8, 0.2], [0.75, 0.25], [0.1, 0.9]], np.float32)
    scores = Scores(values, values.argmax(1))
    classes = ("fine", "sick")
    for point, predicted in (
        (OperatingPoint("sick", 0.25, "as given"), [0, 1, 1]),
        (OperatingPoint("fine", 0.8, "as given"), [0, 1, 1]),
        (None, [0, 0, 1]),
    ):
        assert called_at(scores, classes, point).predicted.tolist() == predicted
