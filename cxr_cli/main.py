"""The Typer app: commands by name, each loaded when it is called; errors as one line and an exit code."""

import errno
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError

from cxr_cli import __version__
from cxr_cli.commands.command import CONTEXT, CxrCommand, CxrGroup
from cxr_cli.errors import CxrError, ExitCode
from cxr_cli.import_path import keep_working_folder_out
from cxr_cli.interruption import INTERRUPTED, watched_interrupts
from cxr_cli.printable import printable

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

PURPOSE = (
    "Chest X-ray classification studies: raw images in, honest results out. For research, not for diagnosis."
)

STAGES: Mapping[str, Mapping[str, str]] = {
    "Data": {
        "preprocess": "Make a DATASET of raw images.",
        "split": "Split a DATASET by patient into training, validation and test sets.",
        "describe": "Describe the images of a study (Table 1).",
    },
    "Training": {
        "train": "Train a model on a DATASET.",
        "crossval": "Cross-validate: train every fold, and test each on its own.",
        "sweep": "Train a grid of learning rates and batch sizes.",
        "weights": "List, fetch and verify pretrained weights.",
    },
    "Testing": {
        "test": "Predict images and print metrics with intervals.",
        "template": "Make the class templates of a siamese RUN.",
        "validate3way": "Three-way validation of a siamese RUN.",
        "predict": "Predict images without labels.",
    },
    "Results": {
        "stratify": "Report metrics by image characteristics.",
        "compare": "Compare models, and human readers, on the same images.",
        "gradcam": "Show which image regions a score is based on.",
        "audit": "Look for shortcuts, associations and leaks.",
        "report": "Put all results of a RUN on one HTML page.",
        "export": "Export the model of a RUN as an ONNX or StableHLO file.",
        "verify": "Check that files are as cxr wrote them, and belong together.",
    },
    "Getting started": {
        "demo": "Run every stage on synthetic radiographs.",
        "phantom": "Make synthetic radiographs with known findings.",
        "doctor": "Report what this installation and this machine can do.",
        "slurm-script": "Print a batch script for Slurm.",
        "completion": "Print or install the completion of a shell.",
    },
}
"""The commands by stage: each one's name and what it does.

The function of a command is `cxr_cli.commands.NAME.NAME`, dashes as underscores. The texts stand here, too,
so that `cxr --help` loads none of them.
"""

COMMANDS: Mapping[str, str] = {name: text for stage in STAGES.values() for name, text in stage.items()}

LONGEST_NAME = max(map(len, COMMANDS))

CHAIN = """\
  images/ -- preprocess --> DATASET/ -- split --> split.csv -- train --> RUN/
  RUN/ -- test --> predictions.csv, metrics.json -- stratify, compare --> tables
  RUN/ -- gradcam, audit, report --> saliency maps, shortcuts, one HTML page
"""

BY_MEANING: Mapping[str, str] = {
    **dict.fromkeys(("evaluate", "eval", "validate", "score", "metrics"), "test"),
    **dict.fromkeys(("infer", "inference", "apply", "classify"), "predict"),
    **dict.fromkeys(("fit", "learn", "finetune", "fine-tune", "run"), "train"),
    **dict.fromkeys(("import", "convert", "prepare", "ingest", "dataset", "load"), "preprocess"),
    **dict.fromkeys(("cv", "kfold", "cross-validate", "crossvalidate", "folds"), "crossval"),
    **dict.fromkeys(("grid", "search", "tune", "hyperparameters"), "sweep"),
    **dict.fromkeys(("explain", "saliency", "heatmap", "cam", "attribute"), "gradcam"),
    **dict.fromkeys(("subgroups", "fairness", "bias", "strata"), "stratify"),
    **dict.fromkeys(("table1", "summary", "stats", "info", "show"), "describe"),
    **dict.fromkeys(("shortcuts", "leaks"), "audit"),
    **dict.fromkeys(("html", "page", "view"), "report"),
    **dict.fromkeys(("check", "fsck", "validate-files"), "verify"),
    **dict.fromkeys(("download", "models", "pretrained"), "weights"),
    **dict.fromkeys(("onnx", "convert-model", "deploy", "stablehlo"), "export"),
    **dict.fromkeys(("simulate", "synthetic", "generate"), "phantom"),
    **dict.fromkeys(("version", "env", "diagnose"), "doctor"),
    **dict.fromkeys(("example", "tutorial", "quickstart"), "demo"),
    **dict.fromkeys(("slurm", "sbatch", "submit"), "slurm-script"),
    **dict.fromkeys(("completions", "complete", "autocomplete"), "completion"),
    **dict.fromkeys(("prototype", "prototypes", "templates"), "template"),
    **dict.fromkeys(("three-way", "threeway", "validate-3way"), "validate3way"),
    **dict.fromkeys(("delong", "roc", "versus"), "compare"),
}
"""What other tools call the work of a command."""


