"""The test of a RUN: predictions and metrics of a subset that the model was not trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import Rule, choose_point, positive_class
from cxr_cli.evaluation.report import MetricsReport, classification_report
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES
from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.plots.roc import curve_of, roc_curves
from cxr_cli.prediction.metrics_file import write_metrics
from cxr_cli.prediction.predictions_file import predictions_table, write_predictions
from cxr_cli.prediction.scores import called_at, class_scores
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
        figures: confusion matrix and ROC curves.
    """

    __test__: ClassVar[bool] = False  # no class of tests, whatever pytest makes of its name

    report: MetricsReport
    table: pd.DataFrame
    predictions: Path
    metrics: Path
    figures: tuple[Path, Path]


def test(
    run: Path | str,
    *,
    subset: Subset = "test",
    templates: Path | None = None,
    positive: str | None = None,
    sensitivity: float | None = None,
    threshold: float | None = None,
    output: Path | None = None,
    json: Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
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
        threshold: take this one, and look at no validation image.
        output: the predictions; None for the run's own file.
        json: the metrics, and figures beside it; None for the run's own.
        resamples: of patients, for bootstrap intervals.
        seed: of the resamples.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting: settings that exclude each other, or do not suit the run.
        BadInput: see `open_run_with_images`, `image_scorer` and `choose_point`.
    """
    run = Path(run)
    rule = Rule(sensitivity, threshold)
    opened = open_run_with_images(run, dataset, split, reporter)
    images, division = opened.dataset, opened.split
    classes = division.classes
    if len(classes) != 2:
        for field, value in (("positive", positive), ("sensitivity", sensitivity), ("threshold", threshold)):
            if value is not None:
                raise InvalidSetting(
                    field,
                    value,
                    f"is for two classes; {run} has {len(classes)}, and the highest score decides",
                )

    # The subset and, where they must choose the operating point, the validation images in one pass.
    rows = division.rows(subset)
    finding = positive_class(classes, positive) if len(classes) == 2 else None
    validation = division.rows("val") if finding is not None and rule.threshold is None else rows[:0]
    both = class_scores(opened.run, images.images, np.concatenate([rows, validation]), templates)
    scores, on_validation = both.take(slice(len(rows))), both.take(slice(len(rows), None))
    point = None
    if finding is not None:
        is_positive = division.labels[validation] == finding
        point = choose_point(rule, classes[finding], is_positive, on_validation.values[:, finding])
    scores = called_at(scores, classes, point)

    answers = Answers(
        classes, division.labels[rows], scores.predicted, division.patients[rows], scores.values, finding
    )
    report = classification_report(answers, resamples, seed, point)
    table = predictions_table(images, rows, scores, classes, point)

    # The test subset has the plain file names; those of another subset have its name in them.
    suffix = "" if subset == "test" else f"-{subset}"
    predictions, metrics = (
        path.with_name(f"{path.stem}{suffix}{path.suffix}") for path in (run / PREDICTIONS, run / METRICS)
    )
    figures = run / FIGURES / f"confusion{suffix}.png", run / FIGURES / f"roc{suffix}.png"
    if output is not None:
        predictions = output
    if json is not None:
        metrics = json
        figures = (
            json.with_name(f"{json.stem}-confusion{suffix}.png"),
            json.with_name(f"{json.stem}-roc{suffix}.png"),
        )
    write_predictions(predictions, table)
    write_metrics(metrics, opened.run, subset, report)
    accuracy = report.estimates.overall["accuracy"].value
    confusion_matrix(report.confusion_matrix, classes, f"{subset}: accuracy {accuracy:.2f}", figures[0])
    curves = [
        curve_of(answers, number, name, report.estimates.per_class["auc"][number].as_json())
        for number, name in enumerate(classes)
        if finding in (None, number)
    ]
    roc_curves(curves, f"{subset}: {len(rows)} images", figures[1])
    return TestResult(report, table, predictions, metrics, figures)
