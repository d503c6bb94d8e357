"""`cxr audit`: does performance come from a shortcut? Of a RUN, or of a DATASET and its split alone."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.audit.kinds import FindingKind
from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, show
from cxr_cli.splitting.criteria import Subset


@compiles
def audit(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|DATASET",
            help="A RUN, or a DATASET without one.",
            callback=options.check_exists,
        ),
    ],
    split: Annotated[
        Path | None,
        typer.Option(help="The split.csv: needed for a DATASET; for a RUN where it is now, if it was moved."),
    ] = None,
    dataset: options.MovedDataset = None,
    fold: options.Fold = None,
    subset: Annotated[Subset, typer.Option(help="Images to apply the run to.")] = "val",
    templates: options.Templates = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A characteristic to leave out; repeatable."),
    ] = None,
    fail_on: Annotated[
        list[FindingKind] | None,
        typer.Option(help="Exit with code 5 if any of these is found; repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder for audit.json and figures/audit.png. [RUN]"
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="The results to write as JSON. [DIR/audit.json]")] = None,
) -> None:
    """Look for shortcuts, associations and leaks.

    Is the class associated with the manufacturer, the view, the source of an image? Can it be predicted from
    corners and borders, by this run or by any classifier? Is a patient or an image in two subsets? Test
    images are examined for leaks only, unless --subset test is given.
    """
    from cxr_cli.audit.run import audit as run_audit
    from cxr_cli.audit.text import format_audit

    result = run_audit(
        place,
        split,
        dataset=dataset,
        fold=fold,
        subset=subset,
        templates=templates,
        ignore=ignore or (),
        output=output,
        json=json,
        reporter=CONSOLE,
    )
    show(format_audit(result.as_json()))
    result.refuse(fail_on or ())
