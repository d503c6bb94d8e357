"""Permutations of strata: who changes places with whom, exact p values, and when sampling stops."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom
from sklearn.metrics import roc_auc_score

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.subgroups.permutation import (
    ENOUGH,
    AreaDifferences,
    Exchange,
    sequential_p,
    sequential_ps,
)


def rng_of(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def strata(exchange: Exchange, inside: np.ndarray, count: int) -> np.ndarray:
    """Samples of strata: bool [count, N]."""
    found = np.zeros((count, len(inside)), bool)
    for row, images in zip(found, exchange.samples(rng_of()), strict=False):
        row[images] = True
    return found if inside.sum() == found[0].sum() else ~found


def sampled(exchange: Exchange, inside: np.ndarray, count: int) -> set[tuple[bool, ...]]:
    return {tuple(row.tolist()) for row in strata(exchange, inside, count)}


def test_strata_are_all_those_of_whole_patients_of_the_same_classes() -> None:
    """Patients 0, 1, 2 have a positive image each, 3 and 4 two negative ones; 0 and 3 are in the stratum."""
    labels, patients = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([0, 1, 2, 3, 3, 4, 4])
    expected = {
        (*one, *np.repeat(other, 2).tolist())
        for one in set(permutations((True, False, False)))
        for other in set(permutations((True, False)))
    }
    inside = np.isin(patients, [0, 3])
    assert sampled(Exchange(labels, patients, inside), inside, 400) == expected
    turned = {tuple(not one for one in row) for row in expected}
    assert sampled(Exchange(labels, patients, ~inside), ~inside, 400) == turned


def test_a_patient_with_images_on_both_sides_changes_them_class_by_class() -> None:
    labels, patients = np.array([1, 1, 0, 0]), np.array([5, 5, 5, 5])
    inside = np.array([True, False, True, False])
    exchange = Exchange(labels, patients, inside)
    expected = {(one, not one, other, not other) for one in (True, False) for other in (True, False)}
    assert sampled(exchange, inside, 200) == expected


def test_large_blocks_are_sampled_evenly_too() -> None:
    """Of 80 patients 20 are in the stratum: each is so in a quarter of the samples, and 20 always are."""
    inside = np.arange(80) < 20
    found = strata(Exchange(np.zeros(80, int), np.arange(80), inside), inside, 2000)
    assert (found.sum(1) == 20).all()
    np.testing.assert_allclose(found.mean(0), 0.25, atol=0.05)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_the_p_of_a_share_is_fisher_s_by_distance(inside: int, outside: int, data: st.DataObject) -> None:
    """Of independent images all strata of that size are counted, one by one."""
    here, there = data.draw(st.integers(0, inside)), data.draw(st.integers(0, outside))
    value = here / inside - there / outside
    hits = np.r_[np.arange(inside) < here, np.arange(outside) < there]
    labels = np.zeros(inside + outside, int)
    exchange = Exchange(labels, np.arange(len(labels)), np.arange(len(labels)) < inside)
    p = exchange.share_p(labels == 0, hits, value, rng_of(), 100)
    of_chance = np.arange(inside + 1)
    chances = hypergeom.pmf(of_chance, len(hits), hits.sum(), inside)
    far = np.abs(of_chance / inside - (hits.sum() - of_chance) / outside) >= abs(value) - 1e-9
    assert p == pytest.approx(min(chances[far].sum(), 1.0), abs=1e-9)
    if inside == outside:  # then the distance orders the tables as their chances do
        table = [[here, inside - here], [there, outside - there]]
        assert p == pytest.approx(fisher_exact(table).pvalue, abs=1e-9)


def test_the_p_of_a_share_within_patients_counts_every_exchange() -> None:
    """Two patients of three images each, one in the stratum; only the first's images differ in being hits."""
    patients = np.repeat([0, 1], 3)
    hits = np.array([True, False, False, True, True, False])
    inside = np.array([True, False, False, False, False, True])
    value = 1 / 2 - 2 / 4
    exchange = Exchange(np.zeros(6, int), patients, inside)
    found = [
        hits[[one, other]].mean() - np.delete(hits, [one, other]).mean()
        for one in range(3)
        for other in range(3, 6)
    ]
    expected = np.mean(np.abs(found) >= abs(value) - 1e-9)
    assert exchange.share_p(np.ones(6, bool), hits, value, rng_of(), 100) == pytest.approx(expected)


