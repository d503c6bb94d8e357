"""`cxr test`: a trained RUN on a subset it did not learn from."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def test(
    run: options.RunFolder,
    subset: Annotated[str, typer.Option(help="test, val or train.")] = "test",
    templates: Annotated[
        Path | None, typer.Option(help="Templates of a siamese run. [RUN/templates.npz]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Predictions. [RUN/predictions.csv]")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Figures as JSON. [RUN/metrics.json]")] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Predict a subset and print figures with intervals.

    Intervals are by patient. Predictions carry the films' characteristics, for a table of one's own.
    """
    import numpy as np

    from cxr_cli.artifacts import write_csv, write_json
    from cxr_cli.evaluation.report import classification_report, format_report
    from cxr_cli.figures.plots import confusion_matrix
    from cxr_cli.inference.predict import class_scores, predictions_table
    from cxr_cli.run import FIGURES, is_finished, open_films, open_run

    trained = open_run(run)
    films, division = open_films(trained.config, dataset, split)
    if not is_finished(run):
        say(f"{run}: training is not finished; this is the best model so far, of epoch {trained.epoch}")
    rows = division.rows(subset)
    scores = class_scores(trained, films.images, rows, templates)
    labels, patients = division.labels[rows], division.patients[rows]
    report = classification_report(labels, scores.predicted, patients, division.classes)
    report = {"run": str(run), "epoch": trained.epoch, "subset": subset, **report}

    # The test subset has the plain names; figures of another subset are kept apart by its name.
    suffix = "" if subset == "test" else f"-{subset}"
    predictions = output or run / f"predictions{suffix}.csv"
    write_csv(predictions, predictions_table(films, rows, scores, division.classes))
    write_json(json or run / f"metrics{suffix}.json", report)
    confusion_matrix(
        np.array(report["confusion_matrix"]),
        division.classes,
        f"{subset}: accuracy {report['accuracy']['value']:.2f}",
        run / FIGURES / f"confusion{suffix}.png",
    )
    typer.echo(format_report(report))
    say(f"{predictions}: {len(rows)} films")
