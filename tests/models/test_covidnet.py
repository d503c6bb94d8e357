"""COVID-Net against the paper's figures and against a straight-line version of its equations."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array, lax

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.network import Network, Variables, create, outline
from cxr_cli.models.nn.convolution import Lowering

PAPER = NetworkSpec("covidnet", 1.0, 224, 3, siamese=False)
SMALL = NetworkSpec("covidnet", 0.125, 32, 3, siamese=False)


def count(tree: Any) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def images(batch: int, size: int = 32) -> Array:
    return jnp.asarray(np.random.default_rng(7).standard_normal((batch, size, size, 1)), jnp.float32)


@pytest.fixture(scope="module")
def small() -> tuple[Network, Variables]:
    """A small network with biases that are not zero, so that a forgotten one shows."""
    network, (params, stats) = create(SMALL, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    noisy = jax.tree.map(
        lambda leaf: np.asarray(leaf) + rng.normal(0, 0.05, leaf.shape).astype(np.float32), params
    )
    return network, Variables(noisy, stats)


def test_the_paper_counts_59562931_parameters() -> None:
    _, variables = outline(PAPER)
    assert count(variables.params) == 59_562_931
    assert not variables.stats


def test_a_siamese_network_has_a_distance_in_place_of_the_classifier() -> None:
    _, variables = outline(NetworkSpec("covidnet", 1.0, 224, 3, siamese=True))
    # 256 x 3 + 3 of the classifier go, 256 weights and a bias of the distance come.
    assert count(variables.params) == 59_562_931 - 771 + 257


def test_each_layer_has_the_parameters_worked_out_by_hand() -> None:
    params = outline(PAPER)[1].params
    assert count(params["stem"]) == 7 * 7 * 64 + 64
    first, second = params["stages"][0]["modules"][0], params["stages"][0]["modules"][1]
    assert {name: count(layer) for name, layer in first.items()} == {
        "first_projection": 2_080,  # 64 x 32 + 32
        "expansion": 1_584,  # 32 x 48 + 48
        "depthwise": 480,  # 9 x 48 + 48
        "second_projection": 1_568,  # 48 x 32 + 32
        "extension": 4_224,  # 32 x 128 + 128
    }
    assert {name: count(layer) for name, layer in second.items()} == {
        "first_projection": 8_256,  # 128 x 64 + 64
        "expansion": 6_240,  # 64 x 96 + 96
        "depthwise": 960,  # 9 x 96 + 96
        "second_projection": 6_208,  # 96 x 64 + 64
        "extension": 8_320,  # 64 x 128 + 128
    }
    assert [count(stage["skip"]) for stage in params["stages"].values()] == [8_320, 33_024, 131_584, 525_312]
    assert [len(stage["modules"]) for stage in params["stages"].values()] == [3, 4, 6, 3]
    assert count(params["fc1"]) == 50_176 * 1024 + 1024
    assert count(params["fc2"]) == 1024 * 256 + 256
    assert count(params["classifier"]) == 771


def test_an_odd_number_of_channels_is_rounded_down() -> None:
    config = CovidNetConfig(stem=9, stages=(8,), depths=(1,), fc=(8, 8))
    pepx = CovidNet(config, 8, 2, lowering="native", rng=None).stages[0].modules[0]
    assert pepx.first_projection.kernel.shape == (1, 1, 9, 4)
    assert pepx.depthwise.kernel.shape == (3, 3, 1, 6)


def straight_line(params: dict[Any, Any], x: Array) -> tuple[Array, Array, Array]:
    """The paper's section 3.2 and its Figure 4, written down once more: feature map, vector, logits."""

    def conv(layer: dict[str, Array], x: Array, stride: int = 1) -> Array:
        kernel = layer["kernel"]
        return layer["bias"] + lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=x.shape[-1] // kernel.shape[2],
        )

    def relu(x: Array) -> Array:
        return jnp.where(x > 0, x, 0.0)

    def pool(x: Array) -> Array:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def pepx(module: dict[str, Any], x: Array) -> Array:
        for name in ("first_projection", "expansion", "depthwise", "second_projection", "extension"):
            x = relu(conv(module[name], x))
        return x

    x = relu(conv(params["stem"], x, stride=2))
    for stage in params["stages"].values():
        first, *later = stage["modules"].values()
        y = pool(relu(conv(stage["skip"], x)))
        earlier = [pool(pepx(first, x))]
        for module in later:
            earlier.append(pepx(module, y + sum(earlier)))
        x = y + sum(earlier)
    dense = {name: (params[name]["kernel"], params[name]["bias"]) for name in ("fc1", "fc2", "classifier")}
    vector = x.reshape(len(x), -1)
    for name in ("fc1", "fc2"):
        vector = relu(vector @ dense[name][0] + dense[name][1])
    return x, vector, vector @ dense["classifier"][0] + dense["classifier"][1]


