"""The first stages of EfficientNets, side by side, against the whole networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.efficientnet import EfficientNet, EfficientNetConfig
from cxr_cli.models.mid_efficientnet import LAYERS, MidEfficientNet
from cxr_cli.models.network import outline
from cxr_cli.models.registry import parts_of
from cxr_cli.models.stages import stage_numbers

NARROW = EfficientNetConfig(stem=4, channels=(2, 2, 3, 3, 4, 4, 5), depths=(1, 2, 1, 1, 1, 1, 1), top=6)
DEEPER = EfficientNetConfig(stem=3, channels=(2, 3, 2, 2, 5, 4, 5), depths=(1, 1, 2, 1, 2, 1, 1), top=6)


def images(batch: int, size: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


@pytest.fixture(scope="module")
def wholes() -> list[EfficientNet]:
    rng = np.random.default_rng(0)
    return [EfficientNet(config, 3, lowering="native", rng=rng) for config in (NARROW, DEEPER)]


@pytest.fixture(scope="module")
def middle(wholes: list[EfficientNet]) -> MidEfficientNet:
    network = MidEfficientNet((NARROW, DEEPER), 3, lowering="native", rng=np.random.default_rng(1))
    for part, whole in zip(network.networks, wholes, strict=True):
        part.stem = whole.stem
        part.stages = type(part.stages)(whole.stages[:5])
    return network


def test_each_layer_has_the_maps_of_the_whole_networks_side_by_side(
    middle: MidEfficientNet, wholes: list[EfficientNet]
) -> None:
    x = images(2, 33)
    assert tuple(middle.layers()) == LAYERS
    for name in LAYERS[:-1]:
        expected = jnp.concatenate([whole.features(x, until=name) for whole in wholes], -1)
        np.testing.assert_allclose(middle.features(x, until=name), expected, rtol=1e-6)
    fourths_and_fifths = [whole.features(x, until=name) for whole in wholes for name in ("stage4", "stage5")]
    features = middle.features(x)
    assert features.shape == (2, 3, 3, 3 + 4 + 2 + 5)
    np.testing.assert_allclose(features, jnp.concatenate(fourths_and_fifths, -1), rtol=1e-6)


def test_the_vector_has_means_maxima_and_the_zones_means_standardized(middle: MidEfficientNet) -> None:
    maps = images(2, 6 * 14).reshape(2, 6, 14 * 6, 14)[:, :, :4]
    vectors = np.asarray(middle.embedding(maps))
    assert vectors.shape == (2, middle.embedding_size) == (2, 8 * 14)
    np.testing.assert_allclose(vectors[:, :14], maps.mean((1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(vectors[:, 14:28], maps.max((1, 2)))
    zones = maps.reshape(2, 3, 2, 2, 2, 14).mean((2, 4)).reshape(2, 6 * 14)
    np.testing.assert_allclose(vectors[:, 28:], zones, rtol=1e-4, atol=1e-6)
    middle.standardize.mean[...] = jnp.full(112, 0.5)
    middle.standardize.std[...] = jnp.full(112, 2.0)
    np.testing.assert_allclose(middle.embedding(maps), (vectors - 0.5) / 2, rtol=1e-5)


@pytest.mark.parametrize("arch", ["efficientnet_lite0_mid", "efficientnet_lites_mid"])
def test_every_array_of_a_middle_is_in_a_stage(arch: str) -> None:
    network, variables = outline(NetworkSpec(arch, 1.0, 224, 3, siamese=False))
    numbers = stage_numbers(variables.params, network.stages)
    assert set(jax.tree.leaves(numbers)) == set(range(7))
    for member in range(len(parts_of(arch))):
        assert set(jax.tree.leaves(numbers["networks"][member]["stages"][3])) == {4}
