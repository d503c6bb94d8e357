"""Correction of p values for their number."""

import numpy as np

from cxr_cli.evaluation.metrics.confusion import Floats


def holm(p: Floats) -> Floats:
    """Correct a family of p values [K] for their number; NaN stays NaN and does not count.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    corrected = np.full(len(p), np.nan)
    steps = np.arange(len(order), 0, -1) * p[order]
    corrected[order] = np.maximum.accumulate(np.minimum(steps, 1.0))
    return corrected
