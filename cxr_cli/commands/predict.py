"""`cxr predict`: images without labels -> a worklist."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say


def predict(
    run: options.RunFolder,
    dataset: options.DatasetFolder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The worklist. [stdout]")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Images with the highest score for this class come first. [of two classes the positive one; "
            "else as in DATASET]",
        ),
    ] = None,
    templates: options.Templates = None,
) -> None:
    """Predict images without labels.

    DATASET is made by `cxr preprocess`, with the size and crops of the run's own images; its labels do not
    matter. Of two classes, an image is called positive from the threshold on that `cxr test` chose.
    """
    from cxr_cli.prediction.predict import predict as predict_dataset

    result = predict_dataset(run, dataset, output=output, first=first, templates=templates, reporter=CONSOLE)
    if result.path is None:
        typer.echo(result.table.to_csv(index=False), nl=False)
    else:
        say(f"{result.path}: {len(result.table)} images")
