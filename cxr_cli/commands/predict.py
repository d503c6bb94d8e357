"""`cxr predict`: images without labels -> a worklist."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say
from cxr_cli.errors import BadInput, UsageFault

if TYPE_CHECKING:
    from cxr_cli.dataset.store import Dataset
    from cxr_cli.runs.config import RunConfig


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
            help="Images of the highest score for this class come first. [of two classes the finding; "
            "else as in DATASET]",
        ),
    ] = None,
    templates: options.Templates = None,
) -> None:
    """Score images whose class is not known.

    DATASET is what `cxr preprocess` makes of the images, with the size and crops of the run's own images; its
    labels do not matter. Of two classes `cxr test` chooses the score from which on an image is called
    positive.
    """
    import numpy as np

    from cxr_cli.artifacts import write_csv
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.prediction.scores import class_scores, operating_point, worklist
    from cxr_cli.runs.model_store import open_run

    trained = open_run(run)
    classes = trained.config.classes
    if first is not None and first not in classes:
        raise UsageFault(f"--first {first!r}: the classes are {', '.join(map(repr, classes))}")
    images = open_dataset(dataset)
    _check_prepared_alike(images, trained.config)
    point = operating_point(trained)
    if len(classes) == 2 and point is None:
        say(f"{run}: has no operating point; the higher score decides. `cxr test {run}` chooses one")
    scores = class_scores(trained, images.images, np.arange(len(images.images)), templates)
    table = worklist(images, scores, classes, point, first)
    if output is None:
        typer.echo(table.to_csv(index=False), nl=False)
        return
    write_csv(output, table)
    say(f"{output}: {len(table)} images")


def _check_prepared_alike(images: "Dataset", config: "RunConfig") -> None:
    """Check that images were cropped and resized as those that the run learned from, where these are there.

    Raises:
        BadInput: they were not.
    """
    from cxr_cli.dataset.store import INFO, open_dataset
    from cxr_cli.explain.select import geometry_of

    found = geometry_of(images)
    if found.size != config.size:
        raise BadInput(f"{images.folder}: images of {found.size} pixels, the run takes {config.size}")
    own = Path(config.dataset)
    if not (own / INFO).exists():
        say(f"{own}: the run's own images are not there any more; that crops are alike was not checked")
        return
    needed = geometry_of(open_dataset(own))
    if found != needed:
        raise BadInput(
            f"{images.folder}: was made with --crop-top {found.crop_top:g} --crop-border "
            f"{found.crop_border:g}; the run's images with {needed.crop_top:g} and {needed.crop_border:g}"
        )
