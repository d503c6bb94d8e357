"""`cxr preprocess`: raw images to a DATASET folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.errors import UsageFault

OPTIONS_OF_MERGE = ("source", "output", "merge", "max_failures")


def preprocess(
    context: typer.Context,
    source: Annotated[
        list[Path], typer.Argument(help="Images, or folders or zip archives to search: PNG, JPEG, DICOM.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The DATASET folder to make.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="A label table: CSV, TSV or COVIDx list; repeatable. Without: the folder's name."),
    ] = None,
    path_column: Annotated[str, typer.Option(help="The label table's column of image paths.")] = "path",
    label_column: Annotated[str, typer.Option(help="The label table's column of classes.")] = "label",
    patient_column: Annotated[
        str | None, typer.Option(help="The label table's column of patients; patient_id where it has that.")
    ] = None,
    label_format: Annotated[
        str | None,
        typer.Option("--format", help="The label table's layout: nih, rsna, covidx, cohen or chexpert."),
    ] = None,
    label_finding: Annotated[
        str | None,
        typer.Option(
            "--finding",
            help="With --format: classes are positive and negative for this. Without: an image's one finding.",
        ),
    ] = None,
    views: Annotated[
        str, typer.Option(help="Which to take: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are taken.")
    ] = "PA,AP",
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the stored images, in pixels.")] = 224,
    crop_top: Annotated[float, typer.Option(help="Share of the height to cut off above, below 0.5.")] = 0.0,
    crop_border: Annotated[float, typer.Option(help="Share to cut off each side, below 0.5.")] = 0.0,
    manufacturers: Annotated[
        Path | None, typer.Option(help='More spellings of manufacturers, TOML: "Acme" = ["Acme Imaging"].')
    ] = None,
    hash_patients: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="Replace patient ids by hashes, keyed by this file's bytes."),
    ] = None,
    keep_tags: Annotated[
        str, typer.Option(metavar="KEYWORD,...", help="DICOM tags to add to the manifest as they are.")
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that read; 0: this one, unguarded. Default: the CPUs at hand."),
    ] = None,
    image_timeout: Annotated[
        float, typer.Option(help="Seconds after which an image that is not read yet is rejected.")
    ] = 120.0,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Give up when more inputs are rejected.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Take the Ith of N parts. Default: the task of a Slurm job array."),
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="SOURCE are all shards of the dataset.")] = False,
) -> None:
    """Turn raw images into a DATASET folder.

    Equal gray pictures and a manifest, one row an image; what gave no row is in rejected.csv with its reason.
    The same command again goes on after an interruption, or says that it is done.

    The manifest has no name, birth date, accession number or study date. It does have the paths of images
    as given, and every column of the label tables.
    """
    if merge:
        _refuse_other_options(context)
        _merge(source, output, max_failures)
        return
    for option, share in (("--crop-top", crop_top), ("--crop-border", crop_border)):
        if not 0 <= share < 0.5:
            raise UsageFault(f"{option} {share:g}: a share from 0 to below 0.5 is needed")
    if not image_timeout > 0:
        raise UsageFault(f"--image-timeout {image_timeout:g}: seconds above 0 are needed")
    part = options.array_task(shard, "shard", "images")
    _check_format(context, label_format, labels, label_finding)

    from cxr_cli.dataset.preprocess import Effort
    from cxr_cli.dataset.preprocess import preprocess as make_dataset
    from cxr_cli.dataset.settings import Settings
    from cxr_cli.images.privacy import check_keep_tags, read_key
    from cxr_cli.images.read import Geometry
    from cxr_cli.images.view_position import parse_views
    from cxr_cli.images.workers import usable_cpus
    from cxr_cli.labels.formats import Published
    from cxr_cli.labels.table import Columns

    keywords = [keyword.strip() for keyword in keep_tags.split(",")] if keep_tags else []
    settings = Settings(
        Geometry(size, crop_top, crop_border),
        tuple(labels or ()),
        Columns(path_column, label_column, patient_column),
        parse_views(views),
        manufacturers,
        check_keep_tags(keywords, hashed=hash_patients is not None),
        read_key(hash_patients) if hash_patients else None,
        Published(label_format, label_finding) if label_format else None,
    )
    effort = Effort(usable_cpus() if workers is None else workers, image_timeout, max_failures)
    with CONSOLE.progress("images") as advance:
        info = make_dataset(source, output, settings, effort, shard=part, say=say, advance=advance)
    _print_summary(output, info)


def _check_format(
    context: typer.Context, label_format: str | None, labels: list[Path] | None, finding: str | None
) -> None:
    """Refuse what goes with no label table of a public set, or says twice what its columns mean."""
    if label_format is None:
        if finding is not None:
            raise UsageFault(f"--finding {finding!r}: --format is needed, which says where findings stand")
        return
    if not labels:
        raise UsageFault(f"--format {label_format}: --labels is needed, the table of that format")
    for parameter in ("path_column", "label_column", "patient_column"):
        given = context.get_parameter_source(parameter)
        if given and given.name == "COMMANDLINE":
            option = "--" + parameter.replace("_", "-")
            raise UsageFault(f"{option}: --format {label_format} says which columns there are")


def _merge(shards: list[Path], output: Path, max_failures: int | None) -> None:
    from cxr_cli.dataset.preprocess import merge

    with CONSOLE.progress("inputs") as advance:
        info = merge(shards, output, max_failures=max_failures, say=say, advance=advance)
    _print_summary(output, info)


def _refuse_other_options(context: typer.Context) -> None:
    """Refuse what was resolved when the shards were made."""
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if given and given.name == "COMMANDLINE" and parameter.name not in OPTIONS_OF_MERGE:
            raise UsageFault(
                f"{parameter.opts[0]}: not with --merge, the shards were made with it or without"
            )


def _print_summary(output: Path, info: dict[str, Any]) -> None:
    from cxr_cli.dataset.store import rejected_by_reason

    counts, size = info["counts"], info["settings"]["size"]
    number, count = info["settings"].get("shard", (1, 1))
    part = f", shard {number}/{count}" if count > 1 else ""
    typer.echo(
        f"{output}: {counts['images']} images of {size} x {size}, {counts['rejected']} inputs rejected{part}"
    )
    if part:
        return
    for label, images in info["classes"].items():
        typer.echo(f"  class {label}: {images}")
    for reason, inputs in rejected_by_reason(output).items():
        typer.echo(f"  rejected, {reason}: {inputs}")
