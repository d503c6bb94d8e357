"""Networks by name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.errors import UsageFault
from cxr_cli.models.registry import NetworkSpec, create, outline

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
    with pytest.raises(UsageFault, match="--arch 'covidnot': known are covidnet"):
        create(spec, np.random.default_rng(0))
    with pytest.raises(UsageFault, match="--arch 'covidnot'"):
        outline(spec)
