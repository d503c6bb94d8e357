"""Regions of images: all else occluded, and coarse features of what is visible.

A region is a mask over a grid of 16 x 16 cells, stretched over the image. Lungs are not segmented: they are
assumed to lie where they lie on a frontal image that shows the chest and little else.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput

GRID = 16
THUMBNAIL = 0.1
"""Side of a thumbnail, in sides of the image: 1% of its pixels."""

Images = NDArray[np.uint8]
Cells = NDArray[np.bool_]


class Region(NamedTuple):
    """The part of an image that is visible.

    Attributes:
        name: of the region.
        description: what is visible.
        cells: bool [16, 16], those that are visible; None for the whole image shrunk to a thumbnail.
        outside_lungs: whether it shows nothing of the lungs, nor of what is under the diaphragm, if they lie
            where expected; what discriminates classes there is no pathology.
    """

    name: str
    description: str
    cells: Cells | None
    outside_lungs: bool


def _cells(rows: slice = slice(None), columns: slice = slice(None)) -> Cells:
    cells = np.zeros((GRID, GRID), np.bool_)
    cells[rows, columns] = True
    return cells


_ENDS = np.isin(np.arange(GRID), (0, 1, 2, GRID - 3, GRID - 2, GRID - 1))

IMAGE = Region("image", "the whole image", _cells(), False)
REGIONS = (
    IMAGE,
    Region("corners", "the corners, 3/16 of the side each", np.outer(_ENDS, _ENDS), True),
    Region("border", "the border, 1/16 of the side", ~_cells(slice(1, -1), slice(1, -1)), True),
    Region(
        "surroundings",
        "all but the lung fields: 2/16 above and below, 1/16 beside",
        ~_cells(slice(2, -2), slice(1, -1)),
        True,
    ),
    Region("center blanked", "all but the middle 10/16", ~_cells(slice(3, -3), slice(3, -3)), False),
    Region("thumbnail", "the whole image on 1% of its pixels", None, False),
)


def occlude(images: Images, region: Region, fill: Images) -> Images:
    """Occlude all of the images but a region.

    What is occluded is the same on every image, and so carries no information on the class.

    Args:
        images: uint8 [N, H, W].
        region: what stays visible.
        fill: uint8 [H, W], what replaces the occluded part: the mean training image.

    Returns:
        uint8 [N, H, W].
    """
    if region.cells is None:
        return np.stack([_thumbnail(image) for image in images])
    rows, columns = (np.arange(length) * GRID // length for length in fill.shape)
    return np.where(region.cells[np.ix_(rows, columns)], images, fill)


def _thumbnail(image: Images) -> Images:
    height, width = image.shape
    small = (max(round(THUMBNAIL * width), 1), max(round(THUMBNAIL * height), 1))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def cell_features(images: Images, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Describe images coarsely: mean and standard deviation of the gray values in each cell.

    Args:
        images: uint8 [N, H, W], 16 pixels or more a side; may be a memory map.
        rows: which images.

    Returns:
        float32 [len(rows), 16, 16, 2], gray values.

    Raises:
        BadInput: the images have fewer pixels a side.
    """
    if min(images.shape[1:]) < GRID:
        raise BadInput(f"images of {images.shape[1]} pixels; an audit needs {GRID} or more a side")
    edges = [-(-np.arange(GRID) * length // GRID) for length in images.shape[1:]]
    counts = np.outer(
        *(np.diff([*edge, length]) for edge, length in zip(edges, images.shape[1:], strict=True))
    )

    def cell_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(np.add.reduceat(values, edges[0], axis=0), edges[1], axis=1) / counts

    features = np.empty((len(rows), GRID, GRID, 2), np.float32)
    for place, row in enumerate(rows):
        image = images[row].astype(np.float64)
        mean = cell_means(image)
        features[place, ..., 0] = mean
        features[place, ..., 1] = np.sqrt(np.maximum(cell_means(image * image) - mean * mean, 0))
    return features
