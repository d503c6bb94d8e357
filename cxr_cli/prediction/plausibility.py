"""What is odd in a table of predictions: it is reported, and counts as it is."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.calibration import are_probabilities
from cxr_cli.evaluation.operating_point import called
from cxr_cli.prediction.columns import SCORE, THRESHOLD
from cxr_cli.reporting import Reporter


def report_scores(
    path: Path,
    answers: Answers,
    named: tuple[str, ...],
    scores: NDArray[np.float64],
    reporter: Reporter,
) -> None:
    """Say that scores are no probabilities, and that a class has no image."""
    assert answers.scores is not None
    if not are_probabilities(answers.scores):
        left_out = "Brier score and calibration, which need probabilities, are left out"
        if scores.min() < 0 or scores.max() > 1:
            each = ", ".join(
                f"{SCORE}{name} from {of.min():.4g} to {of.max():.4g}"
                for name, of in zip(named, scores.T, strict=True)
            )
            reporter.say(
                f"{path}: scores outside of 0 ... 1 (percentages, logits?) are taken as they are: {each}; "
                f"{left_out}"
            )
        else:
            apart = int((np.abs(scores.sum(1) - 1) > 0.01).sum())
            reporter.say(
                f"{path}: the scores of {apart} of {len(scores)} images do not sum to 1 (several findings an "
                f"image, or similarities?); {left_out}"
            )
    images = np.bincount(answers.labels, minlength=len(answers.classes))
    for number in np.flatnonzero(images == 0):
        reporter.say(
            f"{path}: no image has the label {answers.classes[number]!r}; metrics that need one are undefined"
        )


def report_disagreement(
    path: Path,
    everything: Answers,
    answers: Answers,
    thresholds: NDArray[np.float64] | None,
    reporter: Reporter,
) -> None:
    """Say on how many images `predicted` is not what the scores say.

    Of two classes without a threshold they say nothing, but that no negative may have more than a positive.
    """
    scores, positive = everything.scores, answers.positive
    assert scores is not None
    if len(everything.classes) > 2:
        own = np.take_along_axis(scores, everything.predicted[:, None], 1)[:, 0]
        apart, what = own < scores.max(1), "is not the class of the highest score"
    elif thresholds is not None and positive is not None:
        apart = called(scores, positive, thresholds) != answers.predicted
        what = f"does not follow {THRESHOLD}{answers.classes[positive]}"
    else:
        is_positive, of_positive = answers.predicted == positive, scores[:, positive]
        lowest = of_positive[is_positive].min(initial=np.inf)
        apart, what = ~is_positive & (of_positive > lowest), "follows no threshold of the score"
    if apart.any():
        reporter.say(
            f"{path}: `predicted` {what} on {int(apart.sum())} of {len(apart)} images, line "
            f"{int(np.flatnonzero(apart)[0]) + 2} the first; it counts as it is"
        )
