"""What every net with batch normalisation must do, asked of each family."""

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
    """Compare a training pass of two films and one of padding with that of the two alone.

    Takes two equal nets, which the passes change, and three films.
    """

    def compare(padded: Backbone, plain: Backbone, three: Array) -> None:
        train = nnx.jit(lambda net, x, mask: net.training_logits(x, mask, None))
        (with_padding,) = train(padded, three, jnp.array([True, True, False]))
        (without,) = train(plain, three[:2], jnp.array([True, True]))
        np.testing.assert_allclose(with_padding[:2], without, rtol=1e-4, atol=1e-5)
        before, after = (
            jax.tree.leaves(nnx.to_pure_dict(nnx.state(net, nnx.BatchStat))) for net in (plain, padded)
        )
        for expected, found in zip(before, after, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    return compare
