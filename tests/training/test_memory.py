"""How many films fit: estimated from what the backward pass keeps."""

import jax.numpy as jnp
import numpy as np
import pytest

from cxr_cli.inference.forward import Scaling
from cxr_cli.models.registry import Network, NetworkSpec, Variables, outline
from cxr_cli.training import memory
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.memory import bytes_kept, device_memory, micro_batch_for

LOSS = classification_loss(np.ones(3, np.float32), 0.0)
SCALING = Scaling(0.5, 0.25, "float32")


@pytest.fixture(scope="module")
def covidnet() -> tuple[Network, Variables]:
    return outline(NetworkSpec("covidnet", 0.125, 64, 3, False), "product")


def test_what_is_kept_grows_with_the_films(covidnet: tuple[Network, Variables]) -> None:
    one, two, four = (bytes_kept(*covidnet, SCALING, LOSS, 64, films) for films in (1, 2, 4))
    assert 0 < one < two < four
    # But for the augmentation's and dropout's scraps, in proportion.
    assert four - two == pytest.approx(2 * (two - one), rel=0.02)
    # More than the stem's output, which its ReLU needs: float32 [32, 32, 8].
    assert two - one > 32 * 32 * 8 * 4


@pytest.mark.parametrize(
    ("films", "expected"), [(300, 256), (256, 256), (255, 128), (40, 32), (1, 1), (0, 1)]
)
def test_the_largest_divisor_that_fits_is_taken(
    monkeypatch: pytest.MonkeyPatch, films: int, expected: int
) -> None:
    variables = Variables({"kernel": jnp.zeros(25)}, {})
    monkeypatch.setattr(memory, "bytes_kept", lambda *_: 2000)
    # 400 bytes for four copies of the parameters; 1,300 bytes a film.
    monkeypatch.setattr(memory, "device_memory", lambda: (400 + 1300 * films + 1) / memory.SHARE)
    network = Network(None, (), 0)
    assert micro_batch_for(network, variables, SCALING, LOSS, 64, 256) == expected


def test_a_slurm_job_has_what_it_was_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_MEM_PER_NODE", raising=False)
    assert device_memory() > 2**30
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "64")
    assert device_memory() == 64 * 2**20
