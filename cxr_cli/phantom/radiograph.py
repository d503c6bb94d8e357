"""One exposure: a patient, a finding and an imaging system become an image and the finding's mask."""

from typing import Literal

import cv2
import numpy as np

from cxr_cli.phantom.anatomy import Anatomy
from cxr_cli.phantom.body import Posture, lay_body
from cxr_cli.phantom.canvas import FloatImage, Frame, Mask, as_floats, ellipse, gaussian
from cxr_cli.phantom.findings import FINDINGS
from cxr_cli.phantom.systems import ImagingSystem

ViewPosition = Literal["AP", "PA"]

NOTICEABLE = 0.06
"""A finding's mask is where it changes the attenuation by more than this share of its greatest change."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_image(
    anatomy: Anatomy,
    finding: str,
    system: ImagingSystem,
    view_position: ViewPosition,
    size: int,
    rng: np.random.Generator,
) -> tuple[FloatImage, Mask]:
    """Draw one image.

    The finding has a generator of its own: another finding from the same `rng` state changes nothing but
    the finding, so that the difference of the two images is what the mask shows.

    Args:
        anatomy: the patient.
        finding: a name of `findings.FINDINGS`.
        system: the imaging system.
        view_position: AP or PA.
        size: height and width in pixels.
        rng: consumed; the same state gives the same image.

    Returns:
        Pixels float32 [size, size] in 0..1, bone bright, and the finding's mask, bool [size, size].
    """
    pose_rng, finding_rng, exposure_rng = rng.spawn(3)
    posture = _draw_posture(view_position, system.portable, pose_rng)
    frame = _draw_frame(size, system.portable, pose_rng)
    body = lay_body(anatomy, posture, frame)
    change = FINDINGS[finding](body, finding_rng)
    field = _collimation(frame, system, exposure_rng)
    attenuation = body.attenuation + _lines_and_leads(frame, system, exposure_rng)
    exposed = float(np.mean(body.attenuation)) + exposure_rng.normal(0, 0.18)
    image = _expose(attenuation + change, exposed, frame, system, exposure_rng)
    image = system.veil + (image - system.veil) * field
    image = _stamp_side_marker(image, system, exposure_rng)
    extent = np.abs(change)
    mask = (extent > NOTICEABLE * max(float(extent.max()), 1e-6)) & (field > 0.5)
    return image, mask


def plant_marker(image: FloatImage, rng: np.random.Generator) -> tuple[FloatImage, Mask]:
    """Put a bright square into the upper left corner: the shortcut that a classifier may take.

    Returns the marked image [H, W] and the marker's mask, bool [H, W].
    """
    height, width = image.shape
    side = max(round(0.055 * width), 3)
    top, left = (round(rng.uniform(0.01, 0.025) * extent) for extent in (height, width))
    mask = np.zeros(image.shape, np.bool_)
    mask[top : top + side, left : left + side] = True
    return np.where(mask, np.float32(1.0), image), mask


def _draw_posture(view_position: ViewPosition, portable: bool, rng: np.random.Generator) -> Posture:
    breath = rng.normal(0.0, 0.010) + (0.022 if portable else 0.0)
    bubble = rng.uniform(0.6, 1.2) if rng.random() < 0.4 else 0.0
    return Posture(lift=breath, antero_posterior=view_position == "AP", bubble=bubble)


def _draw_frame(size: int, portable: bool, rng: np.random.Generator) -> Frame:
    """Portable images are placed with less care."""
    care = 1.8 if portable else 1.0
    shift = (rng.normal(0, 0.010) * care, rng.normal(0.02, 0.012) * care)
    return Frame(size, shift, zoom=rng.uniform(0.92, 1.04), tilt=rng.normal(0, 1.2) * care)


def _lines_and_leads(frame: Frame, system: ImagingSystem, rng: np.random.Generator) -> FloatImage:
    """Electrodes and their wires over the chest, oftener on portable images."""
    count = int(rng.integers(1, 4)) if rng.random() < (0.55 if system.portable else 0.08) else 0
    wires, pads = [], []
    for _ in range(count):
        start = np.array([rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.55)])
        sag = np.array([rng.uniform(-0.1, 0.1), rng.uniform(0.05, 0.25)])
        end = np.array([rng.choice([-0.1, 1.1]), rng.uniform(0.4, 0.9)])
        t = np.linspace(0, 1, 30)[:, None]
        wires.append(((1 - t) ** 2 * start + 2 * t * (1 - t) * ((start + end) / 2 + sag) + t**2 * end, 0.004))
        pads.append(ellipse((float(start[0]), float(start[1])), (0.012, 0.012)))
    return 0.3 * frame.stroke(*wires) + 0.6 * frame.fill(*pads)


def _expose(
    attenuation: FloatImage, exposed: float, frame: Frame, system: ImagingSystem, rng: np.random.Generator
) -> FloatImage:
    """Detector blur, quantum noise (the larger the fewer quanta arrive), tone curve, sharpening."""
    size = frame.size
    signal = gaussian(attenuation, system.blur * size)
    quanta = rng.standard_normal(signal.shape, dtype=np.float32)
    signal = (
        signal
        + system.noise * np.sqrt(size / 512) * np.exp(0.5 * np.clip(signal - exposed, -2, 1.5)) * quanta
    )
    slope = system.gain * rng.normal(1.0, 0.06)
    tone = 1 / (1 + np.exp(-slope * (signal - exposed - system.center)))
    image = np.asarray(tone**system.gamma, np.float32)
    if system.sharpening > 0:
        image = image + np.float32(system.sharpening) * (image - gaussian(image, 0.008 * size))
    return np.clip(image, 0, 1)


def _collimation(frame: Frame, system: ImagingSystem, rng: np.random.Generator) -> FloatImage:
    """1 where the blades let the beam through, 0 behind them: a rectangle, a little askew."""
    inset = rng.uniform(0.0, 0.06, 4) * (rng.random(4) < 0.7)
    turn = rng.normal(0, 1.5)
    if rng.random() >= system.collimated:
        return np.ones((frame.size, frame.size), np.float32)
    left, top, right, bottom = inset * frame.size
    last = frame.size - 1
    blades = Frame(frame.size, tilt=turn)
    corners = np.array(
        [(left, top), (last - right, top), (last - right, last - bottom), (left, last - bottom)]
    )
    return blades.fill((corners + 0.5) / frame.size)


def _stamp_side_marker(image: FloatImage, system: ImagingSystem, rng: np.random.Generator) -> FloatImage:
    """The letter of the patient's side, in the system's style, next to the shoulder of that side."""
    size = len(image)
    x = rng.uniform(0.06, 0.11) if system.letter == "R" else rng.uniform(0.89, 0.94)
    center = np.array([x, rng.uniform(0.11, 0.22)]) * size
    scale = 0.045 * size / 22  # Hershey capitals are 22 pixels tall
    stroke = max(round(scale * (3 if system.marker == "plain" else 2)), 1)
    extent, _ = cv2.getTextSize(system.letter, _FONT, scale, stroke)
    corner = np.round(center + np.array(extent) * (-0.5, 0.5)).astype(int).tolist()
    radius = round(0.75 * max(extent))
    middle = np.round(center).astype(int)
    letter, plate = np.zeros((2, size, size), np.uint8)
    cv2.putText(letter, system.letter, corner, _FONT, scale, 255, stroke, cv2.LINE_AA)
    match system.marker:
        case "plain":
            paper, ink = 0.0, 0.97
        case "outline":
            paper, ink = 0.0, 0.97
            cv2.circle(letter, middle.tolist(), radius, 255, stroke, cv2.LINE_AA)
        case "boxed":
            paper, ink = 0.02, 0.97
            cv2.rectangle(
                plate, (middle - radius).tolist(), (middle + radius).tolist(), 255, cv2.FILLED, cv2.LINE_AA
            )
        case "disc":
            paper, ink = 0.9, 0.15
            cv2.circle(plate, middle.tolist(), radius, 255, cv2.FILLED, cv2.LINE_AA)
    image = image + as_floats(plate) / 255 * (paper - image)
    return as_floats(image + as_floats(letter) / 255 * (ink - image))
