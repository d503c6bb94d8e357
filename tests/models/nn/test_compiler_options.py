"""XLA's options: for a CPU whose XLA knows them, and for nothing else."""

from collections.abc import Iterator

import jax
import pytest

from cxr_cli.models.nn import compiler_options as module
from cxr_cli.models.nn.compiler_options import OWN_KERNELS, compiler_options


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Each test asks anew, and leaves nothing behind."""
    compiler_options.cache_clear()
    yield
    compiler_options.cache_clear()


def test_a_cpu_computes_with_xlas_own_kernels() -> None:
    assert compiler_options() in (OWN_KERNELS, None)  # None: this jaxlib has no such option
    assert float(jax.jit(lambda x: 2 * x, compiler_options=compiler_options())(3.0)) == 6.0


def test_a_gpu_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options() is None


def test_an_xla_that_does_not_know_the_option_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OWN_KERNELS", {"xla_cpu_no_such_option": ""})
    assert compiler_options() is None
