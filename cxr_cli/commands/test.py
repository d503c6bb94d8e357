"""`cxr test`: a trained RUN on a subset it did not learn from."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.errors import UsageError
from cxr_cli.name_lists import QUOTED_NAMES, read_pairs
from cxr_cli.splitting.criteria import Subset


@compiles
def test(
    run: options.ModelFolder,
    subset: Annotated[Subset, typer.Option(help="Images to predict.")] = "test",
    templates: options.Templates = None,
    positive: options.Positive = None,
    sensitivity: options.Sensitivity = None,
    threshold: Annotated[
        float | None, typer.Option(help="Call an image positive if its score is at least this, such as 0.5.")
    ] = None,
    calibrate: options.Calibrate = None,
    prevalence: Annotated[
        float | None,
        typer.Option(help="Of two classes, also compute predictive values at this prevalence, such as 0.03."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The predictions to write. [RUN/predictions.csv]")
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="The metrics to write; figures go beside it. [RUN/metrics.json, RUN/figures]"),
    ] = None,
    external: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Test on this other dataset; nothing is chosen on it."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="For --external: the name of the results, RUN/external/NAME. [as DATASET]"),
    ] = None,
    class_map: Annotated[
        str | None,
        typer.Option(
            metavar="THEIRS=OURS,...",
            help=f"For --external: the run's classes for those of the dataset. {QUOTED_NAMES}",
        ),
    ] = None,
    exclude_overlap: Annotated[
        bool,
        typer.Option(
            "--exclude-overlap",
            help="For --external: leave out images that overlap with training and validation.",
        ),
    ] = False,
    members: Annotated[
        list[Path] | None,
        typer.Option(
            "--member", metavar="RUN", help="For --external: average with this run, too; repeatable."
        ),
    ] = None,
    resamples: options.Unused = None,  # noqa: ARG001 - see there
    seed: options.Unused = None,  # noqa: ARG001
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Predict images and print metrics with intervals.

    With two classes, the threshold of the score is chosen on validation images, never on those that are
    tested. Intervals are by patient. The predictions include the images' characteristics, for `cxr stratify`.

    With --external, the model, its calibration and its operating point are applied to another dataset as they
    are, and each metric stands beside that of the internal test. Images and patients of training and
    validation are searched for there, and refused.
    """
    if external is not None:
        given = {
            "--subset": subset != "test",
            "--positive": positive is not None,
            "--sensitivity": sensitivity is not None,
            "--threshold": threshold is not None,
            "--calibrate": calibrate is not None,
            "--output": output is not None,
            "--json": json is not None,
        }
        for option in (option for option, is_given in given.items() if is_given):
            raise UsageError(
                f"{option}: not with --external, where the run's own test has decided everything"
            )
        _test_external(
            run,
            external,
            name=name,
            class_map=class_map and read_pairs("class_map", class_map, "THEIRS=OURS"),
            exclude_overlap=exclude_overlap,
            members=members or (),
            templates=templates,
            prevalence=prevalence,
            own_dataset=dataset,
            own_split=split,
        )
        return

    from cxr_cli.runs.crossval_folder import is_crossval

    if is_crossval(run):
        raise UsageError(f"{run}: cxr crossval has tested every fold; --external tests their ensemble")
    for option, is_given in {
        "--name": name is not None,
        "--class-map": class_map is not None,
        "--exclude-overlap": exclude_overlap,
        "--member": members is not None,
    }.items():
        if is_given:
            raise UsageError(f"{option}: only with --external")
    from cxr_cli.evaluation.report import format_report
    from cxr_cli.prediction.columns import THRESHOLD
    from cxr_cli.prediction.test import test as test_run

    result = test_run(
        run,
        subset=subset,
        templates=templates,
        positive=positive,
        sensitivity=sensitivity,
        threshold=threshold,
        calibrate=calibrate,
        prevalence=prevalence,
        output=output,
        json=json,
        dataset=dataset,
        split=split,
        reporter=CONSOLE,
    )
    show(format_report(result.report))
    if result.calibration is not None:
        say(
            f"scores are calibrated: {result.calibration.method}, fitted on {result.calibration.images} "
            "validation images"
        )
    say(f"{result.predictions}: {len(result.table)} images")
    if result.report.operating_point is not None:
        column = f"{THRESHOLD}{result.report.operating_point.positive}"
        say(f"its column `predicted` follows the operating point, `{column}`")


def _test_external(run: Path, external: Path, **settings: Any) -> None:
    from cxr_cli.evaluation.report import format_report
    from cxr_cli.evaluation.tables import as_text
    from cxr_cli.prediction.external import external_test

    result = external_test(run, external, **settings, reporter=CONSOLE)
    show(format_report(result.report))
    show("\n" + as_text([result.comparison(), result.case_mix.table()]))
    say(f"{result.folder}: predictions.csv of {result.report.images} images, metrics.json, figures")
