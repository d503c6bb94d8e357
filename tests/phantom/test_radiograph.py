"""Whole images: what the mask promises, how systems differ, and that brightness does not tell the class."""

import cv2
import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from cxr_cli.phantom.anatomy import draw_anatomy
from cxr_cli.phantom.findings import FINDINGS
from cxr_cli.phantom.radiograph import draw_image, plant_marker
from cxr_cli.phantom.systems import SYSTEMS, ImagingSystem

ILL = [name for name in FINDINGS if name != "normal"]
NAMES = [f"{system.manufacturer} {system.model}" for system in SYSTEMS]


def _draw(seed: int, finding: str, system: ImagingSystem, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    view = "AP" if system.portable else "PA"
    return draw_image(draw_anatomy(rng), finding, system, view, size, rng)


def test_pixels_and_mask() -> None:
    image, mask = _draw(0, "pneumonia", SYSTEMS[0], 96)
    assert image.dtype == np.float32
    assert image.shape == mask.shape == (96, 96)
    assert mask.dtype == np.bool_
    assert 0 <= image.min() < 0.1
    assert 0.8 < image.max() <= 1


@pytest.mark.parametrize("system", SYSTEMS, ids=NAMES)
@pytest.mark.parametrize("finding", ILL)
def test_the_image_differs_from_the_normal_one_where_the_mask_is(finding: str, system: ImagingSystem) -> None:
    seed = SYSTEMS.index(system)
    image, mask = _draw(seed, finding, system)
    healthy, empty = _draw(seed, "normal", system)
    difference = np.abs(image - healthy)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert not empty.any()
    assert 0.002 < mask.mean() < 0.2
    assert difference[~near].max() < 0.03
    assert difference[mask].mean() > 0.04


def test_opacities_are_brighter_and_free_air_is_darker() -> None:
    for finding, sign in (("pneumonia", 1), ("covid19", 1), ("pneumoperitoneum", -1)):
        image, mask = _draw(4, finding, SYSTEMS[0])
        healthy, _ = _draw(4, "normal", SYSTEMS[0])
        assert sign * (image - healthy)[mask].mean() > 0.03


def test_two_systems_never_make_the_same_picture() -> None:
    images = np.stack([_draw(1, "normal", system, 64)[0] for system in SYSTEMS])
    for first in range(len(SYSTEMS)):
        for second in range(first):
            assert np.abs(images[first] - images[second]).mean() > 0.015, (NAMES[first], NAMES[second])


def test_portable_images_are_blurred_and_noisy() -> None:
    portable = [system for system in SYSTEMS if system.portable]
    fixed = [system for system in SYSTEMS if not system.portable]
    assert min(system.blur for system in portable) > max(system.blur for system in fixed)
    assert min(system.noise for system in portable) > max(system.noise for system in fixed)


def test_the_table_of_systems_has_the_variety_of_an_archive() -> None:
    assert len({(system.manufacturer, system.model) for system in SYSTEMS}) == len(SYSTEMS) >= 12
    assert len({system.manufacturer for system in SYSTEMS}) >= 6
    assert {system.bits for system in SYSTEMS} == {10, 12, 14, 16}
    assert {system.photometric for system in SYSTEMS} == {"MONOCHROME1", "MONOCHROME2"}
    assert {system.sop_class for system in SYSTEMS} == {"DX", "CR"}
    assert {system.marker for system in SYSTEMS} == {"plain", "boxed", "disc", "outline"}
    assert 5 <= sum(system.portable for system in SYSTEMS) <= len(SYSTEMS) - 5


def test_a_planted_marker_is_a_bright_square_in_the_corner() -> None:
    image, _ = _draw(0, "normal", SYSTEMS[0], 96)
    marked, mask = plant_marker(image, np.random.default_rng(0))
    rows, columns = np.nonzero(mask)
    assert (marked[mask] == 1).all()
    assert np.array_equal(marked[~mask], image[~mask])
    assert max(rows.max(), columns.max()) < 0.1 * 96
    assert mask.sum() == 25  # 0.055 of 96 pixels is 5, squared


def test_brightness_alone_does_not_tell_the_class() -> None:
    classes = ("normal", "pneumonia", "covid19")
    label = np.arange(180) % 3
    brightness = [
        _draw(seed, classes[seed % 3], SYSTEMS[seed // 3 % len(SYSTEMS)], 32)[0].mean() for seed in range(180)
    ]
    scores = cross_val_score(
        DecisionTreeClassifier(max_depth=3), np.reshape(brightness, (-1, 1)), label, cv=5
    )
    assert scores.mean() < 0.55