def test_the_p_of_a_share_of_patients_with_several_images_is_by_sampling() -> None:
    """Eight patients of two images; the four in the stratum have no hit, the others all: 2 in 70 strata."""
    patients = np.repeat(np.arange(8), 2)
    inside = patients < 4
    exchange = Exchange(np.zeros(16, int), patients, inside)
    found = exchange.share_p(np.ones(16, bool), ~inside, -1.0, rng_of(), 20_000)
    assert len(list(combinations(range(8), 4))) == 70
    assert found == pytest.approx(2 / 70, rel=0.3)


def test_differences_of_areas_are_scikit_learn_s_from_either_side() -> None:
    rng = rng_of()
    labels = rng.integers(0, 3, 60)
    scores = rng.integers(0, 9, (60, 3)) / 9
    answers = Answers(("a", "b", "c"), labels, labels, np.arange(60), scores)
    areas, of_second = AreaDifferences(answers, range(3)), AreaDifferences(answers, [1])
    for inside in (np.arange(60) < 12, np.arange(60) < 45):
        sides = [
            [roc_auc_score(labels[side] == number, scores[side, number]) for number in range(3)]
            for side in (inside, ~inside)
        ]
        assert areas.of(np.flatnonzero(inside)) == pytest.approx(np.mean(sides[0]) - np.mean(sides[1]))
        assert of_second.of(np.flatnonzero(inside)) == pytest.approx(sides[0][1] - sides[1][1])
    assert np.isnan(areas.of(np.flatnonzero(labels == 0)))


def test_sampling_stops_when_enough_are_as_far_off() -> None:
    """Every second sample is: the hundredth is the 200th; of 100 all are taken where none is."""
    drawn = iter([np.tile([0.0, -0.5], 50)] * 10)
    assert sequential_p(0.5, drawn, 2000) == ENOUGH / 200
    assert len(list(drawn)) == 8
    assert sequential_p(0.5, iter([np.zeros(60)] * 10), 100) == pytest.approx(1 / 101)


def test_undefined_samples_do_not_count_and_an_unknown_difference_has_no_p() -> None:
    assert sequential_p(-0.3, [np.array([0.1, -0.3, 0.3, np.nan, 0.0])], 5) == pytest.approx(3 / 5)
    assert np.isnan(sequential_p(np.nan, [np.zeros(3)], 3))
    assert np.isnan(sequential_p(0.1, [np.array([np.nan])], 1))


def test_several_differences_share_their_samples() -> None:
    samples = iter([{"near": np.ones(150), "far": np.zeros(150)}] * 9)
    assert sequential_ps({"near": 0.5, "far": 0.5}, samples, 300) == {"near": 1.0, "far": 1 / 301}
    assert len(list(samples)) == 7


def test_without_a_difference_p_is_spread_evenly() -> None:
    """Of 120 studies without a difference about one in twenty has p <= 0.05."""
    ps = []
    for seed in range(120):
        rng = rng_of(seed)
        patients = np.repeat(np.arange(40), 3)
        hits = rng.random(120) < rng.choice([0.4, 1.0], 40)[patients]
        inside = (rng.random(40) < 0.4)[patients]
        exchange = Exchange(np.ones(120, int), patients, inside)
        value = float(hits[inside].mean() - hits[~inside].mean())
        ps.append(exchange.share_p(np.ones(120, bool), hits, value, rng, 400))
    assert np.mean(np.array(ps) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.1)
