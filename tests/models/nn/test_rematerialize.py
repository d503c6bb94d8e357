"""A second pass for the backward pass: the same numbers, statistics moved once, and less kept."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from cxr_cli.models.backbone import Backbone
from cxr_cli.models.efficientnet import EfficientNetConfig
from cxr_cli.models.mid_efficientnet import MidEfficientNet
from cxr_cli.models.nn.rematerialize import rematerialized
from cxr_cli.models.resnet import ResNet, ResNetConfig

LITE = EfficientNetConfig(stem=4, channels=(2, 2, 3, 3, 4, 4, 5), depths=(1, 1, 1, 1, 1, 1, 1), top=6)
NARROW = {
    "resnet": lambda: ResNet(
        ResNetConfig((1, 1, 1, 1), stem=4, bottleneck=2), 3, lowering="native", rng=RNG()
    ),
    "side by side": lambda: MidEfficientNet((LITE, LITE), 3, lowering="native", rng=RNG()),
}


def RNG() -> np.random.Generator:  # noqa: N802 - a constant, but for its state
    return np.random.default_rng(0)


def training_pass(network: Backbone, rematerialize: bool, images: Array, mask: Array) -> tuple[Any, Any, Any]:
    """Return logits, gradients by all parameters, and the running statistics after one step."""
    network.rematerialize = rematerialize
    graph, params, statistics = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def run(params: nnx.State) -> Any:
        def loss(params: nnx.State) -> tuple[Array, Any]:
            module = nnx.merge(graph, params, statistics, copy=True)
            (logits,) = module.training_logits(images, mask, None)
            return jnp.sum(jnp.sin(logits) * mask[:, None]), (logits, nnx.state(module, nnx.BatchStat))

        gradients, (logits, moved) = jax.grad(loss, has_aux=True)(params)
        return logits, nnx.to_pure_dict(gradients), nnx.to_pure_dict(moved)

    return run(params)


@pytest.mark.parametrize("family", NARROW)
def test_a_step_is_the_same_with_and_without(family: str) -> None:
    images = jnp.asarray(RNG().standard_normal((3, 32, 32, 1)), jnp.float32)
    mask = jnp.array([True, True, False])
    plain, again = (training_pass(NARROW[family](), twice, images, mask) for twice in (False, True))
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(plain[1]))

    def close(one: Array, other: Array) -> None:
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * largest)

    jax.tree.map(close, again, plain)
    # They moved, so that the comparison says something.
    before = nnx.to_pure_dict(nnx.state(NARROW[family](), nnx.BatchStat))
    moved = jax.tree.map(lambda one, other: bool((one != other).any()), before, again[2])
    assert all(jax.tree.leaves({name: part for name, part in moved.items() if name != "standardize"}))


def memory(wrap: Callable[..., Any]) -> int:
    def block(kernel: Array, x: Array) -> Array:
        for _ in range(3):
            x = nnx.relu(x @ kernel) * x
        return x

    def loss(kernels: list[Array], x: Array) -> Array:
        for kernel in kernels:
            x = wrap(block, kernel, x)
        return x.sum()

    kernels = [jax.ShapeDtypeStruct((8, 8), jnp.float32)] * 4
    compiled = (
        jax.jit(jax.grad(loss)).lower(kernels, jax.ShapeDtypeStruct((64, 8, 8, 8), jnp.float32)).compile()
    )
    return int(compiled.memory_analysis().temp_size_in_bytes)


def test_less_is_kept_between_the_passes() -> None:
    plain = memory(lambda block, kernel, x: block(kernel, x))
    again = memory(lambda block, kernel, x: rematerialized(lambda _, x: (block(kernel, x), ()), (), x)[0])
    # Each product and its factor in all of four blocks; or in one, and four inputs.
    assert again < 0.7 * plain
