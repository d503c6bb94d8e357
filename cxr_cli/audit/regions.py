"""Images of which only a part is seen, and what that part shows coarsely.

A part is a mask over a grid of 16 x 16 cells, stretched over the image. No lungs are looked for: they are
taken to lie where they lie on a frontal image that shows the chest and little else.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput

GRID = 16
THUMBNAIL = 0.1
"""Side of a thumbnail, in sides of the image: 1 % of its pixels."""

Images = NDArray[np.uint8]
Cells = NDArray[np.bool_]


class View(NamedTuple):
    """How much of an image is seen.

    Attributes:
        name: of the view.
        words: what is seen.
        cells: bool [16, 16], those that are seen; None for the whole image shrunk to a thumbnail.
        beside_lungs: whether it shows nothing of the lungs, nor of what is under the diaphragm, if they lie
            where they should; what tells classes apart there is no finding.
    """

    name: str
    words: str
    cells: Cells | None
    beside_lungs: bool


def _cells(rows: slice = slice(None), columns: slice = slice(None)) -> Cells:
    cells = np.zeros((GRID, GRID), np.bool_)
    cells[rows, columns] = True
    return cells


_ENDS = np.isin(np.arange(GRID), (0, 1, 2, GRID - 3, GRID - 2, GRID - 1))

IMAGE = View("image", "the whole image", _cells(), False)
VIEWS = (
    IMAGE,
    View("corners", "the corners, 3/16 of the side each", np.outer(_ENDS, _ENDS), True),
    View("border", "the border, 1/16 of the side", ~_cells(slice(1, -1), slice(1, -1)), True),
    View(
        "surroundings",
        "all but the lungs' zone: 2/16 above and below, 1/16 beside",
        ~_cells(slice(2, -2), slice(1, -1)),
        True,
    ),
    View("center blanked", "all but the middle 10/16", ~_cells(slice(3, -3), slice(3, -3)), False),
    View("thumbnail", "the whole image on 1 % of its pixels", None, False),
)


def see(images: Images, view: View, fill: Images) -> Images:
    """Show of images what a view shows.

    What is hidden is the same on every image, and so tells nothing of an image's class.

    Args:
        images: uint8 [N, H, W].
        view: what is seen.
        fill: uint8 [H, W], what stands in the place of what is hidden: the mean training image.

    Returns:
        uint8 [N, H, W].
    """
    if view.cells is None:
        return np.stack([_thumbnail(image) for image in images])
    return np.where(_stretch(view.cells, fill.shape), images, fill)


def _thumbnail(image: Images) -> Images:
    height, width = image.shape
    small = (max(round(THUMBNAIL * width), 1), max(round(THUMBNAIL * height), 1))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _stretch(cells: Cells, shape: tuple[int, ...]) -> Cells:
    """Stretch cells over an image of this shape [H, W]."""
    rows, columns = (np.arange(length) * GRID // length for length in shape)
    return cells[np.ix_(rows, columns)]


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
