"""`cxr template`: the class templates of a siamese RUN."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.prediction.choices import TemplateKind


@compiles
def template(
    run: options.RunFolder,
    kind: Annotated[
        TemplateKind,
        typer.Option(
            help="The mean of a class's images (the paper's), its medoid image, or its images nearest to the "
            "image that is tested."
        ),
    ] = "mean",
    nearest: Annotated[
        int, typer.Option(min=1, help="For --kind nearest: how many images of a class count.")
    ] = 5,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The templates. [RUN/templates.npz]")
    ] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Make the class templates of a siamese RUN.

    A template summarizes the feature vectors of a class's training images. `cxr test` compares each image
    with the templates.
    """
    from cxr_cli.prediction.templates import template as make_template

    result = make_template(
        run, kind=kind, nearest=nearest, output=output, dataset=dataset, split=split, reporter=CONSOLE
    )
    templates = result.templates
    for name, count in zip(templates.classes, templates.counts, strict=True):
        show(f"{name}: {kind} of {count} training images")
    say(f"{result.path}: of epoch {templates.epoch}")
