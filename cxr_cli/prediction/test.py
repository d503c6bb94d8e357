"""The test of a RUN: predictions and metrics of a subset that the model was not trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.choices import CalibrationMethod
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import Rule, choose_point, positive_class
from cxr_cli.evaluation.recalibration import Calibration, fit_calibration
from cxr_cli.evaluation.report import MetricsReport, classification_report
from cxr_cli.locks import holds
from cxr_cli.prediction.figures import draw_figures
from cxr_cli.prediction.metrics_file import write_metrics
from cxr_cli.prediction.predictions_file import predictions_table, write_predictions
from cxr_cli.prediction.scores import calibrated, called_at, class_scores
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import FIGURES, METRICS, PREDICTIONS, open_run_with_images
from cxr_cli.splitting.criteria import Subset


@dataclass(frozen=True)
class TestResult:
    """A run tested on a subset.

    Attributes:
        report: the metrics with their intervals; `report.operating_point` is None where the highest score
            decides.
        table: of predictions, one row for each image, see `predictions_table`.
        predictions, metrics: where the table and the report were written.
        calibration: of the scores, fitted on validation images; None without.
        figures: see `draw_figures`.
    """

    __test__: ClassVar[bool] = False  # no class of tests, whatever pytest makes of its name

    report: MetricsReport
    table: pd.DataFrame
    predictions: Path
    metrics: Path
    calibration: Calibration | None
    figures: tuple[Path, ...]

    def _repr_html_(self) -> str:
        """Show the metrics in a notebook."""
        return self.report._repr_html_()


@holds("run")
def test(
    run: Path | str,
    *,
    subset: Subset = "test",
    templates: Path | None = None,
    positive: str | None = None,
    sensitivity: float | None = None,
    threshold: float | None = None,
    calibrate: CalibrationMethod | None = None,
    prevalence: float | None = None,
    output: Path | None = None,
    json: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> TestResult:
    """Predict a subset, compute metrics with intervals by patients, and write both.

    Of two classes, the operating point is chosen on validation images and applied to the subset.

    Args:
        run: folder of the run.
        subset: which images are predicted.
        templates: of a siamese run; None takes the run's own.
        positive: of two classes, the positive one; None for the likely one, see `positive_class`.
        sensitivity: choose the highest threshold that reaches this on validation. None, and no threshold: the
            one with the highest Youden index there.
        threshold: take this one, and choose none on validation images.
        calibrate: recalibrate the scores by this method, fitted on validation images; the operating point is
            one of the calibrated scores.
        prevalence: of two classes, also compute predictive values at this prevalence of the positive one.
        output: the predictions; None for the run's own file.
        json: the metrics, and figures beside it; None for the run's own.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting: settings that exclude each other, or do not suit the run.
        BadInput: see `open_run_with_images`, `image_scorer` and `choose_point`.
    """
    run = Path(run)
    rule = Rule(sensitivity, threshold)
    if prevalence is not None and not 0 < prevalence < 1:
        raise InvalidSetting("prevalence", prevalence, "more than 0 is needed, and less than 1")
    opened = open_run_with_images(run, dataset, split, reporter)
    images, division = opened.dataset, opened.split
    classes = division.classes
    if len(classes) != 2:
        for field, value in (
            ("positive", positive),
            ("sensitivity", sensitivity),
            ("threshold", threshold),
            ("prevalence", prevalence),
        ):
            if value is not None:
                raise InvalidSetting(
                    field,
                    value,
                    f"is for two classes; {run} has {len(classes)}, and the highest score decides",
                )

    # The subset and, where something is decided on them, the validation images in one pass.
    rows = division.rows(subset)
    finding = positive_class(classes, positive) if len(classes) == 2 else None
    decides = calibrate is not None or (finding is not None and rule.threshold is None)
    validation = division.rows("val") if decides else rows[:0]
    with reporter.progress("images") as advance:
        both = class_scores(opened.run, images.images, np.concatenate([rows, validation]), templates, advance)
    scores, on_validation = both.take(slice(len(rows))), both.take(slice(len(rows), None))
    calibration, point = None, None
    if calibrate is not None:
        calibration = fit_calibration(calibrate, on_validation.values, division.labels[validation])
        scores, on_validation = (calibrated(of, calibration) for of in (scores, on_validation))
    if finding is not None:
        is_positive = division.labels[validation] == finding
        point = choose_point(rule, classes[finding], is_positive, on_validation.values[:, finding])
    scores = called_at(scores, classes, point)

    answers = Answers(
        classes,
        division.labels[rows],
        scores.predicted,
        division.patients[rows],
        scores.values,
        finding,
        prevalence,
    )
    report = classification_report(answers, point)
    table = predictions_table(images, rows, scores, classes, point, model_id=opened.run.model_id)

    # The test subset has the plain file names; those of another subset have its name in them.
    suffix = "" if subset == "test" else f"-{subset}"
    predictions, metrics = (
        path.with_name(f"{path.stem}{suffix}{path.suffix}") for path in (run / PREDICTIONS, run / METRICS)
    )
    predictions, metrics = output or predictions, json or metrics
    write_predictions(predictions, table)
    write_metrics(metrics, opened.run, subset, report, calibration)
    place = run / FIGURES if json is None else json.parent
    prefix = "" if json is None else f"{json.stem}-"
    figures = draw_figures(answers, report, subset, place, prefix, suffix, (images, rows))
    return TestResult(report, table, predictions, metrics, calibration, figures)
