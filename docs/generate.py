"""Write docs/commands.md, the reference of every command and option, from the app.

python docs/generate.py            writes commands.md beside this file
python docs/generate.py --check    exits 1 if it is stale
"""

import re
import sys
from pathlib import Path
from typing import Any

import typer

from cxr_cli.main import app

REFERENCE = Path(__file__).resolve().parent / "commands.md"
HEADER = "# Commands and options\n\nWritten by `docs/generate.py` from the texts of `cxr COMMAND --help`."


def reference() -> str:
    """Write the whole page."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return (
        "\n\n".join([HEADER, *(part for name in commands for part in _sections(name, commands[name]))]) + "\n"
    )


def _sections(name: str, command: Any) -> list[str]:
    """Write a command's section, and one for each command of a group."""
    parts = [f"## cxr {name}", *(" ".join(each.split()) for each in (command.help or "").split("\n\n"))]
    context = typer.Context(command, info_name=name)
    records = [
        record
        for parameter in command.get_params(context)
        if parameter.name != "help" and (record := parameter.get_help_record(context))
    ]
    if records:
        rows = [f"| {_cell(f'`{record[0].strip()}`')} | {_cell(record[1])} |" for record in records]
        parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
    for inner, child in getattr(command, "commands", {}).items():
        parts += _sections(f"{name} {inner}", child)
    return parts


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def main() -> int:
    """Write the page, or with --check only compare it; return the exit code."""
    text = reference()
    if "--check" in sys.argv[1:]:
        stale = not REFERENCE.is_file() or REFERENCE.read_text("utf-8") != text
        if stale:
            print("docs/commands.md: stale; run `python docs/generate.py`", file=sys.stderr)
        return int(stale)
    REFERENCE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
