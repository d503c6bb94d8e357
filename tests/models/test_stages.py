"""Stages: counted from the image on, each array in one, and frozen statistics."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.nn.normalization import BatchNorm
from cxr_cli.models.stages import freeze_statistics, frozen_stages, stage_numbers

STAGES = (("stem",), ("blocks.0", "bridge"), ("blocks.1",), ("classifier",))


class Network(nnx.Module):
    def __init__(self) -> None:
        self.stem = BatchNorm(2)
        self.blocks = nnx.List([BatchNorm(2), BatchNorm(2)])


@pytest.mark.parametrize(("freeze", "count"), [("none", 0), ("0", 0), ("2", 2), ("3", 3), ("features", 3)])
def test_stages_freeze_from_the_image_on(freeze: str, count: int) -> None:
    assert frozen_stages(freeze, STAGES) == count


@pytest.mark.parametrize("freeze", ["4", "-1", "all", "1.5", ""])
def test_what_freezes_nothing_known_or_everything_is_refused(freeze: str) -> None:
    with pytest.raises(
        InvalidSetting, match=r"a number of stages up to 3, from the image on: stem, blocks\.0"
    ):
        frozen_stages(freeze, STAGES)


def test_each_array_is_in_one_stage() -> None:
    arrays = {"stem": {"kernel": 1}, "blocks": {0: {"kernel": 1}, 1: {"bias": 1}}, "bridge": {"scale": 1}}
    expected = {"stem": {"kernel": 0}, "blocks": {0: {"kernel": 1}, 1: {"bias": 2}}, "bridge": {"scale": 1}}
    assert stage_numbers(arrays, STAGES) == expected


@pytest.mark.parametrize("arrays", [{"stems": {"kernel": 1}}, {"blocks": {10: {"kernel": 1}}}])
def test_an_array_without_a_stage_is_a_fault(arrays: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="is in 0 of the stages"):
        stage_numbers(arrays, STAGES)


def test_frozen_statistics_stay_and_are_used_in_training_too() -> None:
    network = Network()
    freeze_statistics(network, STAGES[:2])
    x, mask = jnp.full((2, 3, 3, 2), 7.0), jnp.ones(2, bool)
    for norm in (network.stem, network.blocks[0]):
        np.testing.assert_allclose(norm(x, mask), x, rtol=1e-4)
        np.testing.assert_array_equal(norm.mean[...], [0.0, 0.0])
    # Rounding of 7 over a standard deviation of sqrt(1e-5).
    np.testing.assert_allclose(network.blocks[1](x, mask), 0.0, atol=1e-3)
    np.testing.assert_allclose(network.blocks[1].mean[...], [0.7, 0.7], rtol=1e-6)
