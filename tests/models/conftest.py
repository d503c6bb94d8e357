"""What every network with batch normalization must do, asked of each family."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from cxr_cli.models.backbone import Backbone


@pytest.fixture(scope="session")
def assert_padding_counts_for_nothing() -> Callable[[Backbone, Backbone, Array], None]:
    """Compare a training pass of two images and one of padding with that of the two alone.

    Takes two equal networks, which the passes change, and three images.
    """

    def compare(padded: Backbone, plain: Backbone, three: Array) -> None:
        train = nnx.jit(lambda network, x, mask: network.training_logits(x, mask, None))
        (with_padding,) = train(padded, three, jnp.array([True, True, False]))
        (without,) = train(plain, three[:2], jnp.array([True, True]))
        np.testing.assert_allclose(with_padding[:2], without, rtol=1e-4, atol=1e-5)
        before, after = (
            jax.tree.leaves(nnx.to_pure_dict(nnx.state(network, nnx.BatchStat)))
            for network in (plain, padded)
        )
        for expected, found in zip(before, after, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    return compare
