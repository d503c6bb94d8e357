"""`cxr validate3way`: one image against one image of each class, many times."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.splitting.criteria import Subset


@compiles
def validate3way(
    run: options.RunFolder,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in each repeat; no image is classified twice in one.")
    ] = 129,
    repeats: Annotated[int, typer.Option(min=1, help="Independent random samples of trials.")] = 1,
    seed: options.Seed = 0,
    subset: Annotated[Subset, typer.Option(help="Whose images are compared.")] = "val",
    json: Annotated[Path | None, typer.Option(help="Write the metrics there as JSON.")] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Three-way validation of a siamese RUN.

    Each image is compared with one other image of every class, and takes the class of the most similar one.
    References are never of the image's own patient. Works for two classes or more. The metrics are of every
    possible trial; the accuracy of randomly sampled trials, as in the paper, stands below them.
    """
    from cxr_cli.evaluation.threeway import format_three_way
    from cxr_cli.prediction.validate3way import validate3way as validate

    result = validate(
        run,
        trials=trials,
        repeats=repeats,
        seed=seed,
        subset=subset,
        json=json,
        dataset=dataset,
        split=split,
        reporter=CONSOLE,
    )
    show(format_three_way(result.report))
    say(f"{result.images} images of {subset} went through the model once; {trials * repeats} trials")
