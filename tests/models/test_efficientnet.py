"""EfficientNet-Lite against the published shapes; its numbers are compared with timm's in tests/parity."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.efficientnet import LITE0, LITE1, LITE2, EfficientNet, EfficientNetConfig
from cxr_cli.models.network import outline
from cxr_cli.models.nn.normalization import BatchNorm
from cxr_cli.models.stages import stage_numbers

NARROW = EfficientNetConfig(stem=4, channels=(2, 2, 3, 3, 4, 4, 5), depths=(1, 2, 1, 1, 1, 1, 1), top=6)


def narrow(classes: int | None = 3) -> EfficientNet:
    return EfficientNet(NARROW, classes, lowering="native", rng=np.random.default_rng(0))


def images(batch: int, size: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


@pytest.mark.parametrize(
    ("arch", "published"),
    # Of the wheels' files, batch statistics not counted.
    [("efficientnet_lite0", 4_652_008), ("efficientnet_lite1", 5_416_680), ("efficientnet_lite2", 6_092_072)],
)
def test_parameters_are_the_published_ones_but_for_the_gray_stem(arch: str, published: int) -> None:
    network, variables = outline(NetworkSpec(arch, 1.0, 224, 1000, siamese=False))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables.params))
    # 3 x 3 x 32 for each of three colors; ours has a kernel and an offset.
    assert count == published - 3 * 288 + 2 * 288
    assert set(jax.tree.leaves(stage_numbers(variables.params, network.stages))) == set(range(10))


@pytest.mark.parametrize(("config", "width", "depth"), [(LITE1, 1.0, 1.1), (LITE2, 1.1, 1.2)])
def test_larger_networks_are_scaled_as_the_paper_scales_them(
    config: EfficientNetConfig, width: float, depth: float
) -> None:
    # Channels to the nearest multiple of 8, depths up; the lite networks' first and last stages are not
    # deepened.
    assert config.channels == tuple(int(width * channels + 4) // 8 * 8 for channels in LITE0.channels)
    inner = tuple(math.ceil(depth * blocks) for blocks in LITE0.depths[1:-1])
    assert config.depths == (1, *inner, 1)
    assert (config.stem, config.top) == (LITE0.stem, LITE0.top)


def test_batch_normalization_is_tensorflows() -> None:
    norms = [part for _, part in nnx.iter_modules(narrow()) if isinstance(part, BatchNorm)]
    # Stem and top one each, the first block two, the other seven three.
    assert len(norms) == 2 + 2 + 7 * 3
    assert {(norm.epsilon, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_the_last_map_is_a_32nd_of_the_image_rounded_up() -> None:
    network = narrow()
    assert network.embedding_size == 6
    assert jax.eval_shape(network.features, images(1, 64)).shape == (1, 2, 2, 6)
    assert jax.eval_shape(network.features, images(1, 97)).shape == (1, 4, 4, 6)


def test_padding_changes_neither_logits_nor_statistics(
    assert_padding_counts_for_nothing: Callable[..., None],
) -> None:
    assert_padding_counts_for_nothing(narrow(), narrow(), images(3, 32))


def test_dropout_is_in_training_only() -> None:
    network = narrow()
    features = jnp.ones((4, 1, 1, 6))
    plain = network.head(features)
    np.testing.assert_array_equal(plain, jnp.broadcast_to(plain[0], (4, 3)))
    dropped = network.head(features, jax.random.split(jax.random.key(0), 4))
    assert not np.array_equal(dropped, plain)


def test_without_classes_there_are_no_logits() -> None:
    with pytest.raises(TypeError, match="EfficientNet was built without classes"):
        narrow(classes=None).head(jnp.zeros((1, 1, 1, 6)))


def test_another_width_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"`width` 0\.5: efficientnet_lite0 has one width"):
        outline(NetworkSpec("efficientnet_lite0", 0.5, 224, 3, siamese=False))
