"""Class templates against plain loops over images, and the files that are refused."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.prediction.forward import Scaling, forward_function, image_vectors, read_vectors
from cxr_cli.prediction.templates import (
    Templates,
    make_templates,
    read_templates,
    similarity_logits,
    write_templates,
)
from cxr_cli.runs.folder import TEMPLATES
from cxr_cli.runs.model_store import TrainedRun

LABELS = np.array([0, 1, 2, 2, 1] * 8)


@pytest.fixture(scope="module")
def vectors(siamese: TrainedRun, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image_vectors(siamese, images, np.arange(40))


def difference(run: TrainedRun, x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Compare two vectors by the model's own head, in float64."""
    alpha, bias = run.variables.params["alpha"], run.variables.params["bias"]
    return float(sum(float(a) * abs(float(i) - float(j)) for a, i, j in zip(alpha, x, y, strict=True)) + bias)


def test_means_are_those_of_vectors_computed_one_image_at_a_time(
    siamese: TrainedRun, images: NDArray[np.uint8], vectors: NDArray[np.float32]
) -> None:
    templates = make_templates(siamese, vectors, LABELS, "mean", 5)
    assert templates.vectors.dtype == np.float32
    forward = forward_function(siamese.network, Scaling(0.4, 0.2, "float32"), read_vectors)
    alone = [forward(siamese.variables, jnp.asarray(images[i : i + 1]))[0] for i in range(40)]
    for number in range(3):
        of_class = [vector for vector, label in zip(alone, LABELS, strict=True) if label == number]
        np.testing.assert_allclose(
            templates.vectors[number], sum(of_class) / len(of_class), rtol=1e-5, atol=1e-6
        )
    assert templates.counts.tolist() == [8, 16, 16]
    assert templates.owners.tolist() == [0, 1, 2]
    assert (templates.classes, templates.epoch, templates.nearest) == (siamese.config.classes, 3, 1)


def test_a_medoid_is_the_image_least_different_from_its_class(
    siamese: TrainedRun, vectors: NDArray[np.float32]
) -> None:
    templates = make_templates(siamese, vectors, LABELS, "medoid", 5)
    for number in range(3):
        images = vectors[number == LABELS]
        sums = [sum(difference(siamese, one, other) for other in images) for one in images]
        np.testing.assert_array_equal(templates.vectors[number], images[int(np.argmin(sums))])


