"""`cxr gradcam`: saliency maps of a trained RUN, and their sanity check."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, show
from cxr_cli.errors import UsageError
from cxr_cli.explain.choices import Color, Method, Pick
from cxr_cli.splitting.criteria import Subset


@compiles
def gradcam(
    run: options.RunFolder,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")],
    subset: Annotated[Subset, typer.Option(help="Images to choose from.")] = "test",
    images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH|ID",
            help="Choose from these instead: file, folder, zip archive or image_id; repeatable.",
        ),
    ] = None,
    pick: Annotated[
        list[Pick] | None,
        typer.Option(help="A random sample, or by the run's prediction; repeatable. [random]"),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=0, help="Images of each pick; 0 for all. [16; all with --images or --sanity-check]"),
    ] = None,
    seed: options.Seed = 0,
    target: Annotated[
        str, typer.Option(metavar="predicted|label|CLASS", help="The class whose score is explained.")
    ] = "predicted",
    positive: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="The positive class of --pick tp, fp, fn and tn. "
            "[--target CLASS; of two classes, the one not named like a negative]",
        ),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Siamese runs: explain the similarity of two images."),
    ] = None,
    method: Annotated[Method, typer.Option(help="Saliency method.")] = "gradcam",
    layer: Annotated[
        str | None, typer.Option(help="The layer whose feature map is weighted, such as stage3. [the last]")
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Show the maps of another run beside them, such as of cropped images."
        ),
    ] = None,
    color: Annotated[Color, typer.Option(help="Colormap of the overlays.")] = "inferno",
    shared_scale: Annotated[
        bool, typer.Option("--shared-scale", help="One color scale for all images of a run.")
    ] = False,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also write a DICOM Secondary Capture of each DICOM image.")
    ] = False,
    templates: options.Templates = None,
    sanity_check: Annotated[
        bool, typer.Option("--sanity-check", help="Check the maps instead of drawing them.")
    ] = False,
    masks: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For --sanity-check: masks of findings, CLASS/NAME.png for the image CLASS/NAME.dcm.",
        ),
    ] = None,
    source_root: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that relative paths of images start from.")
    ] = Path(),
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Show which image regions a score is based on.

    DIR gets an overlay of each image at its original size, contact sheets (sheet.png), the saliency maps
    themselves (maps.npz), and index.csv. Cropped-off regions have no values, and a map without positive
    values, that is, without evidence for the class, is reported as such. An interrupted command is resumed
    by the same command.

    With --sanity-check, DIR gets check.json and check.csv: whether maps change when the model's parameters
    are randomized layer by layer, whether they are repeatable (and similar to those of --beside RUN, trained
    with another seed, for example), and whether they lie on the findings of --masks.
    """
    if masks is not None and not sanity_check:
        raise UsageError("--masks: only with --sanity-check, which compares maps with masks")
    if sanity_check and (pair is not None or dicom):
        other = "--dicom" if pair is None else "--pair"
        raise UsageError(f"--sanity-check: not with {other}; it draws no images")

    if sanity_check:
        from cxr_cli.explain import sanity_check as checks
        from cxr_cli.explain.sanity_text import format_sanity_report

        report = checks.sanity_check(
            run,
            output,
            subset=subset,
            images=images or (),
            pick=pick or ("random",),
            count=count or 0,
            seed=seed,
            target=target,
            positive=positive,
            method=method,
            layer=layer,
            beside=beside,
            templates=templates,
            masks=masks,
            dataset=dataset,
            split=split,
            reporter=CONSOLE,
        )
        show(format_sanity_report(report))
        return

    from cxr_cli.explain import gradcam as maps
    from cxr_cli.explain.gallery import SHEET

    result = maps.gradcam(
        run,
        output,
        subset=subset,
        images=images or (),
        pick=pick,
        count=count,
        seed=seed,
        target=target,
        positive=positive,
        pair=pair,
        method=method,
        layer=layer,
        beside=beside,
        color=color,
        shared_scale=shared_scale,
        dicom=dicom,
        templates=templates,
        source_root=source_root,
        dataset=dataset,
        split=split,
        reporter=CONSOLE,
    )
    if result.already_done:
        return
    show(f"{output}: {result.images} images, see {SHEET}")
    if result.without_positive_values:
        show(f"  maps without positive values: {result.without_positive_values} of {len(result.index)}")
    for reason, overlays in result.at_dataset_size.items():
        show(f"  drawn at DATASET size: {overlays} of {len(result.index)}; {reason}")
    if dicom:
        show(f"  DICOM Secondary Captures: {result.captures} of {len(result.index)}")
