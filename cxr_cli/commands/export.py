"""`cxr export`: the model of a RUN as an ONNX or StableHLO file."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.prediction.choices import ExportFormat, PixelType


@compiles
def export(
    run: options.ModelFolder,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    format: Annotated[
        ExportFormat, typer.Option(help="ONNX, or JAX's StableHLO (`jax.export.deserialize`).")
    ] = "onnx",
    input_type: Annotated[
        PixelType, typer.Option(help="Type of the images [N,H,W]; their gray values are 0 to 255.")
    ] = "uint8",
    members: Annotated[
        list[Path] | None,
        typer.Option("--member", metavar="RUN", help="Average with this run, too; repeatable."),
    ] = None,
    templates: options.Templates = None,
) -> None:
    """Export the model of a RUN as an ONNX or StableHLO file.

    The program maps any number of gray images to scores, which are calibrated as `cxr test` decided. Images
    are normalized inside; they must be cropped and resized as the run's own. What they must be like, classes
    and the operating point are in the ONNX file's metadata, or in FILE.json beside a StableHLO file. The
    scores are compared with the run's own before anything is written.
    """
    from cxr_cli.prediction.export import export as export_run

    result = export_run(
        run,
        output,
        format=format,
        input_type=input_type,
        members=members or (),
        templates=templates,
        reporter=CONSOLE,
    )
    show(result.path)
    if result.difference is not None:
        say(f"scores differ from the run's own by {result.difference:.1e} at most")
