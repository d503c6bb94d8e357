"""`cxr split`: patients of a DATASET into train, val and test, or into folds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def split(
    dataset: options.DatasetFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The split.csv to write; a .json goes beside.")
    ],
    val: Annotated[float | None, typer.Option(help="Share of validation films of each class. [0.2]")] = None,
    test: Annotated[float | None, typer.Option(help="Share of test films of each class. [0.2]")] = None,
    folds: Annotated[
        int | None, typer.Option(help="Divide into folds instead: one tests, the next validates.")
    ] = None,
    from_column: Annotated[
        str | None,
        typer.Option(
            help="Take train, val, test from this manifest column; with --val, draw val from its train."
        ),
    ] = None,
    seed: options.Seed = 0,
) -> None:
    """Divide the films of a DATASET by patient.

    Evenly over the classes; no patient is ever in two subsets. With --folds K, fold k tests, the next one
    validates, the others train.
    """
    from cxr_cli.dataset.split import SplitCriteria, make_split
    from cxr_cli.dataset.split_file import write_split
    from cxr_cli.dataset.store import open_dataset

    if folds is None and from_column is None:
        val, test = 0.2 if val is None else val, 0.2 if test is None else test
    films = open_dataset(dataset)
    criteria = SplitCriteria(val=val, test=test, folds=folds, column=from_column, seed=seed)
    table = make_split(films, criteria)
    summary = write_split(films, criteria, table, output)

    typer.echo(_counts_table(summary["counts"], "subset" if folds is None else "fold"))
    if summary["films_without_patient_id"]:
        say(
            f"{summary['films_without_patient_id']} of {summary['films']} films have no patient id: "
            "each counts as a patient of its own"
        )
    say(f"{output}: {summary['patients']} patients, none in two subsets")


def _counts_table(counts: dict[str, dict[str, int]], part: str) -> str:
    """Lay out films by part and class as plain text."""
    classes = list(next(iter(counts.values())))
    rows: list[list[Any]] = [[part, *classes, "films"]]
    rows += [[name or "left out", *of.values(), sum(of.values())] for name, of in counts.items()]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            str(cell).rjust(width) if i else str(cell).ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
