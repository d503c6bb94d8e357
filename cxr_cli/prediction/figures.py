"""The figures of a test: confusion matrix, ROC, and, of a positive class, calibration and decision curve."""

from pathlib import Path

from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.calibration import are_probabilities
from cxr_cli.evaluation.report import MetricsReport, format_metric
from cxr_cli.plots.calibration import CalibrationCurve, calibration_plot
from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.plots.decision_curve import decision_curves
from cxr_cli.plots.roc import curve_of, roc_curves


def draw_figures(
    answers: Answers, report: MetricsReport, title: str, folder: Path, prefix: str = "", suffix: str = ""
) -> tuple[Path, ...]:
    """Draw the figures of a test.

    Args:
        answers: with scores.
        report: their metrics.
        title: what was tested, such as "test".
        folder: of the figures.
        prefix, suffix: of their names.

    Returns:
        The files.
    """

    def path(name: str) -> Path:
        return folder / f"{prefix}{name}{suffix}.png"

    number = answers.positive
    accuracy = report.estimates.overall["accuracy"].value
    count = f"{title}: {len(answers)} images"
    confusion_matrix(
        report.confusion_matrix, answers.classes, f"{count}, accuracy {accuracy:.2f}", path("confusion")
    )
    curves = [
        curve_of(answers, each, name, report.estimates.per_class["auc"][each].as_json())
        for each, name in enumerate(answers.classes)
        if number in (None, each)
    ]
    roc_curves(curves, count, path("roc"))
    figures = [path("confusion"), path("roc")]
    if number is not None and answers.scores is not None and are_probabilities(answers.scores):
        positive, chance = answers.labels == number, answers.scores[:, number]
        count = f"{count}, {int(positive.sum())} {answers.classes[number]}"
        curve = CalibrationCurve(calibration_in_words(report), positive, chance)
        calibration_plot([curve], count, path("calibration"))
        decision_curves(positive, {"model": chance}, count, path("decision-curve"))
        figures += [path("calibration"), path("decision-curve")]
    return tuple(figures)


def calibration_in_words(report: MetricsReport) -> str:
    """Say intercept and slope of the positive class."""
    intercept, slope = report.metric("calibration_intercept"), report.metric("calibration_slope")
    assert intercept is not None
    assert slope is not None
    return f"intercept {format_metric(intercept)}, slope {format_metric(slope)}"
