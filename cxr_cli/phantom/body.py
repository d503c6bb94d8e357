"""The patient before the detector: how much each structure attenuates, on one image's frame.

Attenuation is in natural logarithms of intensity, up to a factor: 0 is free air, about 1 a lung, 2.5 the
chest wall and 4 the spine behind the heart.
"""

from dataclasses import dataclass

import numpy as np

from cxr_cli.phantom.anatomy import LEFT, MIDLINE, RIGHT, SIDES, Anatomy
from cxr_cli.phantom.canvas import FloatImage, Frame, as_floats, ellipse, smooth_curve, smooth_step


@dataclass(frozen=True)
class Posture:
    """What differs between two images of one patient, other than the frame.

    `lift` raises the diaphragm (a shallow breath), in canonical units; on an `antero_posterior` image
    the heart is larger and the shoulder blades overlie the lungs; `bubble` is the size of the stomach's
    air, 1 the common one, 0 for none.
    """

    lift: float
    antero_posterior: bool
    bubble: float


@dataclass(frozen=True)
class Body:
    """A patient laid on a frame.

    `attenuation` [size, size]; `lungs` maps a side to its aerated field, 0..1; `depth` maps a side to the
    distance below that side's dome of the diaphragm, negative above, in canonical units.
    """

    anatomy: Anatomy
    posture: Posture
    frame: Frame
    attenuation: FloatImage
    lungs: dict[int, FloatImage]
    depth: dict[int, FloatImage]


def lay_body(anatomy: Anatomy, posture: Posture, frame: Frame) -> Body:
    """Add up what stands in the beam."""
    x, _ = frame.grid
    u = np.abs(x - MIDLINE)
    depth = {side: _depth_below_dome(anatomy, posture, frame, side, u) for side in SIDES}
    lungs = {side: _lung(anatomy, frame, side, depth[side]) for side in SIDES}
    both = lungs[RIGHT] + lungs[LEFT]
    bones = (
        _ribs(anatomy, frame)
        + _spine(anatomy, frame)
        + _clavicles(anatomy, posture, frame)
        + _shoulder_blades(posture, frame)
    )
    attenuation = (
        _soft_tissue(anatomy, frame)
        - 1.6 * both * (0.35 + 0.65 * frame.blur(both, 0.05))
        + _abdomen(anatomy, frame, depth)
        + _mediastinum(anatomy, posture, frame)
        + _vessels(anatomy, frame) * (both > 0.5)
        + anatomy.bone * bones
        + _breasts(anatomy, frame)
        - _airways(anatomy, frame)
        - _stomach_bubble(anatomy, posture, frame, depth[LEFT])
    )
    return Body(anatomy, posture, frame, np.maximum(attenuation, 0), lungs, depth)


def _depth_below_dome(
    anatomy: Anatomy, posture: Posture, frame: Frame, side: int, u: FloatImage
) -> FloatImage:
    dome = anatomy.dome(side)
    _, y = frame.grid
    lateral_end = float(anatomy.wall(np.array(dome.peak_y)))
    outward = (u - dome.peak_u) / (lateral_end - dome.peak_u)
    inward = (dome.peak_u - u) / (dome.peak_u - 0.06)
    drop = np.where(
        u > dome.peak_u,
        dome.lateral_drop * np.clip(outward, 0, 1.5) ** 2.4,
        dome.medial_drop * np.clip(inward, 0, 1) ** 2,
    )
    return np.asarray(y - (dome.peak_y - posture.lift + drop), np.float32)


def _lung(anatomy: Anatomy, frame: Frame, side: int, depth: FloatImage) -> FloatImage:
    heights = np.linspace(anatomy.height(0.085), 0.95, 40)
    wall = np.column_stack([MIDLINE + side * anatomy.wall(heights), heights])
    medial_u = np.array([0.095, 0.072, 0.06, 0.055, 0.055])
    medial_y = np.array([anatomy.height(y) for y in (0.09, 0.16, 0.3, 0.5, 0.0)])
    medial_y[-1] = 0.95
    medial = np.column_stack([MIDLINE + side * medial_u, medial_y])
    outline = frame.fill(smooth_curve(np.concatenate([wall, medial[::-1]]), closed=True, rounds=2))
    return frame.blur(outline, 0.003) * smooth_step(depth, 0.004, -0.004)


