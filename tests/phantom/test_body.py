"""The attenuation of a patient: what must be brighter than what, and where things lie."""

from collections.abc import Callable

import numpy as np
import pytest

from cxr_cli.phantom.anatomy import LEFT, MIDLINE, RIGHT, draw_anatomy
from cxr_cli.phantom.body import Body

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_air_then_lung_then_chest_wall_then_abdomen(seed: int, body_of: Callable[..., Body]) -> None:
    body = body_of(seed)
    x, y = body.frame.grid

    def at(u: float, height: float) -> float:
        near = (np.abs(x - MIDLINE - u) < 0.02) & (np.abs(y - height) < 0.02)
        return float(body.attenuation[near].mean())

    air, lung, abdomen, spine = at(0.44, -0.02), at(-0.2, 0.4), at(-0.18, 0.88), at(0.0, 0.6)
    assert air < 0.3 < lung < at(-0.43, 0.3) < abdomen
    assert spine > lung + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_two_lungs_are_apart_and_end_at_the_diaphragm(seed: int, body_of: Callable[..., Body]) -> None:
    body = body_of(seed)
    x, _ = body.frame.grid
    for side in (RIGHT, LEFT):
        inside = body.lungs[side] > 0.5
        assert 0.06 < inside.mean() < 0.25
        assert (side * (x[inside] - MIDLINE) > 0).all()
        assert (body.depth[side][inside] < 0.005).all()


def test_the_left_dome_is_the_lower_one() -> None:
    for seed in SEEDS:
        anatomy = draw_anatomy(np.random.default_rng(seed))
        assert anatomy.left_dome.peak_y > anatomy.right_dome.peak_y


def test_the_heart_lies_more_to_the_left(body_of: Callable[..., Body]) -> None:
    excess = []
    for seed in SEEDS:
        body = body_of(seed)
        x, y = body.frame.grid
        row = (y > body.anatomy.right_dome.peak_y - 0.1) & (y < body.anatomy.right_dome.peak_y - 0.04)
        left = body.attenuation[row & (np.abs(x - MIDLINE - 0.12) < 0.03)].mean()
        right = body.attenuation[row & (np.abs(x - MIDLINE + 0.12) < 0.03)].mean()
        excess.append(left - right)
    assert min(excess) > 0.2


def test_a_smaller_image_is_the_same_image(body_of: Callable[..., Body]) -> None:
    fine = body_of(1, 256).attenuation.reshape(128, 2, 128, 2).mean((1, 3))
    coarse = body_of(1, 128).attenuation
    assert np.corrcoef(fine.ravel(), coarse.ravel())[0, 1] > 0.99


def test_patients_differ() -> None:
    drawn = [draw_anatomy(np.random.default_rng(seed)) for seed in range(40)]
    assert {anatomy.sex for anatomy in drawn} == {"F", "M"}
    assert all(18 <= anatomy.age <= 90 for anatomy in drawn)
    assert np.std([anatomy.heart_width for anatomy in drawn]) > 0.05
    assert np.std([anatomy.chest_width for anatomy in drawn]) > 0.02
