"""`cxr stratify`: the metrics of a model by characteristics of the images."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.prediction.stratify import FILES, Format
from cxr_cli.prediction.stratify import stratify as stratify_images


def stratify(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS", help="A predictions.csv, or any table with label and score_<class>."
        ),
    ],
    by: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN",
            help="A characteristic; repeatable. `a,b` crosses two; `age:40,60` puts numbers into bins.",
        ),
    ],
    compare: Annotated[
        Path | None, typer.Option(metavar="OTHER", help="Another model's predictions of the same images.")
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="The finding; of more than two classes, against all others."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Call images positive from this score on. [as the table's column `predicted` says]"
        ),
    ] = None,
    small: Annotated[int, typer.Option(min=0, help="Mark strata with fewer images of a class.")] = 20,
    form: Annotated[Format, typer.Option("--format", help="How tables are printed.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for all tables and ROC plots.")
    ] = None,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
) -> None:
    """Print every metric of a model by characteristics of the images.

    Counts and metrics with intervals by patients, ROC curves, and each stratum's difference to all other
    images, with a permutation test, corrected for the number of differences (Holm). What is not recorded is a
    stratum of its own.
    """
    result = stratify_images(
        predictions,
        by,
        compare=compare,
        positive=positive,
        threshold=threshold,
        small=small,
        output=output,
        resamples=resamples,
        seed=seed,
        reporter=CONSOLE,
    )
    typer.echo(result.table(form), nl=False)
    if output is not None:
        say(f"{output}: {', '.join(FILES.values())} and ROC curves")
