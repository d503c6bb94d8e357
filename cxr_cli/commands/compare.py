"""`cxr compare`: several models on the same images."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.prediction.compare import FILES
from cxr_cli.prediction.compare import compare as compare_models


def compare(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            help="RUN or CV folders that were tested, or predictions.csv of any tool.",
            callback=options.check_exists,
        ),
    ],
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Compare by a characteristic, too, as in `cxr stratify`; repeatable."
        ),
    ] = None,
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--reader", metavar="COLUMN", help="A column with a human reader's calls, as classes; repeatable."
        ),
    ] = None,
    positive: options.OfOneClass = None,
    noninferiority: Annotated[
        float | None,
        typer.Option(metavar="MARGIN", help="The largest acceptable loss of a metric, such as 0.05."),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Also compare the mean of the models' scores.")
    ] = False,
    prevalence: Annotated[
        float | None,
        typer.Option(help="Also compute predictive values at this prevalence of the positive class."),
    ] = None,
    small: options.Small = 20,
    ids_verbatim: options.IdsVerbatim = False,
    form: options.FormatOfTables = "table",
    output: options.TablesFolder = None,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
) -> None:
    """Compare models, and human readers, on the same images.

    Prints all metrics of each model with intervals, and the paired difference of every two models, corrected
    for multiple comparisons (Holm). The folder has the ROC curves and the precision-recall curves of all
    models in one figure each. With --reader, each reader is a point on the ROC figure, models are compared at
    the reader's specificity, and the agreement between readers is Cohen's or Fleiss' kappa.
    """
    result = compare_models(
        models,
        by=by or (),
        readers=readers or (),
        positive=positive,
        noninferiority=noninferiority,
        ensemble=ensemble,
        prevalence=prevalence,
        small=small,
        ids_verbatim=ids_verbatim,
        output=output,
        resamples=resamples,
        seed=seed,
        reporter=CONSOLE,
    )
    show(result.table(form), data=form in ("csv", "json"), end="")
    if output is not None:
        say(f"{output}: {', '.join(FILES.values())}, ROC and precision-recall curves")
