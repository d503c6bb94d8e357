"""Agreement between readers, against hand-worked tables and statsmodels 0.15 on file."""

import numpy as np
import pytest

from cxr_cli.evaluation.agreement import cohen_kappa, fleiss_kappa


def two_readers(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Calls of two readers whose table of counts this is: first reader by second."""
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    first, second = np.array(cells).T
    return first, second


@pytest.mark.parametrize(
    ("table", "kappa", "low", "high"),
    [
        # By hand: 35 of 50 agree, 25 by chance (0.5 * 0.6 + 0.5 * 0.4): (0.7 - 0.5) / 0.5.
        ([[20, 5], [10, 15]], 0.4, 0.151092290476661, 0.6489077095233389),
        ([[44, 5, 1], [7, 20, 3], [9, 5, 6]], 0.49152542372881347, 0.35015820121748686, 0.6328926462401401),
    ],
)
def test_cohen_s_kappa_and_its_interval(
    table: list[list[int]], kappa: float, low: float, high: float
) -> None:
    first, second = two_readers(table)
    found = cohen_kappa(first, second, len(table), np.arange(len(first)), np.random.default_rng(0))
    assert found.value == pytest.approx(kappa, rel=1e-12)
    assert found.interval.method == "asymptotic"
    assert found.interval[:2] == pytest.approx((low, high), rel=1e-9)


def test_images_of_one_patient_widen_the_interval() -> None:
    first, second = two_readers([[20, 5], [10, 15]])
    alone = cohen_kappa(first, second, 2, np.arange(50), np.random.default_rng(0))
    four_times = [np.repeat(calls, 4) for calls in (first, second)]
    found = cohen_kappa(*four_times, 2, np.repeat(np.arange(50), 4), np.random.default_rng(0))
    assert found.value == pytest.approx(0.4)
    assert found.interval.method == "bootstrap"
    # By patients the fourfold copies carry no more than the 50 images do.
    assert found.interval.low == pytest.approx(alone.interval.low, abs=0.04)
    assert found.interval.high == pytest.approx(alone.interval.high, abs=0.04)


def test_readers_who_agree_on_one_class_alone_have_no_kappa() -> None:
    calls = np.zeros(9, np.int64)
    found = cohen_kappa(calls, calls, 2, np.arange(9), np.random.default_rng(0))
    assert np.isnan(found.value)
    assert found.interval.method == "none"


def test_fleiss_kappa_of_the_table_of_1971() -> None:
    # Ten subjects, fourteen raters, five categories; kappa 0.210 (Fleiss 1971 as Wikipedia works it out).
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    calls = np.stack([np.repeat(np.arange(5), row) for row in counts])
    found = fleiss_kappa(calls, 5, np.arange(10), np.random.default_rng(0))
    assert found.value == pytest.approx(0.20993070442195522, rel=1e-12)
    assert found.interval.low < found.value < found.interval.high
