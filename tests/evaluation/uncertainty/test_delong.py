"""DeLong's test: the example of his paper, the formula worked in fractions, and images of one patient."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import norm

from cxr_cli.evaluation.uncertainty.delong import areas, compare_areas

# 43 patients of DeLong, DeLong & Clarke-Pearson 1988 with albumin, total protein, K-G score (lower is better)
# and outcome, as printed in the SAS/STAT User's Guide, "Comparing Receiver Operating
# Characteristic Curves" of the LOGISTIC procedure.
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""


def ovarian() -> tuple[np.ndarray, np.ndarray]:
    """The outcome [43], and K-G score, albumin, total protein [3, 43], higher is better."""
    albumin, protein, score, outcome = np.array(OVARIAN.split(), float).reshape(-1, 4).T
    return outcome == 1, np.stack([-score, albumin, protein])


def test_the_published_example() -> None:
    positive, scores = ovarian()
    values, covariance = areas(positive, scores, np.arange(43))
    np.testing.assert_allclose(values, [0.7258, 0.7366, 0.6478], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [0.1028, 0.0927, 0.1000], atol=5e-5)
    contrast = np.array([[-1, 1, 0], [-1, 0, 1]])
    difference = contrast @ values
    chi_squared = difference @ np.linalg.solve(contrast @ covariance @ contrast.T, difference)
    assert chi_squared == pytest.approx(2.5340, abs=5e-5)


@pytest.mark.parametrize(
    ("other", "difference", "error", "chi_squared", "p"),
    [(1, 0.0108, 0.0953, 0.0127, 0.9102), (2, -0.0780, 0.1046, 0.5554, 0.4561)],
)
def test_the_published_comparisons(
    other: int, difference: float, error: float, chi_squared: float, p: float
) -> None:
    positive, scores = ovarian()
    found = compare_areas(positive, scores[0], scores[other], np.arange(43))
    assert found.value == pytest.approx(difference, abs=5e-5)
    assert found.p == pytest.approx(p, abs=5e-5)
    assert (found.high - found.low) / 2 == pytest.approx(norm.ppf(0.975) * error, abs=2e-4)
    assert (found.value / ((found.high - found.low) / 2 / norm.ppf(0.975))) ** 2 == pytest.approx(
        chi_squared, abs=5e-5
    )


def exact_covariance(positive: list[bool], first: list[int], second: list[int]) -> Fraction:
    """DeLong's covariance of two AUCs, term by term as in the paper, in fractions."""

    def kernel(x: int, y: int) -> Fraction:
        return Fraction(1) if x > y else Fraction(1, 2) if x == y else Fraction(0)

    def components(scores: list[int]) -> tuple[list[Fraction], list[Fraction]]:
        xs = [score for score, is_one in zip(scores, positive, strict=True) if is_one]
        ys = [score for score, is_one in zip(scores, positive, strict=True) if not is_one]
        return (
            [sum((kernel(x, y) for y in ys), Fraction(0)) / len(ys) for x in xs],
            [sum((kernel(x, y) for x in xs), Fraction(0)) / len(xs) for y in ys],
        )

    total = Fraction(0)
    for of_first, of_second in zip(components(first), components(second), strict=True):
        count = len(of_first)
        means = sum(of_first) / count, sum(of_second) / count
        products = ((a - means[0]) * (b - means[1]) for a, b in zip(of_first, of_second, strict=True))
        total += sum(products, Fraction(0)) / (count - 1) / count
    return total


@st.composite
def two_models(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two images of each class or more, and two models' scores with many ties."""
    images = draw(st.integers(4, 14))
    positive = np.array(draw(st.permutations([True, True, False, False, *draw_bools(draw, images - 4)])))
    return positive, draw(npst.arrays(np.int64, (2, images), elements=st.integers(0, 5)))


def draw_bools(draw: st.DrawFn, count: int) -> list[bool]:
    return draw(st.lists(st.booleans(), min_size=count, max_size=count))


@given(two_models())
def test_midranks_give_the_paper_s_sums(models: tuple[np.ndarray, np.ndarray]) -> None:
    positive, scores = models
    _, covariance = areas(positive, scores.astype(float), np.arange(len(positive)))
    for i, j in np.ndindex(2, 2):
        exact = exact_covariance(positive.tolist(), scores[i].tolist(), scores[j].tolist())
        assert covariance[i, j] == pytest.approx(float(exact), abs=1e-12)


@given(two_models(), st.integers(2, 4))
def test_copies_of_a_patient_s_image_tell_nothing_new(
    models: tuple[np.ndarray, np.ndarray], copies: int
) -> None:
    positive, scores = models
    patients = np.arange(len(positive))
    once = areas(positive, scores, patients)
    again = areas(np.tile(positive, copies), np.tile(scores, copies), np.tile(patients, copies))
    np.testing.assert_allclose(again.values, once.values, atol=1e-12)
    np.testing.assert_allclose(again.covariance, once.covariance, atol=1e-12)


def test_a_patient_with_images_of_both_classes_is_one_patient() -> None:
    """Worked by hand: patients a (positive 2, negative 1) and b (positive 0, negative 3).

    Placements: positive 2 beats 1 of the two negatives, positive 0 none, so V10 = (1/2, 0); negative 1 is
    beaten by one of two, negative 3 by none: V01 = (1/2, 0). The AUC is 1/4, deviations are +-1/4, over two
    images +-1/8, for positives and negatives alike: 2 * (2/64) each, and 2 * 2 * (2/64) across.
    """
    scores = np.array([[2.0, 1.0, 0.0, 3.0]])
    value, variance = areas(np.array([True, False, True, False]), scores, np.array([1, 1, 2, 2]))
    assert value == pytest.approx(0.25)
    assert variance == pytest.approx(2 * 2 / 64 + 2 * 2 / 64 + 2 * 2 * 2 / 64)


@pytest.mark.parametrize("positive", [[True, True, True], [False, True, True], [False] * 3])
def test_too_few_images_have_no_variance(positive: list[bool]) -> None:
    _, variance = areas(np.array(positive), np.array([[1.0, 2.0, 3.0]]), np.arange(3))
    assert np.isnan(variance)


def test_models_that_rank_alike_do_not_differ_and_swapping_turns_the_sign() -> None:
    rng = np.random.default_rng(0)
    positive, first, second = rng.random(60) < 0.5, rng.normal(size=60), rng.normal(size=60)
    patients = np.arange(60)
    same = compare_areas(positive, first, np.exp(first), patients)
    assert (same.value, same.p) == (0.0, 1.0)
    assert np.isnan([same.low, same.high]).all()
    there = compare_areas(positive, first, second, patients)
    back = compare_areas(positive, second, first, patients)
    assert back == pytest.approx((-there.value, -there.high, -there.low, there.p))


def test_models_that_cannot_vary_have_no_p() -> None:
    positive, scores = np.array([True, True, False, False]), np.array([4.0, 3.0, 2.0, 1.0])
    assert np.isnan(compare_areas(positive, scores, -scores, np.arange(4)).p)
