"""`cxr split`: patients of a DATASET into train, val and test, or into folds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say

if TYPE_CHECKING:
    import pandas as pd

    from cxr_cli.splitting.near_duplicates import NearDuplicate


NEAR_DUPLICATES_SHOWN = 10
"""Pairs that are named on stderr; all are in the JSON."""


def split(
    dataset: options.DatasetFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The split.csv to write; a .json goes beside.")
    ],
    val: Annotated[float | None, typer.Option(help="Share of validation images of each class. [0.2]")] = None,
    test: Annotated[float | None, typer.Option(help="Share of test images of each class. [0.2]")] = None,
    folds: Annotated[
        int | None, typer.Option(help="Divide into folds instead: one tests, the next validates.")
    ] = None,
    from_column: Annotated[
        str | None,
        typer.Option(
            help="Take train, val, test from this manifest column; with --val, draw val from its train."
        ),
    ] = None,
    train_where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Train and val come from images that meet this, all other patients are test. "
            "As \"institution == 'Academic Hospital' and age >= 18\".",
        ),
    ] = None,
    train_per_class: Annotated[
        str | None,
        typer.Option(metavar="N", help="Images to train on: of each class, or as positive=375,negative=375."),
    ] = None,
    val_per_class: Annotated[
        str | None, typer.Option(metavar="N", help="Images to validate on, written likewise. [0]")
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option(help="Keep patients together whose images are the same picture.")
    ] = True,
    seed: options.Seed = 0,
) -> None:
    """Divide the images of a DATASET by patient.

    Evenly over the classes; no patient is ever in two subsets. With --folds K, fold k tests, the next one
    validates, the others train. With --train-where, images that fail it of patients who train or validate
    are left out; patients who were not drawn are test.
    """
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.splitting.divide import SplitCriteria, make_split
    from cxr_cli.splitting.file import same_pictures, write_split
    from cxr_cli.splitting.near_duplicates import find_near_duplicates
    from cxr_cli.splitting.patients import patient_numbers
    from cxr_cli.splitting.quotas import read_class_counts

    if folds is None and from_column is None and train_per_class is None and val_per_class is None:
        val = 0.2 if val is None else val
        test = 0.2 if test is None and train_where is None else test
    criteria = SplitCriteria(
        val=val,
        test=test,
        folds=folds,
        column=from_column,
        train_where=train_where,
        train_per_class=read_class_counts("--train-per-class", train_per_class),
        val_per_class=read_class_counts("--val-per-class", val_per_class),
        near_duplicates=near_duplicates,
        seed=seed,
    )
    images = open_dataset(dataset)
    found = find_near_duplicates(images.images, patient_numbers(images.manifest)) if near_duplicates else []
    _say_near_duplicates(images.manifest, found)  # before the split: it may fail for patients who became one
    table = make_split(images, criteria, same_pictures(images, found))
    summary = write_split(images, criteria, table, output, found)

    typer.echo(_counts_table(summary["counts"], "subset" if folds is None else "fold"))
    if summary.get("characteristics"):
        typer.echo("\n" + _characteristics_table(summary["characteristics"]))
    _say_flow(summary)
    say(f"{output}: {summary['patients']} patients, none in two subsets")


def _say_near_duplicates(manifest: "pd.DataFrame", found: "list[NearDuplicate]") -> None:
    for (one, other), correlation, mirrored in found[:NEAR_DUPLICATES_SHOWN]:
        first, second = manifest.iloc[one], manifest.iloc[other]
        labels = f", labels {first['label']} and {second['label']}" * (first["label"] != second["label"])
        say(
            f"one picture under two patients: {first['source']} and {second['source']} "
            f"(correlation {correlation:.2f}{', mirrored' * mirrored}{labels})"
        )
    if len(found) > NEAR_DUPLICATES_SHOWN:
        say(f"... and {len(found) - NEAR_DUPLICATES_SHOWN} pairs more, in the .json")
    alike = len({row for near_duplicates in found for row in near_duplicates.rows})
    if alike:
        say(
            f"{alike} of {len(manifest)} images are another patient's picture too: those patients stay in "
            "one subset (--no-near-duplicates does not look)"
        )


def _say_flow(summary: dict[str, Any]) -> None:
    for missed in summary.get("absent", []):
        say(f"--train-where: no image has {missed}")
    for other in summary.get("respelled", []):
        say(f"--train-where: with other capitals or spaces, which do not count as the same: {other}")
    for reason, images in summary.get("left_out", {}).items():
        say(f"left out, {reason}: {images}")
    if summary.get("test_images_of_domain"):
        say(f"of patients not drawn, test images that meet --train-where: {summary['test_images_of_domain']}")
    if summary["images_without_patient_id"]:
        say(
            f"{summary['images_without_patient_id']} of {summary['images']} images have no patient id: "
            "each counts as a patient of its own"
        )


def _counts_table(counts: dict[str, dict[str, int]], part: str) -> str:
    """Lay out images by part and class as plain text."""
    classes = list(next(iter(counts.values())))
    rows: list[list[Any]] = [[part, *classes, "images"]]
    rows += [[name or "left out", *of.values(), sum(of.values())] for name, of in counts.items()]
    return _columns(rows, words=1)


def _characteristics_table(counted: dict[str, dict[str, dict[str, dict[str, int]]]]) -> str:
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
