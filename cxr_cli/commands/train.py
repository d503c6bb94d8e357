"""`cxr train`: a DATASET and its split to a RUN folder."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def train(
    dataset: options.DatasetFolder,
    split: options.SplitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The RUN folder.")],
    recipe: options.RecipeName = "single",
    arch: options.Arch = None,
    width: options.Width = None,
    epochs: options.Epochs = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Films or pairs a step; films for in-batch pairs. [16 single, 32 siamese]"),
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate. [1e-4]")] = None,
    pairs: options.Pairs = None,
    pairing: options.Pairing = None,
    trials: options.Trials = None,
    fold: options.Fold = None,
    precision: options.Precision = None,
    seed: options.Seed = 0,
) -> None:
    """Train a net on a DATASET.

    Keeps the epoch that does best in validation. The same command line again goes on from the last
    checkpoint, or says that the run is finished.
    """
    from cxr_cli.commands.training_run import train_run
    from cxr_cli.dataset.split_file import open_split
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.training.recipes import fit_to_films, resolve_recipe
    from cxr_cli.training.train import run_config

    overrides = {
        "arch": arch,
        "width": width,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "pairs": pairs,
        "pairing": pairing,
        "trials": trials,
        "precision": precision,
    }
    settings = resolve_recipe(recipe, overrides)
    films = open_dataset(dataset)
    division = open_split(split, films, fold)
    settings, notices = fit_to_films(settings, division, trials_given=trials is not None)
    for notice in notices:
        say(notice)
    config = run_config(recipe, settings, films, division, seed)
    best, trained = train_run(output, config, films, division)
    if trained:
        say(f"{output}: finished; selected epoch {best.epoch} of {config.epochs}")
    else:
        say(f"{output}: this run is finished already ({config.epochs} epochs); nothing to do")
    typer.echo(f"best validation accuracy {best.val_accuracy:.4f} (epoch {best.epoch})")
