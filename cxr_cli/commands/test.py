"""`cxr test`: a trained RUN on a subset it did not learn from."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.splitting.criteria import Subset

TestSeed = Annotated[int, typer.Option(min=0, help="Random seed of the resamples.")]


def test(
    run: options.RunFolder,
    subset: Annotated[Subset, typer.Option(help="Images to predict.")] = "test",
    templates: options.Templates = None,
    positive: options.Positive = None,
    sensitivity: options.Sensitivity = None,
    threshold: Annotated[
        float | None, typer.Option(help="Call an image positive if its score is at least this, such as 0.5.")
    ] = None,
    calibrate: options.Calibrate = None,
    prevalence: Annotated[
        float | None,
        typer.Option(help="Of two classes, also compute predictive values at this prevalence, such as 0.03."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The predictions to write. [RUN/predictions.csv]")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="The metrics to write; figures go beside it. [RUN/metrics.json, RUN/figures]"),
    ] = None,
    resamples: options.Resamples = 2000,
    seed: TestSeed = 0,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Predict images and print metrics with intervals.

    With two classes, the threshold of the score is chosen on validation images, never on those that are
    tested. Intervals are by patient. The predictions include the images' characteristics, for `cxr stratify`.
    """
    from cxr_cli.evaluation.report import format_report
    from cxr_cli.prediction.predictions_file import THRESHOLD
    from cxr_cli.prediction.test import test as test_run

    result = test_run(
        run,
        subset=subset,
        templates=templates,
        positive=positive,
        sensitivity=sensitivity,
        threshold=threshold,
        calibrate=calibrate,
        prevalence=prevalence,
        output=output,
        json=json,
        resamples=resamples,
        seed=seed,
        dataset=dataset,
        split=split,
        reporter=CONSOLE,
    )
    typer.echo(format_report(result.report))
    if result.calibration is not None:
        say(
            f"scores are calibrated: {result.calibration.method}, fitted on {result.calibration.images} "
            "validation images"
        )
    say(f"{result.predictions}: {len(result.table)} images")
    if result.report.operating_point is not None:
        column = f"{THRESHOLD}{result.report.operating_point.positive}"
        say(f"its column `predicted` follows the operating point, `{column}`")
