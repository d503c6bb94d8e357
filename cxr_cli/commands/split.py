"""`cxr split`: patients of a DATASET into train, val and test, or into folds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.name_lists import QUOTED_NAMES


def split(
    dataset: options.DatasetFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The split.csv to write, with a .json of the same name.")
    ],
    val: Annotated[
        float | None, typer.Option(help="Fraction of each class to use for validation. [0.2]")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Fraction of each class to use for testing. [0.2]")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Number of cross-validation folds, instead of --val and --test.")
    ] = None,
    from_column: Annotated[
        str | None,
        typer.Option(
            help="Manifest column of the subsets train, val and test. With --val, val is sampled from train."
        ),
    ] = None,
    train_where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Train and validate on images that meet this; test on all other patients. "
            "For example \"institution == 'Academic Hospital' and age >= 18\".",
        ),
    ] = None,
    train_per_class: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=f"Training images of each class: a number, or positive=375,negative=375. {QUOTED_NAMES}",
        ),
    ] = None,
    val_per_class: Annotated[
        str | None, typer.Option(metavar="N", help="Validation images of each class, written likewise. [0]")
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option(help="Keep patients with near-duplicate images in one subset.")
    ] = True,
    seed: options.Seed = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another split of this name, and name the runs at risk.")
    ] = False,
) -> None:
    """Split a DATASET by patient into training, validation and test sets.

    Stratified by class; no patient is ever in two subsets. With --folds, each fold is the test set once, the
    next one then the validation set, and the others the training set. With --train-where, images of
    training and validation patients that do not meet it are left out. Another split is not replaced without
    --force; the same command again says that it is done.
    """
    from cxr_cli.splitting.criteria import SplitCriteria, parse_class_counts
    from cxr_cli.splitting.split import split as split_dataset

    if folds is None and from_column is None and train_per_class is None and val_per_class is None:
        val = 0.2 if val is None else val
        test = 0.2 if test is None and train_where is None else test
    criteria = SplitCriteria(
        val=val,
        test=test,
        folds=folds,
        from_column=from_column,
        train_where=train_where,
        train_per_class=parse_class_counts("train_per_class", train_per_class),
        val_per_class=parse_class_counts("val_per_class", val_per_class),
        near_duplicates=near_duplicates,
        seed=seed,
    )
    result = split_dataset(dataset, output, criteria, force=force, reporter=CONSOLE)
    if result.near_duplicates:
        say("--no-near-duplicates does not search for them")
    show(_counts_table(result.counts, "subset" if folds is None else "fold"))
    if result.characteristics:
        show("\n" + _characteristics_table(result.characteristics))
    for missed in result.absent:
        say(f"--train-where: no image has {missed}")
    for other in result.respelled:
        say(f"--train-where: differs only in capitals or spaces, which count as another value: {other}")
    for reason, images in result.left_out.items():
        say(f"left out, {reason}: {images}")
    if result.test_images_of_domain:
        say(f"test images of other patients that meet --train-where: {result.test_images_of_domain}")
    if result.images_without_patient_id:
        say(
            f"{result.images_without_patient_id} of {result.images} images have no patient id: "
            "each counts as a patient of its own"
        )
    say(f"{output}: {result.patients} patients, none in two subsets")


def _counts_table(counts: Mapping[str, Mapping[str, int]], part: str) -> str:
    """Lay out images by part and class as plain text."""
    classes = list(next(iter(counts.values())))
    rows: list[list[Any]] = [[part, *classes, "images"]]
    rows += [[name or "left out", *of.values(), sum(of.values())] for name, of in counts.items()]
    return _columns(rows, words=1)


def _characteristics_table(counted: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]) -> str:
    """Lay out images by characteristic, value, subset and class as plain text."""
    rows: list[list[Any]] = [
        [name, value or "-", subset or "left out", *of.values(), sum(of.values())]
        for name, values in counted.items()
        for value, subsets in values.items()
        for subset, of in subsets.items()
    ]
    some_class = next(of for values in counted.values() for parts in values.values() for of in parts.values())
    return _columns([["characteristic", "value", "subset", *some_class, "images"], *rows], words=3)


def _columns(rows: list[list[Any]], words: int) -> str:
    """Lay out rows under each other: the first columns, words, to the left, numbers to the right."""
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            str(cell).ljust(width) if i < words else str(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
