"""Distances to training images."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from recorder import Recorder
from sklearn.neighbors import NearestNeighbors

from cxr_cli.errors import BadInput
from cxr_cli.models.network import Variables
from cxr_cli.prediction.forward import forward_of_run, read_map, run_over
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.outliers import (
    FAR,
    NEIGHBOR,
    REFERENCE,
    Reference,
    flags_of,
    log_distances,
    reference_of,
)
from cxr_cli.runs.model_store import TrainedRun


def unit(rows: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(rows, 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_the_distance_is_that_to_the_fifth_nearest() -> None:
    vectors, references = unit(10, 0), unit(40, 1)
    nearest = NearestNeighbors(n_neighbors=NEIGHBOR).fit(references).kneighbors(vectors)[0][:, -1]
    assert np.exp(log_distances(vectors, references)) == pytest.approx(nearest, rel=1e-4)


def test_fewer_references_than_neighbors_take_the_farthest() -> None:
    vectors, references = unit(3, 0), unit(2, 1)
    farthest = np.linalg.norm(vectors[:, None] - references[None], axis=2).max(1)
    assert np.exp(log_distances(vectors, references)) == pytest.approx(farthest, rel=1e-4)


def test_deviations_are_of_validation_s_log_distances() -> None:
    references, validation = unit(50, 1), unit(30, 2)
    distances = log_distances(validation, references)
    reference = Reference(references, float(distances.mean()), float(distances.std(ddof=1)), "r", 1)
    found = reference.deviations(validation)
    assert (found.mean(), found.std(ddof=1)) == pytest.approx((0, 1), abs=1e-9)


def test_flags_name_the_reason() -> None:
    pixels = np.zeros((4, 2, 2), np.uint8)
    pixels[1:, 0, 0] = 9
    assert flags_of([0.0, FAR + 0.1, FAR - 0.1, None], pixels) == [
        "no contrast",
        "unlike the training images",
        "",
        "",
    ]


@pytest.mark.parametrize("name", ["single", "siamese"])
def test_features_have_length_1(name: str, request: pytest.FixtureRequest, images: NDArray[np.uint8]) -> None:
    run: TrainedRun = request.getfixturevalue(name)
    variables: Variables = run.variables
    _, found = run_over(forward_of_run(run, read_map), variables, image_source(images), np.arange(5))
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_without_the_run_s_images_there_is_no_reference(single: TrainedRun) -> None:
    recorder = Recorder()
    assert reference_of(single, reporter=recorder) is None
    assert "images unlike them are not flagged" in recorder.said[0]


def test_a_damaged_reference_is_named(single: TrainedRun, tmp_path: Path) -> None:
    from dataclasses import replace

    run = replace(single, folder=tmp_path)
    (tmp_path / REFERENCE).write_bytes(b"PK torn")
    with pytest.raises(BadInput, match="delete it to make it again"):
        reference_of(run)
