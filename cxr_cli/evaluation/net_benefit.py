"""Net benefit of acting on a score."""

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.confusion import Floats


def net_benefit(positive: NDArray[np.bool_], chance: NDArray[np.floating], thresholds: Floats) -> Floats:
    """Compute true positives minus false positives per image, these weighted by the odds of the threshold.

    Source: Vickers & Elkin 2006, Medical Decision Making 26:565.

    Args:
        positive: bool [N].
        chance: [N], 0 ... 1.
        thresholds: [K], threshold probabilities, 0 < threshold < 1; scores at or above are called positive.

    Returns:
        float64 [K], in true positives per image.
    """
    called = chance[None] >= thresholds[:, None]
    true, false = (called & positive).mean(1), (called & ~positive).mean(1)
    return np.asarray(true - false * thresholds / (1 - thresholds))
