"""What a finding adds to, or takes from, the attenuation of a body; each by name in FINDINGS."""

from collections.abc import Callable

import numpy as np

from cxr_cli.phantom.anatomy import LEFT, MIDLINE, RIGHT, SIDES
from cxr_cli.phantom.body import Body
from cxr_cli.phantom.canvas import FloatImage, as_floats, smooth_step

DrawFinding = Callable[[Body, np.random.Generator], FloatImage]

DIAPHRAGM_THICKNESS = 0.009
"""Of the muscle between lung and free air, canonical units (about 3 mm, as on real images)."""


def normal(body: Body, rng: np.random.Generator) -> FloatImage:  # noqa: ARG001 - one signature for all
    """Nothing: zeros [size, size]."""
    return np.zeros_like(body.attenuation)


def pneumonia(body: Body, rng: np.random.Generator) -> FloatImage:
    """A lobar opacity on one side: one patch with ragged borders, an upper one cut off at the fissure."""
    side = RIGHT if rng.random() < 0.55 else LEFT
    upper = rng.random() < 0.35
    anatomy = body.anatomy
    y = (
        anatomy.height(rng.uniform(0.24, 0.33) if upper else rng.uniform(0.50, 0.62))
        - 0.5 * body.posture.lift
    )
    u = rng.uniform(0.16, 0.24) * anatomy.chest_width
    radii = (rng.uniform(0.085, 0.13), rng.uniform(0.085, 0.13))
    patch = _patch(body, side, (u, y), radii, _ragged(body, rng))
    if upper:
        fissure = y + rng.uniform(0.03, 0.07)
        patch = patch * smooth_step(body.frame.grid[1], fissure + 0.006, fissure - 0.006)
    return _strength(rng) * _mottle(body, rng) * patch * body.lungs[side]


def covid19(body: Body, rng: np.random.Generator) -> FloatImage:
    """Patchy opacities on both sides, along the chest wall, mostly in the middle and lower zones."""
    change = np.zeros_like(body.attenuation)
    ragged = _ragged(body, rng)
    for side in SIDES:
        zones = rng.permutation([0.34, 0.46, 0.58, 0.68])[: rng.integers(2, 5)]
        for zone in zones.tolist():
            y = body.anatomy.height(zone + rng.uniform(-0.03, 0.03)) - 0.5 * body.posture.lift
            u = float(body.anatomy.wall(np.array(y))) - rng.uniform(0.02, 0.06)
            radii = (rng.uniform(0.04, 0.065), rng.uniform(0.05, 0.08))
            patch = _patch(body, side, (u, y), radii, ragged)
            change = np.maximum(change, rng.uniform(0.75, 1.0) * patch * body.lungs[side])
    return _strength(rng) * _mottle(body, rng) * change


def pneumoperitoneum(body: Body, rng: np.random.Generator) -> FloatImage:
    """Free air of an upright patient: a dark crescent under one dome of the diaphragm, or both."""
    sides = ((RIGHT,), (LEFT,), SIDES)[rng.choice(3, p=[0.65, 0.1, 0.25])]
    change = np.zeros_like(body.attenuation)
    for side in sides:
        change = np.maximum(change, _crescent(body, side, rng))
    return -rng.uniform(0.85, 1.25) * change


FINDINGS: dict[str, DrawFinding] = {
    "normal": normal,
    "pneumonia": pneumonia,
    "covid19": covid19,
    "pneumoperitoneum": pneumoperitoneum,
}


def _strength(rng: np.random.Generator) -> float:
    """How much an opacity attenuates: from subtle to plain."""
    return float(rng.uniform(0.6, 1.4))


def _mottle(body: Body, rng: np.random.Generator) -> FloatImage:
    """The uneven inside of an opacity, about 0.9."""
    return as_floats(np.clip(0.9 + 0.09 * body.frame.cloud(70, rng), 0.5, 1.1))


def _ragged(body: Body, rng: np.random.Generator) -> FloatImage:
    """How far an opacity's edge strays, as a share of its radius."""
    return 0.10 * body.frame.cloud(11, rng) + 0.07 * body.frame.cloud(37, rng)


def _patch(
    body: Body, side: int, center: tuple[float, float], radii: tuple[float, float], ragged: FloatImage
) -> FloatImage:
    """One opacity about (u, y), 1 inside, fading, exactly 0 outside."""
    x, y = body.frame.grid
    across = (x - (MIDLINE + side * center[0])) / radii[0]
    along = (y - center[1]) / radii[1]
    return smooth_step(np.sqrt(across**2 + along**2) + ragged, 1.2, 0.35)


def _crescent(body: Body, side: int, rng: np.random.Generator) -> FloatImage:
    dome = body.anatomy.dome(side)
    x, _ = body.frame.grid
    u = side * (x - MIDLINE)
    middle = dome.peak_u + rng.uniform(-0.02, 0.03)
    half_width = rng.uniform(0.085, 0.125)
    height = rng.uniform(0.026, 0.052)
    below = body.depth[side] - DIAPHRAGM_THICKNESS
    floor = height * (1 - ((u - middle) / half_width) ** 2)
    air = smooth_step(below, -0.002, 0.002) * smooth_step(floor - below, -0.002, 0.004)
    return as_floats(air * (floor > 0))
