"""Net benefit by hand."""

import numpy as np
import pytest

from cxr_cli.evaluation.net_benefit import net_benefit

POSITIVE = np.array([1, 1, 0, 0, 0], bool)


def test_true_positives_minus_weighted_false_positives() -> None:
    chance = np.array([0.9, 0.3, 0.6, 0.2, 0.1])
    # At 0.5: one of five true, one false at odds 1. At 0.25: two true, one false at odds 1/3.
    assert net_benefit(POSITIVE, chance, np.array([0.5, 0.25])) == pytest.approx(
        [1 / 5 - 1 / 5, 2 / 5 - 1 / 5 / 3]
    )


def test_treating_all_is_zero_at_the_prevalence() -> None:
    found = net_benefit(POSITIVE, np.ones(5), np.array([0.4, 0.2]))
    assert found == pytest.approx([0, 0.4 - 0.6 * 0.25])


def test_a_score_at_the_threshold_is_called_positive() -> None:
    assert net_benefit(POSITIVE, np.full(5, 0.5), np.array([0.5]))[0] == pytest.approx(0.4 - 0.6)
