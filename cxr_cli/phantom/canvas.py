"""The drawing plane: canonical coordinates to pixels, smooth fills, strokes, blurs and clouds.

Canonical coordinates are (x, y) with (0, 0) the upper left and (1, 1) the lower right corner of an
ideally placed image; what they show is the patient facing the viewer, the patient's right at small x.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SUBPIXEL_BITS = 6
# OpenCV fills half a pixel beyond an outline, which would fatten the ribs of small images: fill finer.
_LEAST_FINENESS = 2
_FINE_SIZE = 512


@dataclass(frozen=True)
class Frame:
    """How an image of `size` x `size` pixels lies on the canonical plane.

    `shift` is in canonical units, `zoom` magnifies about the middle, `tilt` turns clockwise, in degrees.
    """

    size: int
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    tilt: float = 0.0

    @cached_property
    def _to_pixels(self) -> NDArray[np.float64]:
        """The 2x3 affine matrix from canonical coordinates to pixel indices."""
        angle = np.deg2rad(self.tilt)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = self.size * self.zoom * turn
        middle = self.size * (0.5 + np.array(self.shift)) - 0.5
        return np.column_stack([linear, middle - linear @ (0.5, 0.5)])

    def pixels(self, points: ArrayLike) -> NDArray[np.float64]:
        """Pixel indices (column, row) of canonical points [N, 2]."""
        return np.asarray(points, float) @ self._to_pixels[:, :2].T + self._to_pixels[:, 2]

    @cached_property
    def grid(self) -> tuple[FloatImage, FloatImage]:
        """Canonical x and y of every pixel's center, each [size, size]."""
        inverse = cv2.invertAffineTransform(self._to_pixels).astype(np.float32)
        index = np.arange(self.size, dtype=np.float32)
        columns, rows = index[None, :], index[:, None]
        x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]
        y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]
        return as_floats(x), as_floats(y)

    def fill(self, *polygons: ArrayLike) -> FloatImage:
        """The union of closed polygons of canonical points: the share of each pixel that lies inside."""
        finer = max(_LEAST_FINENESS, -(-_FINE_SIZE // self.size))
        image = np.zeros((self.size * finer, self.size * finer), np.uint8)
        for polygon in polygons:
            fine_pixels = (self.pixels(polygon) + 0.5) * finer - 0.5
            fixed_point = np.round(fine_pixels * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            cv2.fillPoly(image, [fixed_point], 255, shift=_SUBPIXEL_BITS)
        shares = cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return as_floats(shares) / np.float32(255)

    def stroke(self, *lines: tuple[ArrayLike, ArrayLike]) -> FloatImage:
        """The union of lines, each given as canonical points [N, 2] and its width there (a number or [N])."""
        return self.fill(*(ribbon(np.asarray(points, float), width) for points, width in lines))

    def blur(self, image: FloatImage, sigma: float) -> FloatImage:
        """Gaussian blur with `sigma` in canonical units; wide ones are done on a coarser grid, for speed."""
        sigma_pixels = sigma * self.size * self.zoom
        coarser = int(sigma_pixels // 4)
        if coarser < 2:
            return gaussian(image, sigma_pixels)
        coarse_size = max(self.size // coarser, 8)
        coarse = as_floats(cv2.resize(image, (coarse_size, coarse_size), interpolation=cv2.INTER_AREA))
        coarse = gaussian(coarse, sigma_pixels * coarse_size / self.size)
        return as_floats(cv2.resize(coarse, (self.size, self.size), interpolation=cv2.INTER_CUBIC))

    def cloud(self, grain: int, rng: np.random.Generator) -> FloatImage:
        """A smooth random field of mean 0 and standard deviation near 1, about `grain` lumps across.

        The lumps do not depend on the size, so that an image drawn smaller is the same image.
        """
        lumps = rng.standard_normal((grain, grain)).astype(np.float32)
        return as_floats(cv2.resize(lumps, (self.size, self.size), interpolation=cv2.INTER_CUBIC))


def smooth_curve(points: ArrayLike, closed: bool = False, rounds: int = 3) -> NDArray[np.float64]:
    """Round off a polyline [N, 2] by corner cutting (Chaikin 1974); open ends stay where they are."""
    curve = np.asarray(points, float)
    for _ in range(rounds):
        ahead = np.roll(curve, -1, axis=0) if closed else curve[1:]
        start = curve if closed else curve[:-1]
        cut = np.stack([0.75 * start + 0.25 * ahead, 0.25 * start + 0.75 * ahead], axis=1).reshape(-1, 2)
        curve = cut if closed else np.concatenate([curve[:1], cut, curve[-1:]])
    return curve


def ribbon(points: NDArray[np.float64], width: ArrayLike) -> NDArray[np.float64]:
    """The outline of a line [N, 2] drawn with a width (a number or [N]): a polygon [2N, 2]."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    half = 0.5 * np.broadcast_to(np.asarray(width, float), len(points))[:, None] * across
    return np.concatenate([points + half, (points - half)[::-1]])


def ellipse(
    center: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
) -> NDArray[np.float64]:
    """An ellipse's outline [64, 2]; `turn` in degrees, clockwise on the image."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return np.column_stack([center[0] + cos * x - sin * y, center[1] + sin * x + cos * y])


def smooth_step(value: FloatImage, low: float, high: float) -> FloatImage:
    """0 below `low`, 1 above `high` (or the other way round where high < low), a cubic between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return as_floats(t * t * (3 - 2 * t))


def gaussian(image: FloatImage, sigma_pixels: float) -> FloatImage:
    """Gaussian blur with `sigma_pixels`; none where that is too small to matter."""
    if sigma_pixels < 0.1:
        return image
    return as_floats(cv2.GaussianBlur(image, (0, 0), sigma_pixels, borderType=cv2.BORDER_REPLICATE))


def as_floats(image: ArrayLike) -> FloatImage:
    """The image as float32, copied only where it is not."""
    return np.asarray(image, np.float32)
