"""`cxr preprocess`: raw films to a DATASET folder."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import console
from cxr_cli.errors import UsageFault


def preprocess(
    source: Annotated[
        list[Path], typer.Argument(help="Films, or folders or zip archives to search: PNG, JPEG, DICOM.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The DATASET folder to make.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="A label table: CSV, TSV or COVIDx list; repeatable. Without: the folder's name."),
    ] = None,
    path_column: Annotated[str, typer.Option(help="The label table's column of film paths.")] = "path",
    label_column: Annotated[str, typer.Option(help="The label table's column of classes.")] = "label",
    patient_column: Annotated[
        str | None, typer.Option(help="The label table's column of patients; patient_id where it has that.")
    ] = None,
    views: Annotated[
        str, typer.Option(help="Which to take: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are taken.")
    ] = "PA,AP",
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the stored films, in pixels.")] = 224,
    crop_top: Annotated[float, typer.Option(help="Share of the height to cut off above, below 0.5.")] = 0.0,
    crop_border: Annotated[float, typer.Option(help="Share to cut off each side, below 0.5.")] = 0.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: the CPUs at hand.")] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Give up when more inputs are rejected.")
    ] = None,
) -> None:
    """Turn raw films into a DATASET folder.

    Equal grey pictures and a manifest, one row a film; what gave no row is in rejected.csv with its reason.
    The same command again goes on after an interruption, or says that it is done.
    """
    for option, share in (("--crop-top", crop_top), ("--crop-border", crop_border)):
        if not 0 <= share < 0.5:
            raise UsageFault(f"{option} {share:g}: a share from 0 to below 0.5 is needed")

    from cxr_cli.dataset.film import Geometry
    from cxr_cli.dataset.labels import Columns
    from cxr_cli.dataset.preprocess import Settings
    from cxr_cli.dataset.preprocess import preprocess as make_dataset
    from cxr_cli.dataset.store import rejected_by_reason
    from cxr_cli.dataset.views import parse_views
    from cxr_cli.dataset.workers import usable_cpus

    settings = Settings(
        Geometry(size, crop_top, crop_border),
        tuple(labels or ()),
        Columns(path_column, label_column, patient_column),
        parse_views(views),
    )
    with console.progress("films") as advance:
        info = make_dataset(
            source,
            output,
            settings,
            workers=workers or usable_cpus(),
            max_failures=max_failures,
            say=console.say,
            advance=advance,
        )
    counts = info["counts"]
    typer.echo(f"{output}: {counts['films']} films of {size} x {size}, {counts['rejected']} inputs rejected")
    for label, films in info["classes"].items():
        typer.echo(f"  class {label}: {films}")
    for reason, inputs in rejected_by_reason(output).items():
        typer.echo(f"  rejected, {reason}: {inputs}")
