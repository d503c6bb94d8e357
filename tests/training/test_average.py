"""The moving average, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.models.network import Variables
from cxr_cli.training.average import moving_average


def variables(param: float, stat: float) -> Variables:
    return Variables({"kernel": jnp.array([param])}, {"mean": jnp.array([stat])})


@pytest.mark.parametrize(
    ("share", "steps", "kept"),
    [(0.9, 0, 0.1), (0.9, 8, 0.5), (0.9, 10_000, 0.9), (0.05, 0, 0.05)],  # (1 + n) / (10 + n) at first
)
def test_the_average_keeps_its_share_and_less_at_first(share: float, steps: int, kept: float) -> None:
    moved = moving_average(variables(2.0, -1.0), variables(4.0, 3.0), share, jnp.int32(steps))
    np.testing.assert_allclose(moved.params["kernel"], [2 * kept + 4 * (1 - kept)], rtol=1e-6)
    np.testing.assert_allclose(moved.stats["mean"], [-kept + 3 * (1 - kept)], rtol=1e-6)
