"""The Typer app: commands by name, each loaded when it is called; errors as one line and an exit code."""

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer.core import TyperGroup

from cxr_cli import __version__
from cxr_cli.commands.command import CONTEXT, CxrCommand
from cxr_cli.errors import CxrError, ExitCode
from cxr_cli.printable import printable

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

PURPOSE = (
    "Chest X-ray classification studies: raw images in, honest results out. For research, not for diagnosis."
)

COMMANDS: Mapping[str, str] = {
    "preprocess": "Make a DATASET of raw images.",
    "split": "Split a DATASET by patient into training, validation and test sets.",
    "describe": "Describe the images of a study (Table 1).",
    "train": "Train a model on a DATASET.",
    "validate3way": "Three-way validation of a siamese RUN.",
    "template": "Make the class templates of a siamese RUN.",
    "test": "Predict images and print metrics with intervals.",
    "stratify": "Report metrics by image characteristics.",
    "crossval": "Cross-validate: train every fold, and test each on its own.",
    "compare": "Compare models, and human readers, on the same images.",
    "predict": "Predict images without labels.",
    "audit": "Look for shortcuts, associations and leaks.",
    "gradcam": "Show which image regions a score is based on.",
    "report": "Put all results of a RUN on one HTML page.",
    "verify": "Check that files are as cxr wrote them, and belong together.",
    "sweep": "Train a grid of learning rates and batch sizes.",
    "weights": "List, fetch and verify pretrained weights.",
    "phantom": "Make synthetic radiographs with known findings.",
    "slurm-script": "Print a batch script for Slurm.",
    "demo": "Run every stage on synthetic radiographs.",
    "doctor": "Report what this installation and this machine can do.",
}
"""Each command's name and what it does; its function is `cxr_cli.commands.NAME.NAME`, dashes as underscores.

They stand here, too, so that `cxr --help` loads none of them.
"""


class _LoadedWhenCalled(Mapping[str, "Command"]):
    """Commands by name; looking one up imports its module."""

    def __getitem__(self, name: str) -> "Command":
        if name not in COMMANDS:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


@cache
def _load(name: str) -> "Command":
    attribute = name.replace("-", "_")
    found = getattr(import_module(f"cxr_cli.commands.{attribute}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(name, cls=CxrCommand, context_settings=CONTEXT)(found)
        found = alone
    return typer.main.get_command(found)


class CxrGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        """Take the commands from COMMANDS."""
        super().__init__(**{**attributes, "commands": _LoadedWhenCalled()})

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:  # noqa: ARG002
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


# Plain help: rich's markup would double the time of every `--help`.
app = typer.Typer(
    name="cxr",
    cls=CxrGroup,
    help=PURPOSE,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; `argv` is without the program's name."""
    try:
        code = app(args=None if argv is None else list(argv), prog_name="cxr", standalone_mode=False)
    except CxrError as error:
        print(f"cxr: {printable(str(error))}", file=sys.stderr)
        return int(error.exit_code)
    except NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return int(ExitCode.USAGE)
    except UsageError as error:
        message = printable(" ".join(error.format_message().replace("Value error, ", "").split()))
        print(
            f"cxr: {message} ({error.ctx.command_path} --help)" if error.ctx else f"cxr: {message}",
            file=sys.stderr,
        )
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = printable(str(error.filename or "output"))
        print(f"cxr: {place}: cannot be written ({error.strerror})", file=sys.stderr)
        _drop_stdout_if_full()
        return int(ExitCode.BAD_INPUT)
    return code if isinstance(code, int) else int(ExitCode.DONE)


def _drop_stdout_if_full() -> None:
    """Send what is left of stdout nowhere, or Python would fail with it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """The console script."""
    sys.exit(main())
