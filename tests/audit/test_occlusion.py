"""Scores of images of which all but a region is occluded."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.audit.occlusion import scores_by_region
from cxr_cli.audit.regions import IMAGE, REGIONS, occlude
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.scores import class_scores
from cxr_cli.prediction.templates import make_templates, write_templates
from cxr_cli.runs.model_store import TrainedRun

ROWS = np.arange(3, 43)


def test_each_region_is_scored_as_the_run_scores_such_images(
    single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    fill = images[0]
    found = scores_by_region(single, images, ROWS, REGIONS, fill)
    assert list(found) == [region.name for region in REGIONS]
    for region in (REGIONS[1], REGIONS[-1]):
        expected = class_scores(single, occlude(images, region, fill), ROWS).values
        np.testing.assert_allclose(found[region.name], expected, atol=1e-6)
    assert not np.allclose(found["corners"], found["image"])


def test_what_is_occluded_has_no_part_in_the_scores(single: TrainedRun, images: NDArray[np.uint8]) -> None:
    corners = REGIONS[1]
    others = images.copy()
    others[:, 3:-3] = 255 - others[:, 3:-3]
    both = [
        scores_by_region(single, stack, ROWS, [corners], images[0])["corners"] for stack in (images, others)
    ]
    np.testing.assert_array_equal(*both)


def test_a_siamese_run_compares_what_is_visible_with_its_templates(
    tmp_path: Path, siamese: TrainedRun, images: NDArray[np.uint8]
) -> None:
    with pytest.raises(BadInput, match=r"templates\.npz: no such file"):
        scores_by_region(siamese, images, ROWS, [IMAGE], images[0])
    templates = tmp_path / "t.npz"
    labels = np.arange(len(ROWS)) % 3
    write_templates(
        templates, make_templates(siamese, image_vectors(siamese, images, ROWS), labels, "mean", 1)
    )
    found = scores_by_region(siamese, images, ROWS, [IMAGE], images[0], templates)
    np.testing.assert_allclose(
        found["image"], class_scores(siamese, images, ROWS, templates).values, atol=1e-6
    )


def test_a_run_that_classifies_has_no_use_for_templates(
    tmp_path: Path, single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    with pytest.raises(InvalidSetting, match="has no use for templates"):
        scores_by_region(single, images, ROWS, [IMAGE], images[0], tmp_path / "t.npz")
