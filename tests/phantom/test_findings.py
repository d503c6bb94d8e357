"""Each finding lies where its name says."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from cxr_cli.phantom.anatomy import LEFT, MIDLINE, RIGHT, SIDES
from cxr_cli.phantom.body import Body
from cxr_cli.phantom.findings import (
    DIAPHRAGM_THICKNESS,
    FINDINGS,
    covid19,
    normal,
    pneumonia,
    pneumoperitoneum,
)

SEEDS = range(8)


def _sides(body: Body, change: np.ndarray) -> set[int]:
    x, _ = body.frame.grid
    return {side for side in SIDES if np.abs(change[side * (x - MIDLINE) > 0]).max() > 0}


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_follows_its_generator(name: str, body_of: Callable[..., Body]) -> None:
    body = body_of(0, 64)
    first, again = (FINDINGS[name](body, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.float32
    assert np.array_equal(first, again)


def test_normal_changes_nothing(body_of: Callable[..., Body]) -> None:
    assert not normal(body_of(0), np.random.default_rng(0)).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_pneumonia_is_one_opacity_in_one_lung(seed: int, body_of: Callable[..., Body]) -> None:
    body = body_of(seed)
    change = pneumonia(body, np.random.default_rng(seed))
    (side,) = _sides(body, change)
    assert change.min() == 0
    assert change.max() > 0.4
    assert (body.lungs[side][change > 0] > 0).all()
    pieces, _ = cv2.connectedComponents((change > 0.2 * change.max()).astype(np.uint8))
    assert pieces - 1 == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_covid19_is_patches_at_the_wall_of_both_lungs(seed: int, body_of: Callable[..., Body]) -> None:
    body = body_of(seed)
    change = covid19(body, np.random.default_rng(seed))
    x, y = body.frame.grid
    assert _sides(body, change) == {RIGHT, LEFT}
    assert change.min() == 0
    assert (body.lungs[RIGHT] + body.lungs[LEFT])[change > 0].min() > 0
    to_wall = body.anatomy.wall(y) - np.abs(x - MIDLINE)
    assert np.average(to_wall, weights=change) < 0.07


@pytest.mark.parametrize("seed", SEEDS)
def test_pneumoperitoneum_is_air_right_below_a_dome(seed: int, body_of: Callable[..., Body]) -> None:
    body = body_of(seed)
    change = pneumoperitoneum(body, np.random.default_rng(seed))
    x, _ = body.frame.grid
    assert change.max() == 0
    assert change.min() < -0.6
    for side in _sides(body, change):
        here = (change < 0) & (side * (x - MIDLINE) > 0)
        depth = body.depth[side][here]
        assert depth.min() > 0.5 * DIAPHRAGM_THICKNESS
        assert depth.max() < 0.08


def test_free_air_is_commonest_on_the_right(body_of: Callable[..., Body]) -> None:
    body = body_of(0, 64)
    seen = [_sides(body, pneumoperitoneum(body, np.random.default_rng(seed))) for seed in range(60)]
    assert sum(RIGHT in sides for sides in seen) > 45
    assert {LEFT} in seen
    assert {LEFT, RIGHT} in seen


@pytest.mark.parametrize("draw", [pneumonia, covid19])
def test_strength_goes_from_subtle_to_plain(
    draw: Callable[..., np.ndarray], body_of: Callable[..., Body]
) -> None:
    body = body_of(0, 64)
    peaks = [draw(body, np.random.default_rng(seed)).max() for seed in range(40)]
    assert min(peaks) > 0.3
    assert max(peaks) > 1.7 * min(peaks)
