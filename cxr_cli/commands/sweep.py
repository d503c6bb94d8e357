"""`cxr sweep`: the grid of learning rates and batch sizes."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def sweep(
    dataset: options.DatasetFolder,
    split: options.SplitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the runs and sweep.csv.")],
    recipe: options.RecipeName = "single",
    lr: Annotated[list[float] | None, typer.Option(help="Repeatable. [1e-3 1e-4 1e-5]")] = None,
    batch_size: Annotated[list[int] | None, typer.Option(help="Repeatable. [8 16 32]")] = None,
    arch: options.Arch = None,
    width: options.Width = None,
    weights: options.Weights = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs. [100 single, 20 siamese]")] = None,
    pairs: Annotated[int | None, typer.Option(help="Pairs an epoch, siamese only. [5000]")] = None,
    pairing: options.Pairing = None,
    trials: options.Trials = None,
    fold: options.Fold = None,
    precision: options.Precision = None,
    seed: options.Seed = 0,
    task: Annotated[
        str | None, typer.Option(help="I/N: train only share I of N, from 1, as one task of a Slurm array.")
    ] = None,
) -> None:
    """Train a grid of learning rates and batch sizes.

    Each run has a folder of its own; finished ones are not trained again. Tasks of an array share the grid by
    --task and write no common file; the same command without --task then collects the table.
    """
    from cxr_cli.array_task import parse_task
    from cxr_cli.artifacts import write_csv
    from cxr_cli.commands.training_run import resolve_memory, resolve_weights, train_run
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.splitting.file import open_split
    from cxr_cli.training.recipes import named_recipe, resolve_recipe
    from cxr_cli.training.sweep import grid, search_settings, sweep_table
    from cxr_cli.training.train import run_config

    points = grid(lr, batch_size)
    mine = points if task is None else parse_task(task, "task").every_nth(points)
    common = {
        "arch": arch,
        "width": width,
        "weights": weights,
        "pairing": pairing,
        "trials": trials,
        "precision": precision,
        **search_settings(recipe, epochs, pairs),
    }
    images = open_dataset(dataset)
    division = open_split(split, images, fold)
    # All points begin with the same weights: they are read once.
    found = resolve_weights(named_recipe(recipe, common), images.images.shape[1])
    told: set[str] = set()
    for point in mine:
        overrides = {**common, "lr": point.lr, "batch_size": point.batch_size}
        settings, notices = resolve_recipe(recipe, overrides, division)
        for notice in set(notices) - told:
            say(notice)
        told |= set(notices)
        config = run_config(recipe, settings, images, division, seed, found)
        config, rematerialize = resolve_memory(output / point.name, config)
        best, trained = train_run(output / point.name, config, images, division, found, rematerialize)
        verb = "best" if trained else "finished already, best"
        say(f"{point.name}: {verb} validation accuracy {best.val_accuracy:.4f} (epoch {best.epoch})")

    table = sweep_table(output, points)
    if task is None:
        write_csv(output / "sweep.csv", table)
    typer.echo(table.to_string(index=False, na_rep="-", float_format=lambda number: f"{number:g}"))