def test_the_network_computes_the_papers_equations(small: tuple[Network, Variables]) -> None:
    network, variables = small

    @jax.jit
    def run(params: dict[Any, Any], x: Array) -> tuple[Array, Array, Array]:
        module = network.bind(Variables(params, variables.stats))
        features = module.features(x)
        return features, module.embedding(features), module(x)

    x = images(3)
    found, expected = run(variables.params, x), jax.jit(straight_line)(variables.params, x)
    assert [part.shape for part in found] == [(3, 1, 1, 128), (3, 32), (3, 3)]
    for one, other in zip(found, expected, strict=True):
        assert float(jnp.abs(other).max()) > 0.1
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5 * float(jnp.abs(other).max()))


def test_both_lowerings_give_the_same_logits_and_gradients() -> None:
    config = CovidNetConfig(stem=8, stages=(16, 24), depths=(2, 1), fc=(16, 8))
    x, upstream = images(3, 16), images(3, 16)[:, 0, :3, 0]

    def logits_and_gradients(lowering: Lowering) -> list[Array]:
        network = CovidNet(config, 16, 3, lowering=lowering, rng=np.random.default_rng(0))
        graph, params = nnx.split(network)
        logits, gradient = jax.vjp(lambda params, x: nnx.merge(graph, params)(x), params, x)
        return jax.tree.leaves((logits, gradient(upstream)))

    native = jax.jit(lambda: logits_and_gradients("native"))()
    product = jax.jit(lambda: logits_and_gradients("product"))()
    assert len(native) == 2 + 2 * (1 + 2 + 3 * 5 + 3)  # logits and images; kernel and bias of each layer
    for one, other in zip(product, native, strict=True):
        scale = float(jnp.abs(other).max())
        assert scale > 0
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * scale)


def test_dropout_needs_a_key(small: tuple[Network, Variables]) -> None:
    network, variables = small

    @jax.jit
    def heads(variables: Variables, features: Array) -> list[Array]:
        module = network.bind(variables)
        first, other = jax.random.split(jax.random.key(0), (2, 4))
        draws = [None, None, first, first, other]
        return [module.head(features, keys) for keys in draws]

    features = jnp.abs(jnp.asarray(np.random.default_rng(0).standard_normal((4, 1, 1, 128)), jnp.float32))
    plain, plain_again, dropped, dropped_again, other = heads(variables, features)
    np.testing.assert_array_equal(plain, plain_again)
    np.testing.assert_array_equal(dropped, dropped_again)
    assert (dropped != plain).all()
    assert (dropped != other).all()


def test_dropout_falls_before_the_first_layer_and_after_both() -> None:
    """With weights of one and no biases, each dropout can be seen in the numbers."""
    config = CovidNetConfig(stem=8, stages=(8,), depths=(1,), fc=(1000, 1000))
    network = CovidNet(config, 4, None, lowering="native", rng=None)
    network.fc1.kernel[...] = jnp.ones((8, 1000))
    network.fc2.kernel[...] = jnp.eye(1000)
    vector = np.asarray(network.embedding(jnp.ones((1, 1, 1, 8)), jax.random.split(jax.random.key(0), 1)))[0]
    # All units see one sum of 8 inputs of which some were dropped and the others doubled; two dropouts of
    # 0.2 follow: 0.64 of the units are left, at 1 / 0.64 of their value.
    values = np.unique(vector)
    assert len(values) == 2
    assert values[0] == 0
    kept = values[1] * 0.64 / 2
    assert kept == pytest.approx(round(kept), rel=1e-5)
    assert 1 <= round(kept) <= 7
    assert abs((vector > 0).mean() - 0.64) < 0.06


@pytest.mark.parametrize("size", [1, 31, 48, 225])
def test_a_size_that_cannot_be_halved_five_times_is_refused(size: int) -> None:
    with pytest.raises(
        InvalidSetting,
        match=f"`size` {size}: (covidnet|COVID-Net) needs images of (32|a multiple of 32) pixels",
    ):
        outline(NetworkSpec("covidnet", 0.125, size, 3, siamese=False))


def test_width_scales_every_channel_and_unit() -> None:
    assert CovidNetConfig().scaled(1.0) == CovidNetConfig()
    assert CovidNetConfig().scaled(0.25) == CovidNetConfig(16, (32, 64, 128, 256), (3, 4, 6, 3), fc=(256, 64))
    assert CovidNetConfig().scaled(0.01) == CovidNetConfig(8, (8, 8, 8, 10), (3, 4, 6, 3), fc=(10, 8))


def test_the_vector_is_that_of_the_last_fully_connected_layer() -> None:
    network, variables = outline(PAPER)

    def vector(variables: Variables, x: Array) -> Array:
        module = network.bind(variables)
        assert module.embedding_size == 256
        features = module.features(x)
        assert features.shape == (2, 7, 7, 1024)
        return module.embedding(features)

    x = jax.ShapeDtypeStruct((2, 224, 224, 1), jnp.float32)
    assert jax.eval_shape(vector, variables, x).shape == (2, 256)


def test_a_network_without_classes_has_no_logits() -> None:
    config = CovidNetConfig(stem=8, stages=(8,), depths=(1,), fc=(8, 8))
    network = CovidNet(config, 4, None, lowering="native", rng=None)
    with pytest.raises(TypeError, match="without classes"):
        network.head(jnp.ones((1, 1, 1, 8)))
