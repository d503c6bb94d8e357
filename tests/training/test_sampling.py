"""What an epoch shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cxr_cli.training.sampling import balanced_epoch, epoch_generator

labels_of_some_classes = npst.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 4))
seeds = st.integers(0, 2**32 - 1)


@given(labels=labels_of_some_classes, seed=seeds)
def test_an_epoch_is_even_and_holds_the_rarest_class_whole(labels: np.ndarray, seed: int) -> None:
    images = balanced_epoch(labels, np.random.default_rng(seed))
    classes, counts = np.unique(labels, return_counts=True)
    assert len(set(images.tolist())) == len(images) == len(classes) * counts.min()
    assert np.unique(labels[images], return_counts=True)[1].tolist() == [counts.min()] * len(classes)
    for name in classes[counts == counts.min()]:
        assert set(np.flatnonzero(labels == name)) <= set(images.tolist())


def test_the_other_classes_are_drawn_anew_and_all_their_images_come_in_time() -> None:
    labels = np.repeat([0, 1], [5, 20])
    epochs = [balanced_epoch(labels, epoch_generator(0, epoch)) for epoch in range(1, 41)]
    assert len({tuple(epoch) for epoch in epochs}) == 40
    assert set(np.concatenate(epochs).tolist()) == set(range(25))


def test_the_order_is_mixed() -> None:
    labels = np.repeat([0, 1], 50)
    first_half = labels[balanced_epoch(labels, np.random.default_rng(0))][:50]
    assert 10 < first_half.sum() < 40


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    draws = {
        (seed, epoch): tuple(epoch_generator(seed, epoch).integers(0, 2**32, 4))
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(set(draws.values())) == 25
    assert draws[3, 4] == tuple(epoch_generator(3, 4).integers(0, 2**32, 4))
