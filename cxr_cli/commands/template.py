"""`cxr template`: the class templates of a siamese RUN."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def template(
    run: options.RunFolder,
    kind: Annotated[
        str,
        typer.Option(
            help="mean of the class's images (the paper's), its medoid image, or the nearest images."
        ),
    ] = "mean",
    nearest: Annotated[
        int, typer.Option(min=1, help="For --kind nearest: how many images of a class count.")
    ] = 5,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[RUN/templates.npz]")] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Sum up a class's training images in one vector.

    A siamese run's `cxr test` compares each image with these templates.
    """
    from cxr_cli.prediction.scores import image_vectors
    from cxr_cli.prediction.templates import TEMPLATES, make_templates, write_templates
    from cxr_cli.runs.folder import open_images
    from cxr_cli.runs.model_store import open_run

    trained = open_run(run)
    images, division = open_images(trained.config, dataset, split)
    rows = division.rows("train")
    vectors = image_vectors(trained, images.images, rows)
    templates = make_templates(trained, vectors, division.labels[rows], kind, nearest)
    path = output or run / TEMPLATES
    write_templates(path, templates)
    for name, count in zip(templates.classes, templates.counts, strict=True):
        typer.echo(f"{name}: {kind} of {count} training images")
    say(f"{path}: of epoch {trained.epoch}")
