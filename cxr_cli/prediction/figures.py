"""The figures of a test: confusion matrix, curves, calibration, scores, and the worst errors."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_cli.dataset.reader import Dataset
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.calibration import are_probabilities
from cxr_cli.evaluation.report import MetricsReport, format_metric
from cxr_cli.plots.calibration import CalibrationCurve, calibration_plot
from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.plots.decision_curve import decision_curves
from cxr_cli.plots.precision_recall import precision_recall_curves, precision_recall_of
from cxr_cli.plots.roc import curve_of, roc_curves
from cxr_cli.plots.save import VECTOR, save
from cxr_cli.plots.score_histogram import score_histograms
from cxr_cli.plots.thumbnails import Tile, draw_tiles, name_below

FIGURES_OF_A_TEST = (
    "confusion",
    "roc",
    "precision-recall",
    "calibration",
    "decision-curve",
    "scores",
    "errors",
)
ERRORS_SHOWN = 12
ERROR_COLUMNS = 6

TestedImages = tuple[Dataset, NDArray[np.int64]]
"""The dataset, and the row of each image that was tested."""


def draw_figures(
    answers: Answers,
    report: MetricsReport,
    title: str,
    folder: Path,
    prefix: str = "",
    suffix: str = "",
    images: TestedImages | None = None,
) -> tuple[Path, ...]:
    """Draw the figures of a test, as PNG and SVG.

    Args:
        answers: with scores.
        report: their metrics.
        title: what was tested, such as "test".
        folder: of the figures.
        prefix, suffix: of their names.
        images: what was tested; None where they are not at hand, and the worst errors are not shown.

    Returns:
        The PNG files.
    """
    paths = {name: folder / f"{prefix}{name}{suffix}.png" for name in FIGURES_OF_A_TEST}
    for path in paths.values():  # of an earlier test, which this one may not have all of
        path.unlink(missing_ok=True)
        path.with_suffix(VECTOR).unlink(missing_ok=True)

    classes, scores, positive = answers.classes, answers.scores, answers.positive
    shown = range(len(classes)) if positive is None else [positive]
    of_classes = report.estimates.per_class
    count = f"{title}: {len(answers)} images of {report.patients} patients"
    accuracy = f"{count}, accuracy {format_metric(report.estimates.overall['accuracy'])}"
    confusion_matrix(
        report.confusion_matrix, classes, accuracy, paths["confusion"], of_classes["sensitivity"]
    )
    if scores is None:
        return (paths["confusion"],)

    rocs = [
        curve_of(answers, each, classes[each], of_classes["auc"][each].as_json())._replace(number=each)
        for each in shown
    ]
    roc_curves(rocs, count, paths["roc"])
    precisions = [
        precision_recall_of(answers, each, classes[each], of_classes["average_precision"][each])._replace(
            number=each
        )
        for each in shown
    ]
    prevalence = None if positive is None else float((answers.labels == positive).mean())
    precision_recall_curves(precisions, prevalence, count, paths["precision-recall"])
    if are_probabilities(scores):
        calibrations = [
            CalibrationCurve(
                classes[each], answers.labels == each, scores[:, each], calibration_in_words(report, each)
            )
            for each in shown
        ]
        calibration_plot(calibrations, count, paths["calibration"], shown[0])
        if positive is not None:
            chances = {"model": scores[:, positive]}
            decision_curves(answers.labels == positive, chances, count, paths["decision-curve"], positive)
    point = report.operating_point
    threshold = None if point is None else point.threshold
    score_histograms(
        answers.labels, scores, classes, count, paths["scores"], shown=shown, threshold=threshold
    )
    if images is not None and (answers.predicted != answers.labels).any():
        draw_worst_errors(answers, images, f"{title}: the worst errors", paths["errors"])
    return tuple(path for path in paths.values() if path.exists())


def calibration_in_words(report: MetricsReport, number: int) -> str:
    """Say intercept and slope of a class."""
    intercept, slope = (
        format_metric(report.estimates.per_class[name][number])
        for name in ("calibration_intercept", "calibration_slope")
    )
    return f"intercept {intercept}\nslope {slope}"


def draw_worst_errors(answers: Answers, images: TestedImages, heading: str, path: Path) -> None:
    """Draw the images that are called another class with the highest scores for it.

    Below each is its name, see `name_below`.

    Args:
        answers: with scores, and an error among them.
        images: the dataset, and each image's row.
        heading: of the figure.
        path: the file to write.
    """
    assert answers.scores is not None
    dataset, rows = images
    of_called = answers.scores[np.arange(len(answers)), answers.predicted]
    wrong = np.flatnonzero(answers.predicted != answers.labels)
    worst = wrong[np.argsort(-of_called[wrong], kind="stable")][:ERRORS_SHOWN]
    hashed = bool(dataset.info.get("settings", {}).get("patient_key_digest"))

    def tile(place: int) -> Tile:
        called, label = answers.predicted[place], answers.labels[place]
        assert answers.scores is not None
        lines = [
            f"predicted P({answers.classes[called]}) {answers.scores[place, called]:.2f}",
            f"label P({answers.classes[label]}) {answers.scores[place, label]:.2f}",
        ]
        of_image = dataset.manifest.iloc[rows[place]]
        below = name_below(of_image["source"], of_image["image_id"], hashed=hashed)
        return Tile(dataset.images[rows[place]], "\n".join(lines), below, wrong=True)

    heading = f"{heading}: {len(worst)} of {len(wrong)}, by the score of the class predicted"
    save(draw_tiles([tile(place) for place in worst], ERROR_COLUMNS, heading)[0], path, vector=False)
