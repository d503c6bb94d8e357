"""The Typer app: commands by name, and errors as one line and an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cxr_cli import __version__
from cxr_cli.commands.audit import audit
from cxr_cli.commands.demo import demo
from cxr_cli.commands.doctor import doctor
from cxr_cli.commands.gradcam import gradcam
from cxr_cli.commands.phantom import phantom
from cxr_cli.commands.predict import predict
from cxr_cli.commands.preprocess import preprocess
from cxr_cli.commands.report import report
from cxr_cli.commands.split import split
from cxr_cli.commands.stratify import stratify
from cxr_cli.commands.sweep import sweep
from cxr_cli.commands.template import template
from cxr_cli.commands.test import test
from cxr_cli.commands.train import train
from cxr_cli.commands.validate3way import validate3way
from cxr_cli.commands.weights import weights
from cxr_cli.errors import CxrError, ExitCode

PURPOSE = (
    "Chest X-ray classification studies: raw films in, honest figures out. For research, not for diagnosis."
)

# Plain help: rich's markup would double the time of every `--help`.
app = typer.Typer(
    name="cxr",
    help=PURPOSE,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    # Where `--help` is absent Typer takes its value for None, and loads pydantic to make it a bool.
    context_settings={"default_map": {"help": False}},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cxr {__version__}")
        raise typer.Exit()


@app.callback(help=PURPOSE)
def cxr(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """The command line itself; its help is PURPOSE."""


app.command()(preprocess)
app.command()(split)
app.command()(train)
app.command()(validate3way)
app.command()(template)
app.command()(test)
app.command()(stratify)
app.command()(predict)
app.command()(audit)
app.command()(gradcam)
app.command()(report)
app.command()(sweep)
app.add_typer(weights, name="weights")
app.command()(phantom)
app.command()(demo)
app.command()(doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; `argv` is without the program's name."""
    try:
        app(args=None if argv is None else list(argv), prog_name="cxr")
    except CxrError as error:
        print(f"cxr: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return 130
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(ExitCode.FAULT)
    return int(ExitCode.DONE)


def entry() -> None:
    """The console script."""
    sys.exit(main())
