"""`cxr crossval`: every fold of a split trained and tested, and the predictions pooled."""

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
def crossval(
    dataset: options.DatasetFolder,
    split: Annotated[Path, typer.Option(help="The split.csv with folds.", callback=options.check_file)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CV folder.")],
    recipe: training_options.RecipeName = "single",
    seeds: Annotated[
        int, typer.Option(min=1, help="Train every fold with so many seeds; scores are their means.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The first random seed.")] = 0,
    positive: options.Positive = None,
    sensitivity: options.Sensitivity = None,
    calibrate: options.Calibrate = None,
    resamples: options.Unused = None,  # noqa: ARG001 - see there
    micro_batch: options.MicroBatch = None,
    task: options.ArrayPart = None,
    dry_run: DryRun = False,
    tensorboard: training_options.Tensorboard = False,
    mlflow: training_options.Mlflow = False,
    **settings: Any,
) -> None:
    """Cross-validate: train every fold, and test each on its own.

    CV/fold0, fold1, ... are RUN folders. CV/predictions.csv has every image, predicted by the model that was
    not trained on it; CV/metrics.json has each fold, mean and standard deviation, and the pooled metrics with
    intervals by patient. Wherever a command predicts, CV is the ensemble of its runs. The same command again
    resumes, or says that it is done. Tasks of an array pool nothing; the same command with --task 1/1 does.
    """
    part = options.array_task(task, "task", "runs")
    settings |= {"recipe": recipe, "seeds": seeds, "seed": seed, "micro_batch": micro_batch, "task": part}
    if dry_run:
        from cxr_cli.training.plan import plan_crossval

        print_plans([plan_crossval(dataset, split, output, reporter=CONSOLE, **settings)])
        return
    from cxr_cli.evaluation.report import format_report
    from cxr_cli.evaluation.tables import as_text
    from cxr_cli.training.crossval import crossval as cross_validate

    result = cross_validate(
        dataset,
        split,
        output,
        positive=positive,
        sensitivity=sensitivity,
        calibrate=calibrate,
        tensorboard=tensorboard,
        mlflow=mlflow,
        reporter=CONSOLE,
        **settings,
    )
    if result.report is None or result.folds is None:
        say(f"{output}: {len(result.runs)} runs of this task are done; the command without a task pools them")
        return
    show(format_report(result.report))
    show("\n" + as_text([result.folds]))
    say(f"{output}: out-of-fold predictions of {result.report.images} images, metrics.json, figures")
