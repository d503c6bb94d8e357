"""ResNets against the published counts; their numbers are compared with torch's in tests/parity."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import outline
from cxr_cli.models.resnet import ResNet, ResNetConfig
from cxr_cli.models.stages import stage_numbers

NARROW = ResNetConfig((1, 2, 1, 1), stem=4, bottleneck=8, groups=4)


def narrow(classes: int | None = 3) -> ResNet:
    return ResNet(NARROW, classes, lowering="native", rng=np.random.default_rng(0))


def images(batch: int, size: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


@pytest.mark.parametrize(
    ("arch", "published"),
    [
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnext50_32x4d", 25_028_904),
        ("resnext101_32x8d", 88_791_336),
    ],
)
def test_parameters_are_the_published_ones_but_for_the_gray_stem(arch: str, published: int) -> None:
    network, variables = outline(NetworkSpec(arch, 1.0, 224, 1000, siamese=False))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
    # 7 x 7 x 64 for each of three colors; ours has a kernel and an offset.
    assert count == published - 3 * 3_136 + 2 * 3_136
    assert set(jax.tree.leaves(stage_numbers(variables.params, network.stages))) == set(range(6))


def test_the_last_map_is_a_32nd_of_the_image_rounded_up() -> None:
    network = narrow()
    assert network.embedding_size == 128
    assert jax.eval_shape(network.features, images(1, 64)).shape == (1, 2, 2, 128)
    assert jax.eval_shape(network.features, images(1, 97)).shape == (1, 4, 4, 128)


def test_padding_changes_neither_logits_nor_statistics(
    assert_padding_counts_for_nothing: Callable[..., None],
) -> None:
    assert_padding_counts_for_nothing(narrow(), narrow(), images(3, 32))


def test_without_classes_there_are_no_logits() -> None:
    with pytest.raises(TypeError, match="ResNet was built without classes"):
        narrow(classes=None).head(jnp.zeros((1, 1, 1, 128)))


def test_another_width_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"`width` 0\.5: resnet50 has one width"):
        outline(NetworkSpec("resnet50", 0.5, 224, 3, siamese=False))
