"""`cxr phantom`: synthetic radiographs as DICOM, with masks and labels."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands.console import CONSOLE, say


def phantom(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")],
    count: Annotated[int, typer.Option(help="Number of images, balanced over the findings.")] = 300,
    size: Annotated[int, typer.Option(help="Height and width of an image, pixels.")] = 512,
    findings: Annotated[
        list[str] | None,
        typer.Option(
            "--finding",
            help="normal, pneumonia, covid19 or pneumoperitoneum; repeatable.  "
            "[default: normal pneumonia covid19]",
        ),
    ] = None,
    images_per_patient: Annotated[
        int, typer.Option(help="Maximum images per patient, uniformly random from 1.")
    ] = 3,
    shortcut: Annotated[
        float,
        typer.Option(metavar="P", help="Probability of a planted corner marker on images of one class."),
    ] = 0.0,
    shortcut_class: Annotated[
        str | None,
        typer.Option(metavar="FINDING", help="The class that may carry it.  [default: the last finding]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes; the output is the same.  [one per available CPU]")
    ] = None,
) -> None:
    """Make synthetic radiographs with known findings.

    DICOM files with full tags, a mask of each finding, and labels.csv.

    The same command again completes an interrupted folder. A folder DIR/images is made for
    `cxr preprocess`: an image's class is its folder's name.
    """
    from cxr_cli.phantom.build import phantom as make_phantoms
    from cxr_cli.phantom.cohort import PhantomSettings

    chosen = tuple(findings or ("normal", "pneumonia", "covid19"))
    settings = PhantomSettings(
        findings=chosen,
        count=count,
        size=size,
        images_per_patient=images_per_patient,
        shortcut=shortcut,
        shortcut_class=chosen[-1] if shortcut_class is None else shortcut_class,
        seed=seed,
    )
    made = make_phantoms(output, settings, workers=workers, reporter=CONSOLE)
    say(f"{output}: {made.images} images made" if made.drawn else f"{output}: done already; nothing to do")
