"""What every command takes beside its own options: settings from a file, and how much is said."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_cli.commands.console import CONSOLE
from cxr_cli.errors import BadInput, CxrError, UsageError, did_you_mean

if TYPE_CHECKING:
    from typer._click import Context, Parameter

NAMES = ("config", "show_config", "quiet", "verbose", "log_file")


def common(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Options from a file, as lr = 1e-4; in tables such as [train] for several commands. "
            "The command line wins.",
        ),
    ] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print all options as they would be, as such a file.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say the options, the time of each notice, progress more often.")
    ] = False,
    log_file: Annotated[
        Path | None, typer.Option(help="Append what is said to this file, too, with the time.")
    ] = None,
) -> None:
    """Stand for the options that `common_options` makes of it."""


@cache
def common_options() -> "Sequence[Parameter]":
    """Make the options."""
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command()(common)
    return tuple(typer.main.get_command(alone).params)


def read_config(path: Path, command: str, params: "Sequence[Parameter]") -> dict[str, Any]:
    """Read a command's options from a TOML file.

    Args:
        path: of the file. Its own keys are options of whatever command it is given to; a table named like the
            command has options, too; tables of other commands are for them.
        command: its name; of a group's command, the last word.
        params: what the command takes.

    Returns:
        Words, or lists of words, and flags, by the parameters' names: as if given on the command line.

    Raises:
        BadInput: no such file, no TOML, an option that the command does not have, or a value of another kind.
    """
    import tomllib

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: cannot be read as TOML ({error})") from None
    own = content.get(command, {})
    if not isinstance(own, dict):
        own = {command: own}
    given = {key: value for key, value in content.items() if not isinstance(value, dict)} | own
    by_spelling = {_spelling(param): param for param in params if param.name not in ("config", "help")}
    values = {}
    for key, value in given.items():
        param = by_spelling.get(key.replace("_", "-"))
        if param is None:
            known = sorted(by_spelling)
            raise BadInput(
                f"{path}: {command} has no option {key!r}{did_you_mean(key, known)}; "
                f"it has {', '.join(known)}"
            )
        values[str(param.name)] = _words(path, key, value, param)
    return values


def _spelling(param: "Parameter") -> str:
    """Return an option without its dashes, or an argument's name."""
    return max(param.opts, key=len).lstrip("-").replace("_", "-")


def _words(path: Path, key: str, value: Any, param: "Parameter") -> Any:
    import json

    flag = getattr(param, "is_flag", False)
    several = getattr(param, "multiple", False) or param.nargs == -1
    is_list = isinstance(value, list)
    if (
        flag != isinstance(value, bool)
        or isinstance(value, dict)
        or (isinstance(value, list) and not several)
    ):
        wanted = "true or false" if flag else "text, a number, or a list" if several else "text or a number"
        raise BadInput(f"{path}: {key} is {json.dumps(value, default=str)}, {wanted} is needed")
    if flag:
        return value
    words = [str(one) for one in (value if is_list else [value])]
    return words if several else words[0]


def as_toml(params: "Sequence[Parameter]", values: Mapping[str, Any]) -> str:
    """Write a command's options as a file that `--config` takes; what is not set is a comment."""
    lines = []
    for param in params:
        if param.name in (*NAMES, "help") or getattr(param, "hidden", False):
            continue
        value = values[str(param.name)]
        key = _spelling(param)
        lines.append(f"# {key} =" if value in (None, [], ()) else f"{key} = {_toml(value)}")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    import json  # here, for no `--help` has need of it

    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool | int):
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else json.dumps(str(value), ensure_ascii=False)


@contextmanager
def said_as_asked(context: "Context", given: Mapping[str, Any]) -> Iterator[None]:
    """Let the console say as much as is asked for, and keep it where a log is asked for.

    Raises:
        UsageError: quiet and verbose.
        BadInput: the log cannot be written.
    """
    if given["quiet"] and given["verbose"]:
        raise UsageError("--quiet: cannot be combined with --verbose")
    CONSOLE.quiet, CONSOLE.verbose = given["quiet"], given["verbose"]
    try:
        with CONSOLE.logging_to(given["log_file"]):
            try:
                if given["verbose"]:
                    options = as_toml(context.command.params, context.params)
                    for line in (f"{context.command_path}, options:", *options.splitlines()):
                        CONSOLE.say(line)
                yield
            except CxrError as error:
                CONSOLE.log(f"error: {error}")
                raise
            except BaseException as error:
                CONSOLE.log(f"ended by {type(error).__name__}")
                raise
    finally:
        CONSOLE.quiet = CONSOLE.verbose = False
