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
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The table of predictions to write. [stdout]"),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Sort by the score for this class, highest first. [of two classes the positive one; "
            "else the order of DATASET]",
        ),
    ] = None,
    templates: options.Templates = None,
) -> None:
    """Predict images without labels.

    DATASET must be preprocessed with the size and crops of the run's own images; its labels are not used.
    With two classes, an image is called positive at the operating point that `cxr test` chose.
    """
    from cxr_cli.prediction.predict import predict as predict_dataset

    result = predict_dataset(run, dataset, output=output, first=first, templates=templates, reporter=CONSOLE)
    if result.path is None:
        typer.echo(result.table.to_csv(index=False), nl=False)
    else:
        say(f"{result.path}: {len(result.table)} images")
