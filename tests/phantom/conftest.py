"""Patients and bodies to draw on."""

from collections.abc import Callable

import numpy as np
import pytest

from cxr_cli.phantom.anatomy import draw_anatomy
from cxr_cli.phantom.body import Body, Posture, lay_body
from cxr_cli.phantom.canvas import Frame


@pytest.fixture
def body_of() -> Callable[..., Body]:
    """A body by its patient's seed, on an image placed a little askew."""

    def lay(seed: int, size: int = 160) -> Body:
        anatomy = draw_anatomy(np.random.default_rng(seed))
        frame = Frame(size, shift=(0.01, 0.02), zoom=0.97, tilt=2.0)
        return lay_body(anatomy, Posture(lift=0.01, antero_posterior=False, bubble=1.0), frame)

    return lay
