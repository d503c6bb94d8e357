"""`cxr report`: one page that tells a study, for reading and for handing on."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def report(
    run: options.RunFolder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page. [RUN/report.html]")
    ] = None,
    gradcam: Annotated[
        Path | None, typer.Option(metavar="DIR", help="What `cxr gradcam` made. [RUN/gradcam]")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Strata of the test, as of `cxr stratify`; repeatable. [characteristics that differ]",
        ),
    ] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Put all results of a RUN on one HTML page.

    The page needs no other file. It has what `cxr test`, `cxr audit` and `cxr gradcam` left in RUN, and says
    what is missing; items of the CLAIM and TRIPOD+AI checklists are filled as far as the files tell.
    """
    from cxr_cli.report.page import write_page
    from cxr_cli.report.study import read_study

    study = read_study(run, dataset, split, gradcam, by or ())
    page = output or run / "report.html"
    write_page(study, page)
    for command, there in (("test", study.metrics), ("audit", study.audit), ("gradcam", study.sheets)):
        if not there:
            say(f"{page}: has no part of `cxr {command}`, which was not run yet")
    typer.echo(page)
