"""Inception v3 against the published count; its numbers are compared with torch's in tests/parity."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.inception import InceptionConfig, InceptionV3
from cxr_cli.models.network import outline
from cxr_cli.models.stages import stage_numbers

NARROW = InceptionConfig(narrower=16)


def narrow(classes: int | None = 3) -> InceptionV3:
    return InceptionV3(NARROW, classes, lowering="native", rng=np.random.default_rng(0))


def images(batch: int, size: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


def test_parameters_are_the_published_ones_but_for_the_gray_stem() -> None:
    network, variables = outline(NetworkSpec("inception_v3", 1.0, 299, 1000, siamese=False))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
    # 3 x 3 x 32 for each of three colors; ours has a kernel and an offset.
    assert count == 27_161_264 - 3 * 288 + 2 * 288
    assert set(jax.tree.leaves(stage_numbers(variables.params, network.stages))) == set(range(7))


@pytest.mark.parametrize(("size", "height"), [(75, 1), (97, 1), (224, 5), (299, 8)])
def test_the_last_map_is_as_in_torchvision(size: int, height: int) -> None:
    network = nnx.eval_shape(narrow)
    shape = nnx.eval_shape(lambda network, x: network.features(x), network, images(1, size)).shape
    assert shape == (1, height, height, 128)


def test_a_image_below_299_has_no_room_for_the_auxiliary_head() -> None:
    with pytest.raises(InvalidSetting, match=r"`size` 224: inception_v3 needs images of 299 pixels or more"):
        outline(NetworkSpec("inception_v3", 1.0, 224, 3, siamese=False))


def test_without_classes_there_is_no_auxiliary_head_and_there_are_no_logits() -> None:
    network = nnx.eval_shape(lambda: narrow(classes=None))
    assert network.auxiliary is None
    with pytest.raises(TypeError, match="InceptionV3 was built without classes"):
        network.head(jnp.zeros((1, 1, 1, 128)))


def test_only_training_drops_a_part_of_the_embedding() -> None:
    network = narrow()
    features = jnp.ones((2, 8, 8, 128))
    keys = jax.random.split(jax.random.key(0), 2)
    dropped, whole = network.head(features, keys), network.head(features)
    np.testing.assert_array_equal(whole[0], whole[1])
    assert not np.allclose(dropped[0], dropped[1])


def test_every_layer_normalizes_with_the_published_epsilon() -> None:
    norms = [part.epsilon for _, part in nnx.iter_modules(narrow()) if type(part).__name__ == "BatchNorm"]
    # 94 convolutions and the auxiliary head's two.
    assert norms == [1e-3] * 96
