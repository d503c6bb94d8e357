"""Networks by name."""

import subprocess
import sys
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import create, outline
from cxr_cli.models.registry import ARCH_NAMES, FILES, find_architecture

SINGLE = NetworkSpec("covidnet", 0.125, 32, 3, siamese=False)
SIAMESE = NetworkSpec("covidnet", 0.125, 32, 3, siamese=True)


@pytest.mark.parametrize("spec", [SINGLE, SIAMESE], ids=["single", "siamese"])
def test_the_seed_decides_every_number(spec: NetworkSpec) -> None:
    _, first = create(spec, np.random.default_rng(5))
    _, again = create(spec, np.random.default_rng(5))
    _, other = create(spec, np.random.default_rng(6))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    kernels = [leaf for leaf in jax.tree.leaves(first) if leaf.ndim > 1]
    others = [leaf for leaf in jax.tree.leaves(other) if leaf.ndim > 1]
    assert all((one != two).any() for one, two in zip(kernels, others, strict=True))


def test_the_lowering_changes_no_number() -> None:
    _, native = create(SINGLE, np.random.default_rng(5), "native")
    _, product = create(SINGLE, np.random.default_rng(5), "product")
    jax.tree.map(np.testing.assert_array_equal, native, product)


@pytest.mark.parametrize("spec", [SINGLE, SIAMESE], ids=["single", "siamese"])
def test_an_outline_has_the_shapes_and_types_but_no_arrays(spec: NetworkSpec) -> None:
    network, variables = create(spec, np.random.default_rng(0))
    same_network, shapes = outline(spec)
    assert jax.tree.structure(shapes) == jax.tree.structure(variables)
    for shape, array in zip(jax.tree.leaves(shapes), jax.tree.leaves(variables), strict=True):
        assert isinstance(shape, jax.ShapeDtypeStruct)
        assert (shape.shape, shape.dtype) == (array.shape, array.dtype)
    # What is read from disk by an outline is bound to the outline's network.
    assert same_network.graph == network.graph
    assert outline(spec, "native")[0].graph != outline(spec, "product")[0].graph


def test_a_bound_network_is_a_copy() -> None:
    network, variables = create(SINGLE, np.random.default_rng(0))
    module = network.bind(variables)
    module.fc1.bias[...] = jnp.ones_like(module.fc1.bias[...])
    assert not variables.params["fc1"]["bias"].any()
    assert not network.bind(variables).fc1.bias[...].any()


def test_an_unknown_architecture_is_refused() -> None:
    spec = NetworkSpec("covidnot", 1.0, 224, 3, siamese=False)
    with pytest.raises(InvalidSetting, match="`arch` 'covidnot': known are covidnet"):
        create(spec, np.random.default_rng(0))
    with pytest.raises(InvalidSetting, match="`arch` 'covidnot'"):
        outline(spec)


def test_every_file_has_the_architectures_that_the_registry_names() -> None:
    for file, names in FILES.items():
        module = import_module(f"cxr_cli.models.{file}")
        assert tuple(architecture.name for architecture in module.ARCHITECTURES) == names


def test_the_names_are_there_without_jax() -> None:
    heavy = "{'jax', 'flax', 'numpy'}"
    code = f"import sys, cxr_cli.models.registry; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("arch", ARCH_NAMES)
def test_the_smallest_image_is_the_smallest_that_trains(arch: str) -> None:
    smallest = find_architecture(arch).smallest_image
    network, shapes = outline(NetworkSpec(arch, 1.0, smallest, 3, siamese=False))
    images = jax.ShapeDtypeStruct((2, smallest, smallest, 1), jnp.float32)
    mask = jax.ShapeDtypeStruct((2,), jnp.bool_)

    def maps_and_logits(variables: Any, x: Any, known: Any) -> Any:
        module = network.bind(variables)
        return module.features(x), module.training_logits(x, known, None)

    features, logits = jax.eval_shape(maps_and_logits, shapes, images, mask)
    assert min(features.shape) > 0
    assert logits[0].shape == (2, 3)
    if smallest > 1:
        with pytest.raises(InvalidSetting, match=f"`size` {smallest - 1}: {arch} needs images of {smallest}"):
            outline(NetworkSpec(arch, 1.0, smallest - 1, 3, siamese=False))
