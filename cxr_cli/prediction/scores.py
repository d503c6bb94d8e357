"""Images -> a score for each class, and the predicted class."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint, called
from cxr_cli.evaluation.recalibration import Calibration
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.forward import apply_run
from cxr_cli.prediction.loading import FetchBatch, image_source
from cxr_cli.prediction.metrics_file import read_calibration, read_operating_point
from cxr_cli.prediction.templates import read_templates, similarity_logits
from cxr_cli.reporting import Advance, unheard
from cxr_cli.runs.folder import TEMPLATES
from cxr_cli.runs.model_store import TrainedRun


class Scores(NamedTuple):
    """The scores of N images by a run.

    Attributes:
        values: float32 [N, C], 0 ... 1: softmax probabilities, or similarities to a siamese run's templates.
        predicted: int [N], the class of the highest logit; values near 0 and 1 may be rounded to ties.
    """

    values: NDArray[np.float32]
    predicted: NDArray[np.int64]

    def take(self, images: slice) -> "Scores":
        """Return the scores of some of the images."""
        return Scores(self.values[images], self.predicted[images])


ScoreAnswers = Callable[[NDArray[np.float32]], Scores]
"""Maps a run's answers [N, ...], logits or vectors, to scores."""

ScoreImages = Callable[[FetchBatch, NDArray[np.int64]], Scores]
"""Maps a source of images, and rows of it, to their scores."""


def class_scores(
    run: TrainedRun,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    templates: Path | None = None,
    advance: Advance = unheard,
) -> Scores:
    """Score images by class.

    Args:
        run: the trained run.
        images: uint8 [N, H, W].
        rows: which images.
        templates: of a siamese run; None takes the run's own.
        advance: receives how many images are done.

    Raises:
        InvalidSetting, BadInput: see `image_scorer`.
    """
    scorer = image_scorer(run, templates, advance)
    return scorer(image_source(images, devices=local_devices()), rows)


def image_scorer(run: TrainedRun, templates: Path | None = None, advance: Advance = unheard) -> ScoreImages:
    """Make the function that scores images by class; it compiles once, however often it is called.

    Args:
        run: the trained run.
        templates: of a siamese run; None takes the run's own.
        advance: receives how many images of a call are done.

    Raises:
        InvalidSetting: templates for a run that is not siamese.
        BadInput: no templates, or those of another run.
    """
    apply, score = apply_run(run, advance=advance), answer_scorer(run, templates)
    return lambda fetch, rows: score(apply(fetch, rows))


def answer_scorer(run: TrainedRun, templates: Path | None = None) -> ScoreAnswers:
    """Make the function that scores what `forward_of_run` answers; see `image_scorer`.

    The function raises BadInput for an answer that is no number.
    """
    if run.config.siamese:
        references = read_templates(templates or run.folder / TEMPLATES, run)

        def compare(vectors: NDArray[np.float32]) -> Scores:
            _check_finite(run.folder, vectors)
            logits = similarity_logits(run, vectors, references)
            return Scores(expit(logits), logits.argmax(-1))

        return compare
    if templates is not None:
        raise InvalidSetting(
            "templates", templates, f"{run.folder} is no siamese run and has no use for templates"
        )

    def read(logits: NDArray[np.float32]) -> Scores:
        _check_finite(run.folder, logits)
        return Scores(softmax(logits, axis=-1), logits.argmax(-1))

    return read


def _check_finite(run: Path, answers: NDArray[np.float32]) -> None:
    wrong = np.flatnonzero(~np.isfinite(answers).all(axis=-1))
    if len(wrong):
        raise BadInput(
            f"{run}: the model gives no numbers for {len(wrong)} of {len(answers)} images, the first is "
            f"number {wrong[0] + 1}: its weights are damaged, or its training diverged; train it again"
        )


def calibrated(scores: Scores, calibration: Calibration | None) -> Scores:
    """Turn scores into probabilities by a calibration, if there is one; the highest is predicted."""
    if calibration is None:
        return scores
    values = calibration.apply(scores.values)
    # Temperature scaling keeps the order, of which rounded values may have ties.
    predicted = scores.predicted if calibration.method == "temperature" else values.argmax(1)
    return Scores(values, predicted)


def decided_scores(
    run: TrainedRun, images: NDArray[np.uint8], rows: NDArray[np.int64], templates: Path | None = None
) -> Scores:
    """Score images, calibrate and predict as the run's test decided on validation; see `class_scores`."""
    scores = calibrated(class_scores(run, images, rows, templates), read_calibration(run))
    return called_at(scores, run.config.classes, read_operating_point(run))


def called_at(scores: Scores, classes: tuple[str, ...], point: OperatingPoint | None) -> Scores:
    """Predict one of two classes by an operating point; without one the highest score decides."""
    if point is None:
        return scores
    positive = classes.index(point.positive)
    return scores._replace(predicted=called(scores.values, positive, point.threshold))
