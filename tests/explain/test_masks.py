"""Masks of findings: matched by name, cropped and resized as their images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.explain.masks import find_masks, read_mask
from cxr_cli.images.read import Geometry
from cxr_cli.images.sources import find_inputs
from cxr_cli.phantom.build import phantom
from cxr_cli.phantom.cohort import PhantomSettings


def put(path: Path, mask: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), mask.astype(np.uint8) * 255)
    return path


def dot(folder: Path, *names: str) -> list[Path]:
    return [put(folder / name, np.ones((2, 2))) for name in names]


def test_a_mask_is_found_by_the_end_of_its_images_path(tmp_path: Path) -> None:
    one, two, third = dot(tmp_path, "covid19/P1.png", "normal/P1.png", "1.2.840.png")
    sources = [
        "images/normal/P1.dcm",
        "/data/images/covid19/P1.dcm",
        "images.zip/normal/P2.dcm",
        "series/1.2.840",
        "P3.jpeg",
    ]
    assert find_masks(tmp_path, sources) == [two, one, None, third, None]


def test_the_longest_name_wins(tmp_path: Path) -> None:
    short, long = dot(tmp_path, "P1.png", "pneumonia/P1.png")
    assert find_masks(tmp_path, ["images/pneumonia/P1.dcm", "images/covid19/P1.dcm"]) == [long, short]


@pytest.mark.parametrize(
    ("masks", "sources", "message"),
    [
        (
            (),
            ["a/1.dcm"],
            "none of its 0 .png files has the name of an image; the mask of a/1.dcm would ",
        ),
        (("b/1.png",), ["images/a/1.dcm"], "the mask of images/a/1.dcm would be a/1.png"),
        (
            ("1.png",),
            ["a/1.dcm", "b/1.dcm"],
            "1.png: matches 2 images by its name, such as a/1.dcm and b/1.dcm",
        ),
    ],
)
def test_masks_that_fit_no_image_or_two_are_refused(
    tmp_path: Path, masks: tuple[str, ...], sources: list[str], message: str
) -> None:
    dot(tmp_path, *masks)
    with pytest.raises(BadInput, match=r"^[^\n]*$") as refused:
        find_masks(tmp_path, sources)
    assert message in str(refused.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder of masks"):
        find_masks(tmp_path / "nowhere", ["a.dcm"])


def test_a_mask_is_cropped_and_resized_as_its_image(tmp_path: Path) -> None:
    # 40 rows, 20 columns; a quarter off above leaves rows 10 to 39, then a tenth off each side rows 13 to 36.
    mask = np.zeros((40, 20), bool)
    mask[:13] = True
    mask[13:25, 2:10] = True
    path = put(tmp_path / "1.png", mask)
    found = read_mask(path, Geometry(8, crop_top=0.25, crop_border=0.1))
    expected = np.zeros((8, 8), bool)
    expected[:4, :4] = True
    np.testing.assert_array_equal(found, expected)


def test_gray_belongs_to_the_finding_and_black_does_not(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    cv2.imwrite(str(path), np.array([[0, 1], [255, 0]], np.uint8))
    np.testing.assert_array_equal(read_mask(path, Geometry(2)), [[False, True], [True, False]])


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_mask_that_is_not_an_image_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"1\.png: cannot be read as an image"):
        read_mask(path, Geometry(8))


def test_phantoms_have_their_masks_and_markers(tmp_path: Path) -> None:
    phantom(tmp_path, PhantomSettings(("normal", "pneumonia"), 4, 64, 1, 1.0, "pneumonia", 0))
    images = find_inputs([tmp_path / "images"]).paths
    sources = [str(image) for image in images]
    ill = [image.parent.name == "pneumonia" for image in images]
    for kind in ("masks", "markers"):
        masks = find_masks(tmp_path / kind, sources)
        assert masks == [tmp_path / kind / image.parent.name / f"{image.stem}.png" for image in images]
        assert [bool(read_mask(mask, Geometry(32)).any()) for mask in masks if mask] == ill
