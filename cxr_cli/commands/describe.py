"""`cxr describe`: a study's Table 1 and the flow of its images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say, show


def describe(
    dataset: options.DatasetFolder,
    split: Annotated[
        Path | None, typer.Option(help="The split.csv; images that it leaves out are not described.")
    ] = None,
    fold: options.Fold = None,
    by: Annotated[
        Literal["label", "subset"] | None,
        typer.Option(help="Groups to compare. [label; with --split both]"),
    ] = None,
    characteristics: Annotated[
        list[str] | None,
        typer.Option("--characteristic", metavar="COLUMN", help="A further manifest column; repeatable."),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Also say how wide the intervals of the test will be.")
    ] = False,
    width: Annotated[
        float, typer.Option(help="For --plan: the width of an interval to count patients for.")
    ] = 0.1,
    form: options.FormatOfTables = "table",
    output: options.TablesFolder = None,
) -> None:
    """Describe the images of a study (Table 1).

    Characteristics by class and by subset: n (%), mean and standard deviation, median and quartiles, and the
    largest standardized difference between two groups. The folder also has the flow of images and the count
    by manufacturer as figures.
    """
    from cxr_cli.splitting.describe import FILES
    from cxr_cli.splitting.describe import describe as describe_study

    result = describe_study(
        dataset,
        split=split,
        fold=fold,
        by=by,
        characteristics=characteristics or (),
        plan=plan,
        width=width,
        output=output,
    )
    show(result.table(form), data=form in ("csv", "json"), end="")
    if output is not None:
        say(f"{output}: {', '.join(FILES.values())}, flow.png, manufacturers.png")
