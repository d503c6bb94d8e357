"""The option of commands that several processes run together."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from typing import Annotated, Any, TextIO

import typer

from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.errors import CxrError, ProcessLost, with_names
from cxr_cli.printable import printable
from cxr_cli.processes import Distributed, Launch

Choice = Annotated[
    Distributed,
    typer.Option(help="Train on the devices of all tasks that srun or mpirun started; on requires several."),
]
OPTION = inspect.Parameter("distributed", inspect.Parameter.KEYWORD_ONLY, default="auto", annotation=Choice)


def distributes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option to run as one of several processes, of which the first one prints."""

    @wraps(command)
    def distributed_command(*, distributed: Distributed = "auto", **given: Any) -> None:
        from cxr_cli.processes import PATIENCE, all_have_ended, find_launch, join

        launch = find_launch(distributed)
        if launch is None:
            command(**given)
            return
        with _stdout_of(launch) as stdout, redirect_stdout(stdout):
            CONSOLE.silent = launch.number > 0
            join(launch)
            say(f"{launch.count} processes train together")
            try:
                command(**given)
            except BaseException as error:
                _end(launch, error)
                raise
            all_have_ended(PATIENCE)

    # What Typer reads a command's parameters from.
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    parameters = [*own, OPTION]
    distributed_command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    distributed_command.__annotations__ = {one.name: one.annotation for one in parameters}
    return distributed_command


@contextmanager
def _stdout_of(launch: Launch) -> Iterator[TextIO]:
    """Open what the command prints to: stdout of the first process. Gloo's own lines on stdout go nowhere."""
    real = os.dup(1)
    with open(os.devnull, "w") as nowhere, open(real, "w") as stdout:
        os.dup2(nowhere.fileno(), 1)
        yield nowhere if launch.number > 0 else stdout


def _end(launch: Launch, error: BaseException) -> None:
    """Return if all processes fail alike; else end this one at once, so that the others need not wait."""
    from jax.errors import JaxRuntimeError

    from cxr_cli.processes import SAME_FAILURE, all_have_ended

    place = f"process {launch.number + 1} of {launch.count}"
    # Of what JAX raises where a process does not answer, some are ValueErrors.
    if isinstance(error, JaxRuntimeError) or "Gloo" in str(error) or "NCCL" in str(error):
        first = str(error).partition("\n")[0]
        error = ProcessLost(f"another process has ended or cannot be reached ({first})")
    elif isinstance(error, CxrError) and all_have_ended(SAME_FAILURE):
        return
    if isinstance(error, CxrError):
        message = printable(with_names(str(error), CONSOLE.names))
        print(f"cxr: {place}: {message}", file=sys.stderr, flush=True)
        os._exit(int(error.exit_code))
    traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)
