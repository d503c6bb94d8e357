"""`cxr validate3way`: one image against one image of each class, many times."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def validate3way(
    run: options.RunFolder,
    trials: Annotated[int, typer.Option(min=1, help="Trials a draw; no image is the anchor of two.")] = 129,
    repeats: Annotated[int, typer.Option(min=1, help="Independent draws.")] = 1,
    seed: options.Seed = 0,
    subset: Annotated[str, typer.Option(help="val, test or train.")] = "val",
    json: Annotated[Path | None, typer.Option(help="The figures as JSON.")] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Compare images with one other image of every class.

    The class of the most similar image is the answer. References are never of the image's own patient. Any
    number of classes from two.
    """
    import numpy as np

    from cxr_cli.artifacts import write_json
    from cxr_cli.evaluation.report import format_report
    from cxr_cli.evaluation.threeway import three_way_report
    from cxr_cli.plots.plots import confusion_matrix
    from cxr_cli.prediction.scores import image_vectors
    from cxr_cli.prediction.similarity import differences_function
    from cxr_cli.runs.folder import FIGURES, open_images
    from cxr_cli.runs.model_store import open_run

    trained = open_run(run)
    images, division = open_images(trained.config, dataset, split)
    rows = division.rows(subset)
    vectors = image_vectors(trained, images.images, rows)
    compare = differences_function(trained.network)
    result = three_way_report(
        vectors,
        division.labels[rows],
        division.patients[rows],
        division.classes,
        lambda x, y: compare(trained.variables, x, y),
        trials=trials,
        repeats=repeats,
        rng=np.random.default_rng(seed),
    )
    report = {"run": str(run), "epoch": trained.epoch, "subset": subset, "seed": seed, **result.as_json()}
    if json is not None:
        write_json(json, report)
    confusion_matrix(
        np.array(report["confusion_matrix"]),
        division.classes,
        f"three-way, {subset}: accuracy {report['accuracy']['value']:.2f}",
        run / FIGURES / f"three-way-{subset}.png",
    )
    typer.echo(format_report(result.metrics, unit="trials"))
    if repeats > 1:
        typer.echo(
            f"\n{repeats} draws of {trials} trials: accuracy mean {result.mean:.3f}, "
            f"standard deviation {result.std:.3f}, {min(result.accuracies):.3f} to {max(result.accuracies):.3f}"
        )
    say(f"{len(rows)} images of {subset} went through the model once; {trials * repeats} trials")
