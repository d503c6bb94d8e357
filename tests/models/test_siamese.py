"""The siamese head: a symmetric weighted distance over one backbone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.siamese import Siamese

SIZE = 8


class Pixels(nnx.Module):
    """A backbone without parameters, whose vector is the image's first pixels."""

    STAGES = (("none",), ("classifier",))
    embedding_size = 3

    def features(self, x: Array, mask: Array | None = None) -> Array:  # noqa: ARG002
        return x

    def embedding(self, features: Array) -> Array:
        return features[:, 0, :3, 0]


def over_covidnet() -> Siamese:
    rng = np.random.default_rng(0)
    config = CovidNetConfig(stem=8, stages=(8, 16), depths=(1, 2), fc=(16, 12))
    return Siamese(CovidNet(config, SIZE, None, lowering="product", rng=rng), rng=rng)


def images(seed: int, batch: int = 5) -> Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal((batch, SIZE, SIZE, 1)), jnp.float32)


@pytest.fixture
def by_hand() -> Siamese:
    network = Siamese(Pixels(), rng=np.random.default_rng(0))
    network.alpha[...] = jnp.array([1.0, 2.0, -0.5])
    network.bias[...] = jnp.array(0.25)
    return network


def test_the_distance_worked_out_by_hand(by_hand: Siamese) -> None:
    x, y = jnp.array([1.0, 0.0, 2.0]), jnp.array([0.0, 3.0, 6.0])
    assert float(by_hand.difference(x, y)) == 1 * 1 + 2 * 3 - 0.5 * 4 + 0.25
    assert float(by_hand.difference(x, x)) == 0.25


def test_two_batches_of_images_are_compared_one_by_one(by_hand: Siamese) -> None:
    first, second = jnp.zeros((2, 1, 3, 1)), jnp.array([[1.0, 1.0, 1.0], [0.0, 2.0, 0.0]])[:, None, :, None]
    np.testing.assert_array_equal(by_hand(first, second), [1 + 2 - 0.5 + 0.25, 4.25])


def test_vectors_broadcast(by_hand: Siamese) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 3)).astype(np.float32), rng.standard_normal((5, 3)).astype(np.float32)
    table = by_hand.difference(jnp.asarray(x)[:, None], jnp.asarray(y)[None])
    assert table.shape == (4, 5)
    for i, j in np.ndindex(4, 5):
        weights = np.array([1.0, 2.0, -0.5])
        assert float(table[i, j]) == pytest.approx((weights * np.abs(x[i] - y[j])).sum() + 0.25, abs=1e-6)


def test_the_difference_is_symmetric_to_the_last_bit() -> None:
    network = over_covidnet()
    graph, state = nnx.split(network)
    compare = jax.jit(lambda state, x, y: nnx.merge(graph, state)(x, y))
    one, other = compare(state, images(1), images(2)), compare(state, images(2), images(1))
    assert len(np.unique(one)) == 5
    np.testing.assert_array_equal(one, other)


def test_vectors_of_any_size_compare_alike_either_way(by_hand: Siamese) -> None:
    rng = np.random.default_rng(0)
    x, y = (jnp.asarray(rng.standard_normal((300, 3)) * 10.0 ** rng.integers(-6, 7, (300, 3))) for _ in "xy")
    np.testing.assert_array_equal(by_hand.difference(x, y), by_hand.difference(y, x))


def test_there_is_one_backbone() -> None:
    network = over_covidnet()

    def count(module: nnx.Module) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module, nnx.Param)))

    assert count(network) == count(network.backbone) + 12 + 1
    assert network.alpha.shape == (12,)


def test_both_images_teach_the_one_backbone() -> None:
    """The gradient of a comparison is the sum of those through its first and through its second image."""
    graph, state = nnx.split(over_covidnet())

    def gradient(through_first: bool, through_second: bool) -> nnx.State:
        def total(state: nnx.State) -> Array:
            network = nnx.merge(graph, state)
            x, y = network.embed(images(1)), network.embed(images(2))
            x = x if through_first else jax.lax.stop_gradient(x)
            y = y if through_second else jax.lax.stop_gradient(y)
            return network.difference(x, y).sum()

        return jax.grad(total)(state)["backbone"]

    both, first, second = jax.jit(
        lambda: (gradient(True, True), gradient(True, False), gradient(False, True))
    )()
    assert any(
        (jnp.abs(a - b) > 1e-3).any() for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True)
    )
    jax.tree.map(lambda b, f, s: np.testing.assert_allclose(b, f + s, rtol=0, atol=1e-4), both, first, second)


def test_the_first_weights_say_that_distance_is_difference() -> None:
    network = over_covidnet()
    assert (network.alpha[...] > 0).all()
    assert float(network.bias[...]) == 0
