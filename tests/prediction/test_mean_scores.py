"""The mean of several models' scores."""

import numpy as np
import pytest

from cxr_cli.prediction.mean_scores import mean_scores

FIRST, SECOND = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([[0.4, 0.6], [0.8, 0.2]])


def test_scores_are_averaged_and_the_highest_mean_is_predicted() -> None:
    mean = mean_scores([FIRST, SECOND])
    assert mean.values == pytest.approx(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert mean.spread == pytest.approx(np.full((2, 2), 0.2 * np.sqrt(2)))
    assert (mean.threshold, mean.predicted.tolist()) == (None, [0, 0])


def test_the_threshold_is_the_mean_of_the_models_thresholds() -> None:
    assert mean_scores([FIRST, SECOND], 1, [0.1, 0.5]).predicted.tolist() == [1, 1]
    assert mean_scores([FIRST, SECOND], 1, [0.3, 0.7]).predicted.tolist() == [0, 0]
    # Of pooled folds each image has that of its fold.
    mean = mean_scores([FIRST, SECOND], 1, [np.array([0.1, 0.3]), np.array([0.5, 0.7])])
    assert mean.threshold is not None
    assert mean.threshold.tolist() == pytest.approx([0.3, 0.5])
    assert mean.predicted.tolist() == [1, 0]


def test_where_a_model_has_no_threshold_the_highest_mean_decides() -> None:
    mean = mean_scores([FIRST, SECOND], 1, [0.1, None])
    assert (mean.threshold, mean.predicted.tolist()) == (None, [0, 0])


def test_scores_stay_in_the_precision_of_the_models() -> None:
    mean = mean_scores([FIRST.astype(np.float32), SECOND.astype(np.float32)])
    assert mean.values.dtype == mean.spread.dtype == np.float32