def _soft_tissue(anatomy: Anatomy, frame: Frame) -> FloatImage:
    """Trunk, neck, shoulders and upper arms, thicker towards the middle."""
    width = anatomy.body_width
    half = [(0.0, -0.4), (0.105, -0.4), (0.105, -0.06), (0.12, 0.02), (0.20, 0.055), (0.36, 0.09)]
    trunk = [
        *half,
        (width + 0.03, 0.2),
        (width - 0.01, 0.42),
        (width - 0.03, 0.7),
        (width - 0.02, 1.3),
        (0.0, 1.3),
    ]
    arm = [
        (0.40, 0.11),
        (0.52, 0.15),
        (0.60, 0.35),
        (0.66, 1.3),
        (0.55, 1.3),
        (width + 0.02, 0.5),
        (0.42, 0.3),
    ]
    outlines = [
        np.array([(MIDLINE + side * u, y) for u, y in smooth_curve(part)])
        for side in SIDES
        for part in (trunk, arm)
    ]
    outline = frame.fill(*outlines)
    skin, depth = frame.blur(outline, 0.006), frame.blur(outline, 0.06)
    return anatomy.thickness * skin * (0.5 + 2.1 * depth)


def _abdomen(anatomy: Anatomy, frame: Frame, depth: dict[int, FloatImage]) -> FloatImage:
    """Liver on the right, spleen and bowel on the left: denser than the chest wall, inside the cage alone."""
    x, _ = frame.grid
    right = smooth_step(depth[RIGHT], -0.004, 0.004) * (x < MIDLINE)
    left = smooth_step(depth[LEFT], -0.004, 0.004) * (x >= MIDLINE)
    below = np.clip(np.minimum(depth[RIGHT], depth[LEFT]), 0, 0.3)
    inside = smooth_step(np.abs(x - MIDLINE), float(anatomy.wall(np.array(0.8))) + 0.06, 0.25)
    return as_floats(inside * (0.8 * right + 0.65 * left + 1.2 * below))


def _mediastinum(anatomy: Anatomy, posture: Posture, frame: Frame) -> FloatImage:
    front = MIDLINE + anatomy.rotation
    size = anatomy.heart_width * (1.12 if posture.antero_posterior else 1.0)
    base = min(anatomy.right_dome.peak_y, anatomy.left_dome.peak_y) - posture.lift
    ventricle = ellipse((front + 0.055 * size, base - 0.035), (0.165 * size, 0.115), anatomy.heart_turn)
    atrium = ellipse((front - 0.030 * size, base - 0.055), (0.085 * size, 0.12))
    great_vessels = smooth_curve(
        [
            (front - 0.062 * anatomy.mediastinum, anatomy.height(0.12)),
            (front - 0.066 * anatomy.mediastinum, anatomy.height(0.35)),
            (front - 0.08, base + 0.09),
            (front + 0.10, base + 0.09),
            (front + 0.066 * anatomy.mediastinum, anatomy.height(0.36)),
            (front + 0.058 * anatomy.mediastinum, anatomy.height(0.12)),
        ],
        closed=True,
    )
    knob = ellipse((front + 0.055 * anatomy.aorta, anatomy.height(0.275)), (0.036 * anatomy.aorta, 0.04))
    heart = frame.blur(frame.fill(ventricle, atrium), 0.006)
    vessels = frame.blur(frame.fill(great_vessels, knob), 0.006)
    shade = np.maximum(heart, 0.8 * vessels)
    return as_floats(1.1 * shade * (0.5 + 0.6 * frame.blur(shade, 0.04)))


def _vessels(anatomy: Anatomy, frame: Frame) -> FloatImage:
    lines = [
        (np.column_stack([MIDLINE + v.side * v.points[:, 0], v.points[:, 1]]), v.width)
        for v in anatomy.vessels
    ]
    hila = [
        ellipse(
            (MIDLINE + side * 0.085, anatomy.height(0.415 - 0.012 * (side == LEFT))),
            (0.022, 0.045),
            side * -15,
        )
        for side in SIDES
    ]
    trees = frame.blur(frame.stroke(*lines), 0.002)
    return 0.22 * trees + 0.30 * frame.blur(frame.fill(*hila), 0.014)


def _ribs(anatomy: Anatomy, frame: Frame) -> FloatImage:
    posterior = _tubes(frame, [_posterior_rib(anatomy, side, k) for side in SIDES for k in range(11)], 0.019)
    anterior = _tubes(frame, [_anterior_rib(anatomy, side, k) for side in SIDES for k in range(1, 8)], 0.020)
    return 0.30 * posterior + 0.18 * anterior


def _tubes(frame: Frame, lines: list[np.ndarray], width: float) -> FloatImage:
    """Hollow bones: the rims are denser than the marrow."""
    outer = frame.stroke(*((line, width) for line in lines))
    marrow = frame.stroke(*((line, 0.55 * width) for line in lines))
    return frame.blur(outer - 0.4 * marrow, 0.0018)


def _posterior_rib(anatomy: Anatomy, side: int, k: int) -> np.ndarray:
    t = np.linspace(0, 1, 24)
    y = anatomy.height(0.10) + k * anatomy.rib_pitch * anatomy.chest_height
    heights = y + (0.6 + 0.07 * k) * anatomy.rib_drop * t**2.2 - 0.02 * np.sin(np.pi * t)
    u = 0.025 + t * (anatomy.wall(heights) - 0.02)
    return np.column_stack([MIDLINE + side * u, heights])


