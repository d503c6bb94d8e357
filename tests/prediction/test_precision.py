"""The arithmetic of a run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.prediction.forward import Scaling, forward_function, read_logits
from cxr_cli.prediction.precision import resolve_precision, to_compute_type
from cxr_cli.runs.model_store import TrainedRun


def test_bfloat16_computes_in_bfloat16_and_scores_in_float32(
    single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    batch = jnp.asarray(images[:32])

    def logits(precision: str) -> jax.Array:
        function = forward_function(single.network, Scaling(0.4, 0.2, precision), read_logits)
        found = function(single.variables, batch)
        assert found.dtype == np.float32
        return found

    exact, tf32, rough = logits("float32"), logits("tf32"), logits("bfloat16")
    scale = float(jnp.abs(exact).max())
    # bfloat16 has 8 bits of mantissa: a relative 2^-9 at each of a dozen roundings.
    np.testing.assert_allclose(rough, exact, rtol=0, atol=0.05 * scale)
    assert float(jnp.abs(rough - exact).max()) > 1e-4 * scale
    # Logits of bfloat16 would fall together, and their AUC and calibration with them.
    assert len(np.unique(rough)) == rough.size
    np.testing.assert_allclose(tf32, exact, rtol=0, atol=0.01 * scale)


def test_only_float32_is_cast_and_gradients_pass_through() -> None:
    tree = {"kernel": jnp.array([1.5, 2.0]), "count": jnp.array([3]), "mask": jnp.array([True])}
    cast = to_compute_type(tree, "bfloat16")
    assert {name: leaf.dtype for name, leaf in cast.items()} == {
        "kernel": jnp.bfloat16,
        "count": jnp.int32,
        "mask": jnp.bool_,
    }
    assert to_compute_type(tree, "float32") is tree
    assert to_compute_type(tree, "tf32") is tree
    gradient = jax.grad(lambda x: (to_compute_type(x, "bfloat16") * 3).sum().astype(jnp.float32))(
        tree["kernel"]
    )
    assert gradient.dtype == jnp.float32
    np.testing.assert_array_equal(gradient, [3.0, 3.0])


@pytest.mark.parametrize(
    ("backend", "precision"), [("cpu", "float32"), ("gpu", "bfloat16"), ("tpu", "bfloat16")]
)
def test_auto_is_what_suits_the_device(monkeypatch: pytest.MonkeyPatch, backend: str, precision: str) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    assert resolve_precision("auto") == precision
    assert resolve_precision("tf32") == "tf32"
