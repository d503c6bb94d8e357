"""A phantom patient: the proportions that all images of the patient share.

Lengths are canonical units (see canvas). A side is -1 for the patient's right (small x) and +1 for the
left; `u` is the distance from the midline towards a side, x = MIDLINE + side * u.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MIDLINE = 0.5
RIGHT, LEFT = -1, 1
SIDES = (RIGHT, LEFT)

# The average inner chest wall, from the apex to the costophrenic angle: u at y.
_WALL_Y = np.array([0.085, 0.10, 0.13, 0.18, 0.26, 0.36, 0.48, 0.60, 0.70, 0.80, 0.95])
_WALL_U = np.array([0.135, 0.185, 0.225, 0.260, 0.295, 0.322, 0.343, 0.356, 0.362, 0.362, 0.355])
_APEX_Y = float(_WALL_Y[0])


@dataclass(frozen=True)
class Dome:
    """One dome of the diaphragm: highest at (`peak_u`, `peak_y`), falling to both ends."""

    peak_u: float
    peak_y: float
    lateral_drop: float
    medial_drop: float


@dataclass(frozen=True)
class Vessel:
    """A lung vessel on one side: points [N, 2] as (u, y) and the width at each, [N]."""

    side: int
    points: NDArray[np.float64]
    width: NDArray[np.float64]


@dataclass(frozen=True)
class Anatomy:
    """One patient. Factors are 1 for the average; `rotation` shifts the front of the chest sideways."""

    sex: Literal["F", "M"]
    age: int
    chest_width: float
    chest_height: float
    body_width: float
    thickness: float
    bone: float
    heart_width: float
    heart_turn: float
    mediastinum: float
    aorta: float
    rotation: float
    spine_bend: float
    clavicle_slope: float
    rib_pitch: float
    rib_drop: float
    breast: float
    right_dome: Dome
    left_dome: Dome
    vessels: tuple[Vessel, ...]

    def wall(self, y: NDArray[np.floating]) -> NDArray[np.float64]:
        """The inner chest wall's u at heights y."""
        template_y = _APEX_Y + (np.asarray(y) - _APEX_Y) / self.chest_height
        return np.asarray(np.interp(template_y, _WALL_Y, _WALL_U) * self.chest_width)

    def height(self, template_y: float) -> float:
        """The patient's y for a height given on the average chest."""
        return _APEX_Y + (template_y - _APEX_Y) * self.chest_height

    def dome(self, side: int) -> Dome:
        """The dome of one side."""
        return self.right_dome if side == RIGHT else self.left_dome


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a patient, an adult of either sex."""
    sex: Literal["F", "M"] = "F" if rng.random() < 0.5 else "M"
    age = int(rng.integers(18, 91))
    chest_height = rng.uniform(0.93, 1.06)
    right_peak = _APEX_Y + rng.uniform(0.58, 0.635) * chest_height
    return Anatomy(
        sex=sex,
        age=age,
        chest_width=rng.uniform(0.90, 1.06),
        chest_height=chest_height,
        body_width=rng.uniform(0.43, 0.50),
        thickness=rng.uniform(0.85, 1.2),
        bone=rng.uniform(0.8, 1.15) - 0.003 * max(age - 50, 0),
        heart_width=rng.uniform(0.85, 1.2),
        heart_turn=rng.uniform(25, 45),
        mediastinum=rng.uniform(0.85, 1.2),
        aorta=rng.uniform(0.8, 1.25),
        rotation=rng.normal(0, 0.008),
        spine_bend=rng.normal(0, 0.006),
        clavicle_slope=rng.uniform(0.0, 0.07),
        rib_pitch=rng.uniform(0.058, 0.066),
        rib_drop=rng.uniform(0.05, 0.09),
        breast=rng.uniform(0.1, 0.45) if sex == "F" else 0.0,
        right_dome=_draw_dome(right_peak, rng),
        left_dome=_draw_dome(right_peak + rng.uniform(0.005, 0.04), rng),
        vessels=tuple(vessel for side in SIDES for vessel in _draw_vessels(side, chest_height, rng)),
    )


def _draw_dome(peak_y: float, rng: np.random.Generator) -> Dome:
    return Dome(
        peak_u=rng.uniform(0.17, 0.205),
        peak_y=peak_y,
        lateral_drop=rng.uniform(0.075, 0.12),
        medial_drop=rng.uniform(0.02, 0.04),
    )


def _draw_vessels(side: int, chest_height: float, rng: np.random.Generator) -> list[Vessel]:
    """Vessels fan out from the hilum, each forking once, thinner as they go."""
    hilum = np.array([0.075, _APEX_Y + 0.33 * chest_height - 0.012 * (side == LEFT)])
    vessels = []
    for angle in np.linspace(-75, 80, 9) + rng.normal(0, 6, 9):
        width = rng.uniform(0.006, 0.011)
        trunk = _wander(hilum + rng.normal(0, 0.015, 2), angle, rng.uniform(0.08, 0.14), rng)
        vessels.append(Vessel(side, trunk, np.linspace(width, 0.6 * width, len(trunk))))
        for fork in (-1, 1):
            branch = _wander(trunk[-1], angle + fork * rng.uniform(12, 32), rng.uniform(0.07, 0.13), rng)
            vessels.append(Vessel(side, branch, np.linspace(0.55 * width, 0.1 * width, len(branch))))
    return vessels


def _wander(
    start: NDArray[np.float64], angle: float, length: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A line [9, 2] of about that length that leaves `start` at `angle` (degrees, downwards) and bends."""
    turns = np.deg2rad(angle + np.cumsum(rng.normal(0, 9, 8)))
    steps = length / 8 * np.column_stack([np.cos(turns), np.sin(turns)])
    return np.concatenate([start[None], start + np.cumsum(steps, axis=0)])
