"""Images that are one picture under two patients."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.artifacts import read_csv
from cxr_cli.splitting.near_duplicates import (
    CERTAIN,
    NEAR_DUPLICATE,
    find_near_duplicates,
    near_duplicate_threshold,
)

Image = NDArray[np.uint8]
SIZE = 224


def draw(seed: int) -> Image:
    """Draw an image of smooth shapes that all images share and of detail that is its own."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    lungs = 90 * np.exp(-(((np.abs(columns) - 0.45) / 0.3) ** 2) - (rows / 0.7) ** 2)
    detail = cv2.GaussianBlur(rng.normal(0, 1, (SIZE, SIZE)), (0, 0), 4)
    return np.clip(60 + lungs + 18 * detail / detail.std(), 0, 255).astype(np.uint8)


def jpeg(image: Image) -> Image:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0))


def bordered(image: Image) -> Image:
    image = image.copy()
    image[:18] = image[:, -16:] = 0
    return image


def warped(image: Image, degrees: float, zoom: float, shift: float) -> Image:
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), degrees, zoom)
    matrix[:, 2] += shift
    return np.asarray(cv2.warpAffine(image, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE))


COPIES = {
    "same": lambda image: image,
    "windowed": lambda image: (255 * (image / 255) ** 2).astype(np.uint8),
    "negative": lambda image: 255 - image,
    "mirrored": lambda image: image[:, ::-1],
    "jpeg": jpeg,
    "bordered": bordered,
    "small": lambda image: cv2.resize(cv2.resize(image, (96, 96)), (SIZE, SIZE)),
    "moved": lambda image: warped(image, 1, 1.01, 2),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_under_another_patient_is_found_among_others(change: str) -> None:
    images = np.stack([draw(seed) for seed in range(8)])
    images[6] = COPIES[change](images[1])
    (near_duplicates,) = find_near_duplicates(images, np.arange(8))
    assert near_duplicates.rows == (1, 6)
    assert near_duplicates.mirrored == (change == "mirrored")
    assert (near_duplicates.correlation < 0) == (change == "negative")
    assert abs(near_duplicates.correlation) >= NEAR_DUPLICATE
    if change in ("same", "mirrored"):
        assert abs(near_duplicates.correlation) == pytest.approx(1, abs=1e-5)


def test_images_of_one_patient_are_not_compared() -> None:
    images = np.stack([draw(0)] * 3)
    assert [
        near_duplicates.rows for near_duplicates in find_near_duplicates(images, np.array([0, 0, 1]))
    ] == [(0, 2), (1, 2)]
    assert find_near_duplicates(images, np.zeros(3, np.int64)) == []


def test_a_common_border_or_shape_makes_no_near_duplicates() -> None:
    images = np.stack([bordered(draw(seed)) for seed in range(6)])
    assert find_near_duplicates(images, np.arange(6)) == []


@pytest.mark.parametrize("value", [0, 128, 255])
def test_images_without_detail_are_nobody_s_near_duplicates(value: int) -> None:
    assert find_near_duplicates(np.full((4, 32, 32), value, np.uint8), np.arange(4)) == []


def test_images_from_one_mould_are_no_near_duplicates_but_their_copies_are() -> None:
    mould = draw(0).astype(np.int16)
    images = np.stack([np.clip((3 * mould + draw(seed)) // 4, 0, 255) for seed in range(1, 25)])
    images = images.astype(np.uint8)
    patients = np.arange(24)
    assert NEAR_DUPLICATE < near_duplicate_threshold(images, patients) <= CERTAIN
    assert find_near_duplicates(images, patients) == []
    images[20] = images[3]
    assert [near_duplicates.rows for near_duplicates in find_near_duplicates(images, patients)] == [(3, 20)]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.stack([draw(seed % 5) for seed in range(12)])
    whole = find_near_duplicates(images, np.arange(12))
    monkeypatch.setattr("cxr_cli.splitting.near_duplicates.BLOCK", 5)
    assert find_near_duplicates(images, np.arange(12)) == whole
    assert [near_duplicates.rows for near_duplicates in whole] == [
        (one, other) for one in range(12) for other in range(one + 1, 12) if (other - one) % 5 == 0
    ]


def test_no_two_real_patients_share_a_picture_and_every_copy_is_found(real_images: Path) -> None:
    """A sample of the measurement: all of cxr3, 414,000 pairs, has no false find either."""
    listed = read_csv(real_images / "cxr3" / "metadata.csv").iloc[::10]
    images = np.stack(
        [
            cv2.resize(cv2.imread(str(real_images / "cxr3" / path), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE))
            for path in listed["path"]
        ]
    )
    patients = np.unique(listed["patient_id"], return_inverse=True)[1]
    assert find_near_duplicates(images, patients) == []
    copies = np.stack([bordered(COPIES["windowed"](image)) for image in images])
    found = find_near_duplicates(
        np.concatenate([images, copies]), np.append(patients, patients.max() + 1 + patients)
    )
    assert {near_duplicates.rows for near_duplicates in found} == {
        (image, len(images) + image) for image in range(len(images))
    }