def test_similarity_to_one_template_a_class(siamese: TrainedRun, vectors: NDArray[np.float32]) -> None:
    templates = make_templates(siamese, vectors, LABELS, "mean", 5)
    found = similarity_logits(siamese, vectors, templates)
    expected = [
        [-difference(siamese, image, template) for template in templates.vectors] for image in vectors
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("nearest", [1, 3, 8])
def test_similarity_to_the_nearest_images(
    siamese: TrainedRun, vectors: NDArray[np.float32], nearest: int
) -> None:
    templates = make_templates(siamese, vectors, LABELS, "nearest", nearest)
    assert (len(templates.vectors), templates.nearest) == (40, nearest)
    found = similarity_logits(siamese, vectors[:6] + 0.1, templates)
    for image, row in zip(vectors[:6] + 0.1, found, strict=True):
        for number in range(3):
            same = sorted(-difference(siamese, image, other) for other in vectors[number == LABELS])
            assert row[number] == pytest.approx(sum(same[-nearest:]) / nearest, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("nearest", [0, 9])
def test_nearest_is_at_most_the_rarest_class(
    siamese: TrainedRun, vectors: NDArray[np.float32], nearest: int
) -> None:
    with pytest.raises(
        InvalidSetting, match=f"`nearest` {nearest}: from 1 to 8, the images of the rarest class"
    ):
        make_templates(siamese, vectors, LABELS, "nearest", nearest)


def test_an_unknown_kind_is_refused(siamese: TrainedRun, vectors: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidSetting, match="`kind` median: known are mean, medoid, nearest"):
        make_templates(siamese, vectors, LABELS, "median", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mean", "medoid", "nearest"])
def test_a_class_without_training_images_is_refused(
    siamese: TrainedRun, vectors: NDArray[np.float32], kind: str
) -> None:
    with pytest.raises(BadInput, match="class 'pneumonia' has no training image"):
        make_templates(siamese, vectors, np.minimum(LABELS, 1), kind, 1)


@pytest.fixture
def templates(siamese: TrainedRun, vectors: NDArray[np.float32]) -> Templates:
    return make_templates(siamese, vectors, LABELS, "nearest", 4)


def test_templates_come_back_as_written(tmp_path: Path, siamese: TrainedRun, templates: Templates) -> None:
    write_templates(tmp_path / TEMPLATES, templates)
    again = read_templates(tmp_path / TEMPLATES, siamese)
    for name in ("vectors", "owners", "counts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(templates, name))
    assert replace(again, vectors=None, owners=None, counts=None) == replace(
        templates, vectors=None, owners=None, counts=None
    )
    assert [path.name for path in tmp_path.iterdir()] == [TEMPLATES]


def test_missing_templates_name_the_command_that_makes_them(siamese: TrainedRun) -> None:
    path = siamese.folder / TEMPLATES
    with pytest.raises(BadInput) as caught:
        read_templates(path, siamese)
    assert str(caught.value) == f"{path}: no such file; make it with `cxr template {siamese.folder}`"


def test_damaged_templates_are_refused(tmp_path: Path, siamese: TrainedRun, templates: Templates) -> None:
    write_templates(tmp_path / "whole.npz", templates)
    whole = (tmp_path / "whole.npz").read_bytes()
    middle = len(whole) // 2
    np.savez(tmp_path / "other.npz", classes=np.array(["a"]))
    with (tmp_path / "array.npz").open("wb") as stream:
        np.save(stream, np.arange(3))
    damaged = {
        "cut.npz": whole[:middle],
        "half-header.npz": whole[:3],
        "flipped.npz": whole[:middle]
        + bytes(byte ^ 0xFF for byte in whole[middle : middle + 64])
        + whole[middle + 64 :],
        "text.npz": b"no templates\n",
        "empty.npz": b"",
        "other.npz": (tmp_path / "other.npz").read_bytes(),
        "array.npz": (tmp_path / "array.npz").read_bytes(),
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match=f"{name}: cannot be read as templates"):
            read_templates(tmp_path / name, siamese)
    with pytest.raises(BadInput, match="cannot be read as templates"):
        read_templates(tmp_path, siamese)


def test_templates_of_an_earlier_epoch_are_refused(
    tmp_path: Path, siamese: TrainedRun, templates: Templates
) -> None:
    write_templates(tmp_path / TEMPLATES, replace(templates, epoch=2))
    with pytest.raises(BadInput, match="field 'epoch' is 2, the run's model is of epoch 3; make them again"):
        read_templates(tmp_path / TEMPLATES, siamese)


def test_templates_of_another_run_are_refused(
    tmp_path: Path, siamese: TrainedRun, templates: Templates
) -> None:
    write_templates(tmp_path / TEMPLATES, templates)
    other = replace(siamese, config=replace(siamese.config, classes=("covid19", "normal", "viral")))
    with pytest.raises(BadInput, match=r"field 'classes' is .*pneumonia.*, the run has .*viral"):
        read_templates(tmp_path / TEMPLATES, other)
    # The same classes and epoch, but other vectors.
    other = replace(siamese, config=replace(siamese.config, seed=1))
    with pytest.raises(BadInput, match="field 'run'"):
        read_templates(tmp_path / TEMPLATES, other)
    moved = replace(siamese, config=replace(siamese.config, dataset="elsewhere", split="elsewhere.csv"))
    assert read_templates(tmp_path / TEMPLATES, moved).epoch == 3
