"""Batches of one size."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cxr_cli.prediction import batches
from cxr_cli.prediction.batches import (
    BACKWARD_BYTES,
    FORWARD_BYTES,
    SHARE,
    in_batches,
    inference_batch,
    own_memory,
)


def test_the_last_batch_is_padded_and_masked() -> None:
    found, mask = in_batches(np.array([7, 3, 9, 4, 5]), 2)
    assert found.tolist() == [[7, 3], [9, 4], [5, 7]]
    assert mask.tolist() == [[True, True], [True, True], [True, False]]


def test_pairs_are_batched_whole() -> None:
    found, mask = in_batches(np.array([[1, 2], [3, 4], [5, 6]]), 2)
    assert found.tolist() == [[[1, 2], [3, 4]], [[5, 6], [1, 2]]]
    assert mask.tolist() == [[True, True], [True, False]]


@given(places=npst.arrays(np.int64, st.integers(1, 50)), batch_size=st.integers(1, 60))
def test_batches_lose_nothing_and_keep_the_order(places: np.ndarray, batch_size: int) -> None:
    found, mask = in_batches(places, batch_size)
    assert found.shape == mask.shape == (-(-len(places) // batch_size), batch_size)
    assert found[mask].tolist() == places.tolist()


@pytest.mark.parametrize(
    ("count", "batch"),
    [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (9, 12), (16, 16), (17, 12), (33, 12), (182, 16), (100_000, 16)],
)
def test_few_images_are_hardly_padded_and_many_fill_a_cpu(count: int, batch: int) -> None:
    assert inference_batch(count, 224) == batch


def test_a_gpu_takes_more_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(batches, "own_memory", lambda: 16 * 2**30)
    assert [inference_batch(count, 224) for count in (1, 20, 33, 128, 150, 10_000)] == [
        1,
        32,
        64,
        128,
        96,
        128,
    ]


@given(
    count=st.integers(1, 1000), size=st.sampled_from([32, 224, 1024, 4096]), gib=st.floats(0.05, 100),
    taken=st.sampled_from([FORWARD_BYTES, BACKWARD_BYTES]),
)  # fmt: skip
def test_a_batch_fits_into_memory_unless_one_image_does_not(
    count: int, size: int, gib: float, taken: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "own_memory", lambda: int(gib * 2**30))
        batch = inference_batch(count, size, taken)
    assert batch == 1 or batch * taken * size**2 <= SHARE * gib * 2**30
    assert batch <= 16


def test_memory_is_what_slurm_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "64")
    assert own_memory() == 64 * 2**20
    monkeypatch.delenv("SLURM_MEM_PER_NODE")
    assert own_memory() > 2**30