def _anterior_rib(anatomy: Anatomy, side: int, k: int) -> np.ndarray:
    outer = _posterior_rib(anatomy, side, k)[-1]
    t = np.linspace(0, 1, 20)
    reach = 0.62 - 0.035 * k
    x = outer[0] + (MIDLINE + anatomy.rotation - outer[0]) * reach * t
    return np.column_stack([x, outer[1] + (0.115 + 0.008 * k) * t**0.75])


def _spine(anatomy: Anatomy, frame: Frame) -> FloatImage:
    y = np.linspace(-0.4, 1.4, 60)
    midline = MIDLINE + anatomy.spine_bend * np.sin(2 * np.pi * y)
    column = frame.stroke((np.column_stack([midline, y]), 0.062 + 0.012 * y))
    discs = [
        ([(MIDLINE - 0.03, height), (MIDLINE, height + 0.002), (MIDLINE + 0.03, height)], 0.010)
        for height in np.arange(-0.39, 1.4, 0.058 * anatomy.chest_height)
    ]
    return frame.blur(0.4 * column - 0.12 * frame.stroke(*discs) * column, 0.003)


def _clavicles(anatomy: Anatomy, posture: Posture, frame: Frame) -> FloatImage:
    top = anatomy.height(0.155) - (0.035 if posture.antero_posterior else 0.0)
    rise = anatomy.clavicle_slope
    lines = []
    for side in SIDES:
        u = np.array([0.035, 0.10, 0.18, 0.27, 0.37])
        y = top + np.array([0.015, -0.005, 0.002, -0.02, -0.03]) - rise * (u - 0.035) / 0.34
        lines.append(smooth_curve(np.column_stack([MIDLINE + side * u + anatomy.rotation, y])))
    return 0.36 * _tubes(frame, lines, 0.026)


def _shoulder_blades(posture: Posture, frame: Frame) -> FloatImage:
    """Humeral heads and scapulae; a PA image turns the scapulae out of the lung fields."""
    inset = 0.26 if posture.antero_posterior else 0.325
    blades, heads = [], []
    for side in SIDES:
        blade = [
            (inset + 0.10, 0.14),
            (inset, 0.17),
            (inset - 0.005, 0.27),
            (inset + 0.045, 0.42),
            (inset + 0.075, 0.28),
        ]
        blades.append(np.array([(MIDLINE + side * u, y) for u, y in smooth_curve(blade, closed=True)]))
        heads.append(ellipse((MIDLINE + side * 0.445, 0.155), (0.04, 0.045)))
        heads.append(
            np.array(
                [(MIDLINE + side * u, y) for u, y in ((0.43, 0.17), (0.475, 0.17), (0.56, 0.6), (0.52, 0.6))]
            )
        )
    return 0.16 * frame.blur(frame.fill(*blades), 0.003) + 0.3 * frame.blur(frame.fill(*heads), 0.004)


def _breasts(anatomy: Anatomy, frame: Frame) -> FloatImage:
    if anatomy.breast == 0:
        return np.zeros((frame.size, frame.size), np.float32)
    low = anatomy.height(0.60)
    outlines = [ellipse((MIDLINE + side * 0.235, low), (0.135, 0.13)) for side in SIDES]
    return anatomy.breast * frame.blur(frame.fill(*outlines), 0.012)


def _airways(anatomy: Anatomy, frame: Frame) -> FloatImage:
    """Trachea and the two main bronchi, dark in the mediastinum."""
    carina = (MIDLINE + 0.8 * anatomy.rotation, anatomy.height(0.34))
    lines = [([(MIDLINE, -0.3), (MIDLINE + 0.3 * anatomy.rotation, 0.05), carina], 0.034)]
    lines += [([carina, (carina[0] + side * 0.05, carina[1] + 0.045)], 0.02) for side in SIDES]
    return 0.42 * frame.blur(frame.stroke(*lines), 0.005)


def _stomach_bubble(anatomy: Anatomy, posture: Posture, frame: Frame, depth: FloatImage) -> FloatImage:
    """Air over a fluid level in the upright stomach, well below the left dome."""
    if posture.bubble == 0:
        return np.zeros((frame.size, frame.size), np.float32)
    _, y = frame.grid
    top = anatomy.left_dome.peak_y - posture.lift + 0.03
    tall = 0.075 * posture.bubble
    air = frame.fill(ellipse((MIDLINE + 0.17, top + tall), (0.085 * posture.bubble, tall)))
    level = top + 1.15 * tall
    return 0.75 * frame.blur(air * smooth_step(y, level + 0.003, level - 0.003) * (depth > 0), 0.003)
