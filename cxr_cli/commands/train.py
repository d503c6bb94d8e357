"""`cxr train`: a DATASET and its split to a RUN folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options, training_options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.commands.distributing import distributes
from cxr_cli.commands.dry_run import DryRun, print_plans
from cxr_cli.training.recipes import RECIPES


@compiles
@distributes
@training_options.with_settings(RECIPES)
def train(
    dataset: options.DatasetFolder,
    split: options.SplitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The RUN folder.")],
    recipe: training_options.RecipeName = "single",
    fold: options.Fold = None,
    seed: options.Seed = 0,
    micro_batch: options.MicroBatch = None,
    dry_run: DryRun = False,
    tensorboard: training_options.Tensorboard = False,
    mlflow: training_options.Mlflow = False,
    **settings: Any,
) -> None:
    """Train a model on a DATASET.

    Brackets hold what the recipes set; RUN/config.json has all settings of a run. The epoch that does best in
    validation is kept. The same command again resumes from the last checkpoint, or says that the run is
    finished.
    """
    settings |= {"recipe": recipe, "fold": fold, "seed": seed, "micro_batch": micro_batch}
    if dry_run:
        from cxr_cli.training.plan import plan_training

        print_plans([plan_training(dataset, split, output, reporter=CONSOLE, **settings)])
        return
    from cxr_cli.training.train import train as train_model

    result = train_model(
        dataset, split, output, tensorboard=tensorboard, mlflow=mlflow, reporter=CONSOLE, **settings
    )
    best, optimization = result.selected, result.config.optimization
    if result.trained:
        early = "; then none was better" if result.epochs < optimization.epochs else ""
        say(f"{output}: finished; selected epoch {best.epoch} of {result.epochs}{early}")
    else:
        say(f"{output}: this run is finished already ({result.epochs} epochs); nothing to do")
    show(f"{best.describe(optimization.select)} (epoch {best.epoch})")
