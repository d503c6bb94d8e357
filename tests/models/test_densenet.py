"""DenseNets against the published counts; their numbers are compared with torch's in tests/parity."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.densenet import DenseNet, DenseNetConfig
from cxr_cli.models.network import outline
from cxr_cli.models.stages import stage_numbers

NARROW = DenseNetConfig(stem=4, growth=2, depths=(1, 2, 1, 1))


def narrow(classes: int | None = 3) -> DenseNet:
    return DenseNet(NARROW, classes, lowering="native", rng=np.random.default_rng(0))


def images(batch: int, size: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


@pytest.mark.parametrize(
    ("arch", "published", "stem"),
    [("densenet121", 7_978_856, 7 * 7 * 64), ("densenet161", 28_681_000, 7 * 7 * 96)],
)
def test_parameters_are_the_published_ones_but_for_the_gray_stem(
    arch: str, published: int, stem: int
) -> None:
    network, variables = outline(NetworkSpec(arch, 1.0, 224, 1000, siamese=False))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
    # A kernel for each of three colors; ours has a kernel and an offset.
    assert count == published - 3 * stem + 2 * stem
    assert set(jax.tree.leaves(stage_numbers(variables.params, network.stages))) == set(range(7))


def test_each_layer_adds_its_growth_and_each_transition_halves() -> None:
    network = narrow()
    # 4 + 2 = 6, halved 3, + 2 * 2 = 7, halved 3, + 2 = 5, halved 2, + 2 = 4.
    assert [block.layers[0].norm1.scale.shape for block in network.stages] == [(4,), (3,), (3,), (2,)]
    assert network.embedding_size == 4


def test_the_last_map_is_a_32nd_of_the_image_and_transitions_round_down() -> None:
    network = narrow()
    assert jax.eval_shape(network.features, images(1, 64)).shape == (1, 2, 2, 4)
    # 97, stem 49, pool 25, transitions 12, 6, 3.
    assert jax.eval_shape(network.features, images(1, 97)).shape == (1, 3, 3, 4)


def test_padding_changes_neither_logits_nor_statistics(
    assert_padding_counts_for_nothing: Callable[..., None],
) -> None:
    assert_padding_counts_for_nothing(narrow(), narrow(), images(3, 64))


def test_without_classes_there_are_no_logits() -> None:
    with pytest.raises(TypeError, match="DenseNet was built without classes"):
        narrow(classes=None).head(jnp.zeros((1, 1, 1, 4)))


def test_another_width_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"`width` 0\.5: densenet121 has one width"):
        outline(NetworkSpec("densenet121", 0.5, 224, 3, siamese=False))