READER_GONE = 128 + signal.SIGPIPE
"""What a shell makes of a command that is ended so, as most commands are when `| head` has read enough."""

OF_THE_SYSTEM: Mapping[int, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG), "cannot be written"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "is not allowed"),
    **dict.fromkeys((errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EREMOTEIO), "cannot be used"),
    **dict.fromkeys((errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EBUSY), "cannot be used"),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP), "is not there as it was"),
    **dict.fromkeys((errno.ENAMETOOLONG,), "cannot be a name here"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "more files are needed at once than the limit (ulimit -n)"),
    **dict.fromkeys((errno.ENOMEM, errno.EAGAIN), "memory or processes are short (ulimit -v, ulimit -u)"),
}
"""Errors that are no fault of ours wherever they arise, and what to say of the file."""


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


class Program(CxrGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        """Take the commands from COMMANDS."""
        super().__init__(**{**attributes, "commands": _LoadedWhenCalled()})

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:  # noqa: ARG002
        """Show the chain, and list the commands by stage without loading them."""
        with formatter.section("The chain, a folder or file from each to the next"):
            formatter.write(CHAIN)
        for stage, commands in STAGES.items():
            with formatter.section(stage):
                formatter.write_dl([(name.ljust(LONGEST_NAME), text) for name, text in commands.items()])
        formatter.write("\nCOMMAND --help shows options and examples.\n")

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> tuple[str | None, "Command | None", list[str]]:
        """Find a command; one that other tools call otherwise is named."""
        if args[0] in BY_MEANING:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {BY_MEANING[args[0]]!r}?")
        return super().resolve_command(ctx, args)


# Plain help: rich's markup would double the time of every `--help`.
app = typer.Typer(
    name="cxr",
    cls=Program,
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
    with watched_interrupts() as interrupts:
        code = _run(argv)
    if code == INTERRUPTED:
        print("cxr: stopped; what is finished is kept, the same command continues", file=sys.stderr)
    return INTERRUPTED if code == ExitCode.PREEMPTED and interrupts.count else code


def _run(argv: Sequence[str] | None) -> int:
    """Run one command line; what goes wrong is a line on stderr and an exit code."""
    try:
        code = app(args=None if argv is None else list(argv), prog_name="cxr", standalone_mode=False)
        sys.stdout.flush()
    except CxrError as error:
        _complain(f"cxr: {error}")
        return int(error.exit_code)
    except NoArgsIsHelpError as error:
        _complain(error.format_message(), keep="\n")
        return int(ExitCode.USAGE)
    except UsageError as error:
        message = " ".join(error.format_message().replace("Value error, ", "").split())
        _complain(f"cxr: {message} ({error.ctx.command_path} --help)" if error.ctx else f"cxr: {message}")
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as end:  # Typer's own answer to a closed pipe
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return READER_GONE
    except MemoryError:
        _complain("cxr: out of memory: the limit (ulimit -v) or the machine has too little for this command")
        return int(ExitCode.BAD_INPUT)
    except OSError as error:
        problem = OF_THE_SYSTEM.get(error.errno or 0)
        if problem is None:
            raise
        _complain(f"cxr: {error.filename or 'output'}: {problem} ({error.strerror})")
        _drop_stdout_if_full()
        return int(ExitCode.BAD_INPUT)
    return code if isinstance(code, int) else int(ExitCode.DONE)


def _complain(message: str, keep: str = "") -> None:
    """Print on stderr, a line unless breaks are kept; if it cannot be written, the code has to say it."""
    with suppress(OSError):
        print(printable(message, keep), file=sys.stderr)


def _drop_stdout_if_full() -> None:
    """Send what is left of stdout nowhere, or Python would fail with it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """The console script."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: a file of ours would take its number
            setattr(sys, name, open(os.devnull, "r+"))  # noqa: SIM115
    keep_working_folder_out()
    code = main()
    if code == INTERRUPTED:
        # Threads that still compile would crash the interpreter's orderly end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
