"""`cxr verify`: whether artifacts are as they were written, and belong together."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import show


def verify(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="DATASET, RUN and CV folders, and split.csv files.",
            callback=options.check_exists,
        ),
    ],
    full: Annotated[bool, typer.Option("--full", help="Read all bytes of images and weights, too.")] = False,
) -> None:
    """Check that files are as cxr wrote them, and belong together.

    Each artifact names what it was made of: the dataset and the split by their
    digests, the model by run and epoch. A file that was damaged, edited, or
    copied from another run is named, with what is recorded and what was found.

    Prints a line for each artifact: `ok` or `bad`, its path, and what it is or
    what is wrong with it. Exit code 3 if anything is wrong.
    """
    from cxr_cli.errors import BadInput
    from cxr_cli.report.verify import verify as verify_artifacts

    checks = verify_artifacts(places, full=full)
    for check in checks:
        show(f"{'ok ' if check.passed else 'bad'}  {check.path}: {check.found}")
    bad = [str(check.path) for check in checks if not check.passed]
    if bad:
        raise BadInput(
            f"{len(bad)} of {len(checks)} artifacts are not as they should be: {', '.join(bad[:5])}"
        )
