"""`cxr slurm-script`: a batch script for one of the long commands."""

from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.commands.console import show
from cxr_cli.errors import UsageError
from cxr_cli.slurm_script import IN_PARTS, STOPPED_IN_TIME, BatchCommand, Resources
from cxr_cli.slurm_script import slurm_script as write_script

if TYPE_CHECKING:
    from typer._click import Context


def slurm_script(
    context: typer.Context,
    command: Annotated[BatchCommand, typer.Argument(help="What to run.")],
    arguments: Annotated[
        list[str], typer.Argument(metavar="ARGUMENTS...", help="Of that command, as on its command line.")
    ],
    partition: Annotated[str | None, typer.Option(help="Partition, as of sbatch.")] = None,
    account: Annotated[str | None, typer.Option(help="Account, as of sbatch.")] = None,
    time: Annotated[str | None, typer.Option(help="Time limit, as of sbatch, such as 08:00:00.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory, as of sbatch, such as 32G.")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="CPUs of each task.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs of each task.")] = None,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks of a job array that share the work.")] = 1,
    ntasks: Annotated[
        int, typer.Option(min=1, help="Processes that train together, in each task of an array.")
    ] = 1,
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes for these processes, as of sbatch.")] = None,
    container: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="An Apptainer image to run `cxr` in.")
    ] = None,
    warning: Annotated[
        int, typer.Option(min=1, help="Seconds before the time limit at which training saves its state.")
    ] = 120,
) -> None:
    """Print a batch script for Slurm.

    The script's options come first, then the command and its own arguments. The comment at the script's top
    says how to submit it. With --tasks, the tasks of a job array share the images of `preprocess`, the runs
    of `sweep`, or the folds of `crossval`, and the comment says how to collect the results. With --ntasks,
    several processes train one model together. Training that runs out of time saves its state and is
    requeued.
    """
    if tasks > 1 and command not in IN_PARTS:
        raise UsageError(f"--tasks: {command} is one job; its work is not shared by the tasks of an array")
    if ntasks > 1 and command not in STOPPED_IN_TIME:
        raise UsageError(f"--ntasks: {command} does not train; its work is shared by --tasks of an array")
    _check_arguments(context, command, arguments)
    resources = Resources(
        partition=partition,
        account=account,
        time=time,
        memory=memory,
        cpus=cpus,
        gpus=gpus,
        tasks=tasks,
        ntasks=ntasks,
        nodes=nodes,
        container=container,
        warning=warning,
    )
    show(write_script(command, arguments, resources), data=True, end="")


def _check_arguments(context: "Context", name: str, arguments: list[str]) -> None:
    """Refuse now what the command would refuse in the job: unknown options, and no place for its results."""
    parent = context.parent
    assert parent is not None
    command = parent.command.get_command(parent, name)  # type: ignore[attr-defined]
    given, _, _ = command.make_parser(typer.Context(command, info_name=name)).parse_args(list(arguments))
    if "output" not in given:
        raise UsageError(f"{name}: --output (-o) is missing")
