"""`cxr preprocess`: raw images to a DATASET folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, show
from cxr_cli.errors import UsageError
from cxr_cli.labels.choices import Format

OPTIONS_OF_MERGE = ("source", "output", "merge", "max_failures")
OPTIONS_OF_COLUMNS = ("path_column", "label_column", "patient_column")


def preprocess(
    context: typer.Context,
    source: Annotated[
        list[Path],
        typer.Argument(help="Images, or folders or zip archives to search: PNG, JPEG, TIFF, BMP, DICOM."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The DATASET folder to make.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="A label table (CSV, TSV, Excel, COVIDx list; also .gz, .zip); repeatable. "
            "[class = folder name]"
        ),
    ] = None,
    path_column: Annotated[str, typer.Option(help="The label table's column of image paths.")] = "path",
    label_column: Annotated[str, typer.Option(help="The label table's column of classes.")] = "label",
    patient_column: Annotated[
        str | None, typer.Option(help="Column of patient ids in the label table. [patient_id, if present]")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", help="The published layout of the label tables."),
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            "--finding",
            help="With --format: classes are positive and negative for it. [an image's one finding]",
        ),
    ] = None,
    views: Annotated[
        str, typer.Option(help="Views to keep: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are kept.")
    ] = "PA,AP",
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the stored images, in pixels.")] = 224,
    crop_top: Annotated[
        float, typer.Option(help="Fraction of the height to crop at the top, below 0.5.")
    ] = 0.0,
    crop_border: Annotated[float, typer.Option(help="Fraction to crop on each side, below 0.5.")] = 0.0,
    manufacturers: Annotated[
        Path | None, typer.Option(help='More spellings of manufacturers, TOML: "Acme" = ["Acme Imaging"].')
    ] = None,
    pseudonymize: Annotated[
        Path | None,
        typer.Option(
            metavar="KEYFILE", help="Replace patient ids and paths by pseudonyms, keyed by this file's bytes."
        ),
    ] = None,
    keep_tags: Annotated[
        str, typer.Option(metavar="KEYWORD,...", help="DICOM tags to add to the manifest as they are.")
    ] = "",
    ids_verbatim: options.IdsVerbatim = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of processes that read; one at least. [one per available CPU]",
        ),
    ] = None,
    image_timeout: Annotated[
        float, typer.Option(help="Reject an image that takes longer than this many seconds to read.")
    ] = 120.0,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Stop when more inputs than this are rejected.")
    ] = None,
    shard: options.ArrayPart = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge the shards given as SOURCE into one dataset.")
    ] = False,
) -> None:
    """Make a DATASET of raw images.

    Gray images of one size and a manifest, one row an image; what gave no row is in rejected.csv with its
    reason. The same command again resumes after an interruption, or says that it is done.

    The manifest has no name, birth date, accession number or study date. It does have the paths of images
    as given, and every column of the label tables; --pseudonymize replaces ids and paths, so that the dataset
    may travel.
    """
    from cxr_cli.dataset.preprocess import merge as merge_shards
    from cxr_cli.dataset.preprocess import preprocess as make_dataset

    if merge:
        _refuse(context, lambda name: name not in OPTIONS_OF_MERGE, "not with --merge: the shards have it")
        result = merge_shards(source, output, max_failures=max_failures, reporter=CONSOLE)
    else:
        if format is not None:
            _refuse(
                context,
                OPTIONS_OF_COLUMNS.__contains__,
                f"--format {format} says which columns there are",
            )
        result = make_dataset(
            source,
            output,
            labels=labels or (),
            path_column=path_column,
            label_column=label_column,
            patient_column=patient_column,
            format=format,
            finding=finding,
            views=views,
            size=size,
            crop_top=crop_top,
            crop_border=crop_border,
            manufacturers=manufacturers,
            pseudonymize=pseudonymize,
            ids_verbatim=ids_verbatim,
            keep_tags=[keyword.strip() for keyword in keep_tags.split(",")] if keep_tags else (),
            workers=1 if workers == 0 else workers,
            image_timeout=image_timeout,
            max_failures=max_failures,
            shard=options.array_task(shard, "shard", "images"),
            reporter=CONSOLE,
        )
    part = f", shard {result.shard}" if result.shard else ""
    show(
        f"{output}: {result.images} images of {result.size} x {result.size}, "
        f"{result.rejected} inputs rejected{part}"
    )
    for label, images in result.classes.items():
        show(f"  class {label}: {images}")
    for reason, inputs in result.rejected_by_reason.items():
        show(f"  rejected, {reason}: {inputs}")


def _refuse(context: typer.Context, refused: Callable[[str], bool], why: str) -> None:
    """Refuse options that were given though others leave no room for them."""
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if given and given.name == "COMMANDLINE" and refused(str(parameter.name)):
            raise UsageError(f"{parameter.opts[0]}: {why}")
