"""`cxr report`: all results of a RUN on one page."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, show


def report(
    run: options.RunFolder,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The page. [RUN/report.html]")
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Title of the page. [names the classes]")
    ] = None,
    gradcam: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder made by `cxr gradcam`. [RUN/gradcam]")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Subgroups of the test images, as in `cxr stratify`; repeatable. [all that vary]",
        ),
    ] = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Put all results of a RUN on one HTML page.

    The HTML page needs no other file. It shows the results of `cxr test`, `cxr audit` and `cxr gradcam` in
    RUN, and names those that are missing. Items of the CLAIM and TRIPOD+AI checklists are filled in as far as
    the files allow.
    """
    from cxr_cli.report.run import report as write_report

    result = write_report(
        run,
        output,
        title=title,
        gradcam=gradcam,
        by=by or (),
        dataset=dataset,
        split=split,
        reporter=CONSOLE,
    )
    show(result.page, data=True)
