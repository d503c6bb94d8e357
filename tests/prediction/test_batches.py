"""Batches of one size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cxr_cli.prediction.batches import in_batches


def test_the_last_batch_is_padded_and_masked() -> None:
    batches, mask = in_batches(np.array([7, 3, 9, 4, 5]), 2)
    assert batches.tolist() == [[7, 3], [9, 4], [5, 7]]
    assert mask.tolist() == [[True, True], [True, True], [True, False]]


def test_pairs_are_batched_whole() -> None:
    batches, mask = in_batches(np.array([[1, 2], [3, 4], [5, 6]]), 2)
    assert batches.tolist() == [[[1, 2], [3, 4]], [[5, 6], [1, 2]]]
    assert mask.tolist() == [[True, True], [True, False]]


@given(places=npst.arrays(np.int64, st.integers(1, 50)), batch_size=st.integers(1, 60))
def test_batches_lose_nothing_and_keep_the_order(places: np.ndarray, batch_size: int) -> None:
    batches, mask = in_batches(places, batch_size)
    assert batches.shape == mask.shape == (-(-len(places) // batch_size), batch_size)
    assert batches[mask].tolist() == places.tolist()
