"""The pairs that a siamese model learns from."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_cli.errors import BadInput
from cxr_cli.training.pairs import draw_class_even_batches, draw_pairs, most_pairs


@st.composite
def shuffled_labels(draw: st.DrawFn, fewest: int = 2) -> np.ndarray:
    """Labels of two to four classes, not numbered without differences, in random order."""
    numbers = draw(st.sampled_from([(0, 1), (0, 2), (0, 1, 2), (1, 2, 5), (0, 1, 2, 3)]))
    counts = [draw(st.integers(fewest, 9)) for _ in numbers]
    return np.array(draw(st.permutations(np.repeat(numbers, counts).tolist())))


seeds = st.integers(0, 2**32 - 1)


def as_unordered(images: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in images.tolist()}


@given(labels=shuffled_labels())
def test_the_most_pairs_are_those_of_a_brute_count(labels: np.ndarray) -> None:
    """One epoch's images, whichever they are, paired in all ways; the smaller half twice."""
    classes, counts = np.unique(labels, return_counts=True)
    epoch = np.repeat(classes, counts.min())
    same = sum(int(a == b) for a, b in combinations(epoch.tolist(), 2))
    different = len(epoch) * (len(epoch) - 1) // 2 - same
    assert most_pairs(labels) == 2 * min(same, different)


def test_the_most_pairs_of_the_paper_s_images() -> None:
    # 460 images of each of three classes: 3 x 460 x 459 / 2 of one class, twice
    assert most_pairs(np.repeat([0, 1, 2], [460, 7966, 5451])) == 633_420


@given(labels=shuffled_labels(), count=st.integers(2, 120), seed=seeds)
def test_pairs_are_distinct_halved_and_even(labels: np.ndarray, count: int, seed: int) -> None:
    images, different = draw_pairs(labels, count, np.random.default_rng(seed))
    pairs = min(count, most_pairs(labels)) // 2 * 2
    assert images.shape == (pairs, 2)
    assert np.all(images[:, 0] != images[:, 1])
    assert len(as_unordered(images)) == pairs
    assert (labels[images[:, 0]] != labels[images[:, 1]]).tolist() == (different == 1).tolist()
    assert different.sum() * 2 == pairs

    classes = np.unique(labels).tolist()
    within = Counter(labels[images[different == 0, 0]].tolist())
    assert max(within.values()) - min(within[name] for name in classes) <= 1
    between = Counter(tuple(sorted(pair)) for pair in labels[images[different == 1]].tolist())
    assert max(between.values()) - min(between[pair] for pair in combinations(classes, 2)) <= 1


@given(labels=shuffled_labels(), count=st.integers(2, 200), seed=seeds)
def test_an_epoch_s_images_are_even_and_hold_the_rarest_class_whole(
    labels: np.ndarray, count: int, seed: int
) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    rarest = int(counts.min())
    # Room for every image in the pairs of one class: an odd number of images needs one pair more.
    assume(min(count, most_pairs(labels)) // 2 >= len(classes) * -(-rarest // 2))
    images, _ = draw_pairs(labels, count, np.random.default_rng(seed))
    shown = np.unique(images)
    assert np.unique(labels[shown], return_counts=True)[1].tolist() == [rarest] * len(classes)
    for name in classes[counts == rarest]:
        assert set(np.flatnonzero(labels == name)) <= set(shown.tolist())


@given(labels=shuffled_labels())
def test_all_the_pairs_that_there_are_can_be_drawn(labels: np.ndarray) -> None:
    images, _ = draw_pairs(labels, 10**9, np.random.default_rng(0))
    assert len(as_unordered(images)) == most_pairs(labels)


def test_a_seed_decides_the_pairs() -> None:
    labels = np.repeat([0, 1, 2], [10, 14, 12])
    first, again, other = (draw_pairs(labels, 60, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.images.tolist() == again.images.tolist()
    assert first.different.tolist() == again.different.tolist()
    assert first.images.tolist() != other.images.tolist()


def test_kinds_and_sides_are_mixed() -> None:
    labels = np.repeat([0, 1], 30)
    images, different = draw_pairs(labels, 400, np.random.default_rng(0))
    assert 60 < different[:200].sum() < 140
    assert 60 < labels[images[different == 1, 0]].sum() < 140


def test_every_pair_is_as_likely_as_any_other() -> None:
    labels = np.repeat([0, 1], 4)
    counts: Counter[frozenset[int]] = Counter()
    for seed in range(2000):
        counts.update(as_unordered(draw_pairs(labels, 8, np.random.default_rng(seed)).images))
    # 4 pairs of one class out of 12, 4 of two classes out of 16; +- 5 standard errors
    for pair in combinations(range(8), 2):
        expected = 1 / 3 if labels[pair[0]] == labels[pair[1]] else 1 / 4
        assert counts[frozenset(pair)] / 2000 == pytest.approx(expected, abs=0.053)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 0, 1], []])
def test_too_few_classes_or_images_are_refused(labels: list[int]) -> None:
    with pytest.raises(BadInput, match="two classes or more"):
        draw_pairs(np.array(labels, np.int64), 4, np.random.default_rng(0))


@given(labels=shuffled_labels(), batches=st.integers(1, 12), seed=seeds, data=st.data())
def test_batches_are_even_over_the_classes_without_a_image_twice(
    labels: np.ndarray, batches: int, seed: int, data: st.DataObject
) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    size = data.draw(st.integers(1, len(classes) * int(counts.min())))
    drawn = draw_class_even_batches(labels, size, batches, np.random.default_rng(seed))
    assert drawn.shape == (batches, size)
    for batch in drawn:
        assert len(set(batch.tolist())) == size
        of_class = [int((labels[batch] == name).sum()) for name in classes]
        assert max(of_class) - min(of_class) <= 1
