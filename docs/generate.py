"""Write the reference of every command and option from the app: docs/commands.md, and cxr.1 for `man cxr`.

python docs/generate.py            writes both beside this file
python docs/generate.py --check    exits 1 and names the file if one is stale
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from cxr_cli import __version__
from cxr_cli.commands.common import NAMES, common_options
from cxr_cli.commands.help import EXAMPLES
from cxr_cli.errors import ExitCode
from cxr_cli.main import CHAIN, app

HERE = Path(__file__).resolve().parent
HEADER = """# Commands and options

Written by `docs/generate.py` from the texts of `cxr COMMAND --help`."""


def reference() -> str:
    """Write the whole page."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    everywhere = ["## Options of every command", _table(common_options(), typer.Context(commands["doctor"]))]
    sections = [part for name in commands for part in _sections(name, commands[name])]
    return "\n\n".join([HEADER, *sections, *everywhere]) + "\n"


def _sections(name: str, command: Any) -> list[str]:
    """Write a command's section, and one for each command of a group."""
    parts = [f"## cxr {name}", *(" ".join(each.split()) for each in (command.help or "").split("\n\n"))]
    context = typer.Context(command, info_name=name)
    if name in EXAMPLES:
        parts.append("\n".join(["```bash", *EXAMPLES[name], "```"]))
    own = [one for one in command.get_params(context) if one.name not in (*NAMES, "help")]
    if own:
        parts.append(_table(own, context))
    for inner, child in getattr(command, "commands", {}).items():
        parts += _sections(f"{name} {inner}", child)
    return parts


def _table(parameters: Iterable[Any], context: typer.Context) -> str:
    """Lay out parameters and their help."""
    records = [record for one in parameters if (record := one.get_help_record(context))]
    rows = [f"| {_cell(f'`{spelling.strip()}`')} | {_cell(text)} |" for spelling, text in records]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows])


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def manual() -> str:
    """Write the page for `man cxr`, in the macros of man(7)."""
    lines = [
        f'.TH CXR 1 "" "cxr {__version__}" "User commands"',
        ".SH NAME",
        "cxr \\- chest X-ray classification studies: raw images in, honest results out",
        ".SH SYNOPSIS",
        ".B cxr",
        r"\fICOMMAND\fR [\fIOPTIONS\fR] \fIARGUMENTS\fR",
        ".SH DESCRIPTION",
        "For research, not for diagnosis.",
        *(".PP", ".nf", *(_roff(line) for line in CHAIN.splitlines()), ".fi"),
    ]
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in commands:
        lines += _manual_sections(name, commands[name])
    lines += [
        ".SH OPTIONS OF EVERY COMMAND",
        *_manual_options(common_options(), typer.Context(commands[name])),
    ]
    lines += [".SH EXIT STATUS"]
    for code in ExitCode:
        lines += [".TP", f".B {int(code)}", code.name.lower().replace("_", " ")]
    return "\n".join([*lines, ".TP", ".B 130", "stopped by Ctrl\\-C, the state is saved", ""])


def _manual_sections(name: str, command: Any) -> list[str]:
    context = typer.Context(command, info_name=name)
    lines = [f".SH CXR {_roff(name.upper())}"]
    for paragraph in (command.help or "").split("\n\n"):
        lines += [_roff(" ".join(paragraph.split())), ".PP"]
    lines += _manual_options([one for one in command.get_params(context) if one.name not in NAMES], context)
    for example in EXAMPLES.get(name, ()):
        lines += [".PP", ".nf", _roff(f"$ {example}"), ".fi"]
    for inner, child in getattr(command, "commands", {}).items():
        lines += _manual_sections(f"{name} {inner}", child)
    return lines


def _manual_options(parameters: Iterable[Any], context: typer.Context) -> list[str]:
    records = [record for one in parameters if (record := one.get_help_record(context))]
    return [
        line
        for spelling, text in records
        for line in (".TP", f".B {_roff(spelling.strip())}", _roff(" ".join(text.split())))
    ]


def _roff(text: str) -> str:
    """Escape a line: backslashes, dashes that are to be copied, and a dot or quote that begins it."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


WRITERS: Mapping[str, Callable[[], str]] = {"commands.md": reference, "cxr.1": manual}


def main() -> int:
    """Write the pages, or with --check only compare them; return the exit code."""
    stale = 0
    for name, write in WRITERS.items():
        path, text = HERE / name, write()
        if "--check" not in sys.argv[1:]:
            path.write_text(text, "utf-8")
        elif not path.is_file() or path.read_text("utf-8") != text:
            print(f"docs/{name}: stale; run `python docs/generate.py`", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
