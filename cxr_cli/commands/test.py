"""`cxr test`: a trained RUN on a subset it did not learn from."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.errors import UsageFault

TestSeed = Annotated[int, typer.Option(min=0, help="Seed of the resamples.")]


def test(
    run: options.RunFolder,
    subset: Annotated[str, typer.Option(help="test, val or train.")] = "test",
    templates: options.Templates = None,
    positive: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Of two classes, the finding. [the one not named like a negative, else the second]",
        ),
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1.0,
            help="Call images positive from the highest score on that reaches this sensitivity on validation. "
            "[from that with the highest Youden index there]",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Call images positive from this score on, such as 0.5.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Predictions. [RUN/predictions.csv]")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="Figures as JSON, pictures beside it. [RUN/metrics.json, RUN/figures]"),
    ] = None,
    resamples: options.Resamples = 2000,
    seed: TestSeed = 0,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Predict a subset and print figures with intervals.

    With two classes the score from which on an image is called positive is chosen on validation images, never
    on those that are tested. Intervals are by patient. Predictions carry the images' characteristics, for
    `cxr stratify`.
    """
    import numpy as np

    from cxr_cli.artifacts import write_csv, write_json
    from cxr_cli.evaluation.metrics.answers import Answers
    from cxr_cli.evaluation.operating_point import Rule, choose_point, positive_class
    from cxr_cli.evaluation.report import classification_report, format_report
    from cxr_cli.plots.plots import confusion_matrix, roc_curves
    from cxr_cli.plots.roc import curve_of
    from cxr_cli.prediction.scores import called_at, class_scores, predictions_table
    from cxr_cli.runs.folder import open_all

    rule = Rule(sensitivity, threshold)
    trained, images, division = open_all(run, dataset, split, CONSOLE)
    classes = division.classes
    two_classes = len(classes) == 2
    if not two_classes and (positive is not None or rule != Rule()):
        raise UsageFault(
            f"{run}: has {len(classes)} classes, and the highest score decides; "
            "--positive, --sensitivity and --threshold are for two"
        )
    finding = positive_class(classes, positive) if two_classes else None

    rows = division.rows(subset)
    validation = rows[:0] if finding is None or rule.threshold is not None else division.rows("val")
    every = class_scores(trained, images.images, np.concatenate([rows, validation]), templates)
    scores, on_validation = every.take(slice(len(rows))), every.take(slice(len(rows), None))
    point = cut = None
    if finding is not None:
        point = choose_point(
            rule, classes[finding], division.labels[validation] == finding, on_validation.values[:, finding]
        )
        cut = (classes[finding], point.threshold)
    scores = called_at(scores, classes, cut)

    labels, patients = division.labels[rows], division.patients[rows]
    answers = Answers(classes, labels, scores.predicted, patients, scores.values, finding)
    metrics = classification_report(answers, resamples, seed, point)
    report = {"run": str(run), "epoch": trained.epoch, "subset": subset, **metrics.as_json()}

    # The test subset has the plain names; figures of another subset are kept apart by its name.
    suffix = "" if subset == "test" else f"-{subset}"
    predictions = output or run / f"predictions{suffix}.csv"
    write_csv(predictions, predictions_table(images, rows, scores, classes, cut))
    write_json(json or run / f"metrics{suffix}.json", report)
    confusion_matrix(
        np.array(report["confusion_matrix"]),
        classes,
        f"{subset}: accuracy {report['accuracy']['value']:.2f}",
        _picture(run, json, f"confusion{suffix}"),
    )
    curves = [
        curve_of(answers, number, name, report["per_class"][name]["auc"])
        for number, name in enumerate(classes)
        if finding in (None, number)
    ]
    roc_curves(curves, f"{subset}: {len(rows)} images", _picture(run, json, f"roc{suffix}"))
    typer.echo(format_report(metrics))
    say(f"{predictions}: {len(rows)} images")
    if point is not None:
        say(f"its column `predicted` follows the operating point, `threshold_{report['positive']}`")


def _picture(run: Path, json: Path | None, name: str) -> Path:
    """Place a picture beside the JSON that it shows: those in RUN are of RUN's own."""
    from cxr_cli.runs.folder import FIGURES

    return run / FIGURES / f"{name}.png" if json is None else json.with_name(f"{json.stem}-{name}.png")
