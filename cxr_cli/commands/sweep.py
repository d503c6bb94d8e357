"""`cxr sweep`: the grid of learning rates and batch sizes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options, training_options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, show
from cxr_cli.commands.distributing import distributes
from cxr_cli.commands.dry_run import DryRun, print_plans
from cxr_cli.training.recipes import SEARCH_RECIPES


@compiles
@distributes
@training_options.with_settings(SEARCH_RECIPES, without=("lr", "batch_size"))
def sweep(
    dataset: options.DatasetFolder,
    split: options.SplitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the runs and sweep.csv.")],
    recipe: training_options.RecipeName = "single",
    lr: Annotated[
        list[float] | None, typer.Option(help="Learning rates; repeatable. [1e-3 1e-4 1e-5]")
    ] = None,
    batch_size: Annotated[list[int] | None, typer.Option(help="Batch sizes; repeatable. [8 16 32]")] = None,
    fold: options.Fold = None,
    seed: options.Seed = 0,
    task: options.ArrayPart = None,
    dry_run: DryRun = False,
    tensorboard: training_options.Tensorboard = False,
    mlflow: training_options.Mlflow = False,
    **settings: Any,
) -> None:
    """Train a grid of learning rates and batch sizes.

    Each run has a folder of its own; finished ones are not trained again. Tasks of an array share the grid
    and write no common file; the same command outside of the array, or with --task 1/1, collects the table.
    """
    part = options.array_task(task, "task", "runs")
    settings |= {
        "recipe": recipe,
        "lr": lr,
        "batch_size": batch_size,
        "fold": fold,
        "seed": seed,
        "task": part,
    }
    if dry_run:
        from cxr_cli.training.plan import plan_sweep

        print_plans(plan_sweep(dataset, split, output, reporter=CONSOLE, **settings))
        return
    from cxr_cli.training.sweep import sweep as train_grid

    result = train_grid(
        dataset, split, output, tensorboard=tensorboard, mlflow=mlflow, reporter=CONSOLE, **settings
    )
    show(result.table.to_string(index=False, na_rep="-", float_format=lambda number: f"{number:g}"))
