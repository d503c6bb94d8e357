"""Programs for a GPU, lowered without one: XLA's own convolutions, in the type that was asked for."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Network, Variables, outline
from cxr_cli.models.registry import ARCH_NAMES, FILES, parts_of
from cxr_cli.prediction.forward import Scaling, forward_function, read_logits, read_vectors
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.feed import many_steps
from cxr_cli.training.loop import step_keys
from cxr_cli.training.siamese import pair_loss
from cxr_cli.training.step import StepSettings, new_state, train_step
from cxr_cli.training.tasks import EpochPlan

BATCH = 2
SIZES = {"inception_v3": 299}
CONVOLUTION = re.compile(r"stablehlo\.convolution\(.*-> tensor<[0-9x]+x(\w+)>")


def lowered(function: Any, *arguments: Any) -> str:
    """Lower a jitted function for a GPU; return its text."""
    return str(function.trace(*arguments).lower(lowering_platforms=("cuda",)).as_text())


def array(shape: tuple[int, ...], kind: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, kind)


def convolutions_of(variables: Variables) -> int:
    """Count the kernels that convolve: four axes; a gray stem's offset is one too."""
    return sum(leaf.ndim == 4 for leaf in jax.tree.leaves(variables.params))


def built(arch: str, siamese: bool) -> tuple[Network, Variables, int]:
    size = SIZES.get(arch, 224)
    spec = NetworkSpec(arch, 1.0, size, 3, siamese)
    return *outline(spec, lowering="native"), size


def training_program(
    arch: str, siamese: bool, precision: str, steps: int | None = None
) -> tuple[str, Variables]:
    """Lower a step, or many steps on resident images."""
    network, variables, size = built(arch, siamese)
    loss = pair_loss if siamese else classification_loss(np.ones(3, np.float32), 0.0)
    optimizer, settings = optax.adam(1e-4), StepSettings()
    state = jax.eval_shape(lambda: new_state(variables, optimizer, settings))
    step = train_step(network, Scaling(0.5, 0.25, precision), loss, optimizer, settings)
    rows = 2 * BATCH if siamese else BATCH
    if steps:
        of_rows = array((steps, rows), jnp.int64)
        plan = EpochPlan(of_rows, array((steps, BATCH), jnp.int64), array((steps, BATCH), bool))  # type: ignore
        keys, images = jax.eval_shape(lambda: step_keys(0, 0, steps)), array((10, size, size), jnp.uint8)
        return lowered(many_steps(step), state, images, plan, keys, 0, steps), variables
    batch = (array((rows, size, size), jnp.uint8), array((BATCH,), jnp.int32), array((BATCH,), bool))
    return lowered(step, state, *batch, jax.eval_shape(lambda: jax.random.key(0))), variables


ONE_OF_EACH_FAMILY = [names[0] for names in FILES.values()]
MODELS = [(arch, False) for arch in ARCH_NAMES] + [(arch, True) for arch in ONE_OF_EACH_FAMILY]
NAMES = [f"{arch}-{'siamese' if siamese else 'single'}" for arch, siamese in MODELS]


@pytest.mark.parametrize(("arch", "siamese"), MODELS, ids=NAMES)
def test_a_step_of_training_has_native_convolutions_forward_and_backward(arch: str, siamese: bool) -> None:
    program, variables = training_program(arch, siamese, "bfloat16")
    kinds = CONVOLUTION.findall(program)
    assert set(kinds) == {"bf16"}
    # Each forward, by its kernel, and by its image, which the first layers' images need not.
    kernels = convolutions_of(variables)
    first_layers = 2 * max(1, len(parts_of(arch)))
    assert 3 * kernels - first_layers <= len(kinds) <= 3 * kernels


@pytest.mark.parametrize("siamese", [False, True])
def test_many_steps_on_resident_images_are_one_loop_of_the_same_convolutions(siamese: bool) -> None:
    program, _ = training_program("covidnet", siamese, "bfloat16", steps=3)
    alone, _ = training_program("covidnet", siamese, "bfloat16")
    assert program.count("stablehlo.while") == alone.count("stablehlo.while") + 1
    assert CONVOLUTION.findall(program) == CONVOLUTION.findall(alone)
    gathered = r'"stablehlo.gather"\(.*tensor<10x224x224xui8>.*-> tensor<[24]x224x224xui8>'
    assert len(re.findall(gathered, program)) == 1


@pytest.mark.parametrize(("arch", "siamese"), MODELS, ids=NAMES)
def test_a_prediction_has_one_native_convolution_for_each_kernel(arch: str, siamese: bool) -> None:
    network, variables, size = built(arch, siamese)
    read = read_vectors if siamese else read_logits
    forward = forward_function(network, Scaling(0.5, 0.25, "float32"), read)
    kinds = CONVOLUTION.findall(lowered(forward, variables, array((BATCH, size, size), jnp.uint8)))
    assert set(kinds) == {"f32"}
    assert len(kinds) == convolutions_of(variables) - auxiliary_kernels(variables)


def auxiliary_kernels(variables: Variables) -> int:
    """Count the kernels of Inception's auxiliary head, which predictions do not pass."""
    return sum(
        leaf.ndim == 4 and "auxiliary" in jax.tree_util.keystr(path)
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables.params)
    )


def test_products_are_for_a_cpu_alone() -> None:
    """What the other tests guard against is there where it is asked for."""
    network, variables = outline(NetworkSpec("resnet50", 1.0, 64, 3, False), lowering="product")
    forward = forward_function(network, Scaling(0.5, 0.25, "float32"), read_logits)
    kinds = CONVOLUTION.findall(lowered(forward, variables, array((BATCH, 64, 64), jnp.uint8)))
    assert len(kinds) < convolutions_of(variables) / 2


def test_a_step_in_float32_has_no_bfloat16() -> None:
    program, _ = training_program("covidnet", False, "float32")
    assert "bf16" not in program
