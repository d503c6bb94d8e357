"""`cxr stratify`: the metrics of a model by characteristics of the images."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.prediction.stratify import FILES
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
            help="A characteristic; repeatable. `a,b` crosses two; `age:40,60` groups numbers. "
            "Double quotes stand around a name with a comma or colon.",
        ),
    ],
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER", help="Another model's predictions of the same images; `cxr compare` takes more."
        ),
    ] = None,
    positive: options.OfOneClass = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Call an image positive if its score is at least this. [as the column `predicted`]"
        ),
    ] = None,
    small: options.Small = 20,
    ids_verbatim: options.IdsVerbatim = False,
    form: options.FormatOfTables = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for all tables and ROC plots.")
    ] = None,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
) -> None:
    """Report metrics by image characteristics.

    Prints counts, metrics with intervals by patient, and the difference between each stratum and all other
    images, with a permutation test, corrected for multiple comparisons (Holm). Images for which a
    characteristic is not recorded are a stratum of their own.
    """
    result = stratify_images(
        predictions,
        by,
        compare=compare,
        positive=positive,
        threshold=threshold,
        small=small,
        ids_verbatim=ids_verbatim,
        output=output,
        resamples=resamples,
        seed=seed,
        reporter=CONSOLE,
    )
    show(result.table(form), data=form in ("csv", "json"), end="")
    if output is not None:
        say(f"{output}: {', '.join(FILES.values())} and ROC curves")
