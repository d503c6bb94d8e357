"""Write the shell completions of `cxr` from the app: static scripts that start no Python while one types.

    python completions/generate.py            writes cxr.bash, cxr.zsh and cxr.fish beside this file
    python completions/generate.py --check    exits 1 and names the file if one is stale

What an option or argument takes is read from its type, metavar and help: a Literal or an enum offers its
members, a path whose help begins with a folder ("A DATASET folder") folders, any other path files. Text
offers files if its metavar names one (`auto|none|FILE`), and the lower-case words of its metavar
(`predicted|label|CLASS`). A COLUMN is one of a table that is on the line, or in a DATASET or RUN there; a
CLASS is one of a RUN that is on the line. Other text and numbers offer nothing.
"""

import argparse
import enum
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from cxr_cli.commands.common import common
from cxr_cli.main import app
from cxr_cli.models.registry import cards
from cxr_cli.phantom.findings import FINDINGS

HERE = Path(__file__).resolve().parent
PROGRAM = "cxr"
HEADER = "Completion of cxr, written by completions/generate.py from the app; not to be edited."

KNOWN_VALUES: dict[str, Iterable[str]] = {
    "findings": FINDINGS,
    "weights": tuple(card.name for card in cards() if card.source == "hub"),
    "shortcut_class": FINDINGS,
}
"""Values of options whose type is plain text. A type that lists its values takes precedence over these."""

A_FOLDER = re.compile(r"((an?|the|where the) )?(DATASET|RUN|(\w+ )?folder)\b", re.IGNORECASE)
"""How the help of a path begins that is a folder's."""

COMMON = typing.get_type_hints(common)
"""The types of the options that every command takes."""

Words = tuple[str, ...]
NOTHING: Final[Words] = ()

A_FILE = re.compile(r"\b(FILE|PATH)")
"""What the metavar of a text has that may be a file's name."""


class Place(enum.Enum):
    """Where values are found while one types: on disk, or in a file that is named on the line."""

    FILE = "file"
    FOLDER = "folder"
    COLUMN = "column"
    CLASS = "class"


Values = Words | Place
"""What is offered for a value: these words, or what is found."""

CLASSES = r"""sed -n '/"classes": \[/,/\]/s/^ *"\(.*\)",\{0,1\}$/\1/p'"""
"""Reads the classes of a run from its config.json, a line each."""
COLUMNS = r"""head -n 1 -- "$file" | tr -d '\r"' | tr ',' '\n'"""
"""Reads the columns of a table, a line each."""


@dataclass(frozen=True)
class Option:
    """An option: its spellings, its help, and its values; None for a flag, which takes none."""

    spellings: Words
    help: str
    values: Values | None
    repeatable: bool


@dataclass(frozen=True)
class Command:
    """A command: its options, and what its arguments take; `many` if the last may be given again.

    A group has commands of its own, and no arguments.
    """

    name: str
    help: str
    options: tuple[Option, ...]
    arguments: tuple[Values, ...]
    many: bool
    commands: tuple["Command", ...]


def read_app() -> tuple[tuple[Option, ...], tuple[Command, ...]]:
    """Read the program's own options and its commands."""
    program = _read_command(PROGRAM, typer.main.get_command(app))
    return program.options, program.commands


def _read_command(name: str, command: Any) -> Command:
    declared = typing.get_type_hints(command.callback) | COMMON
    parameters = [
        parameter for parameter in command.get_params(typer.Context(command)) if not parameter.hidden
    ]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    return Command(
        name=name,
        help=_one_line(command.help),
        options=tuple(
            _read_option(parameter, declared)
            for parameter in parameters
            if parameter.param_type_name == "option"
        ),
        arguments=tuple(values_of(parameter, declared[parameter.name]) for parameter in arguments),
        many=any(parameter.nargs == -1 for parameter in arguments),
        commands=tuple(_read_command(*inner) for inner in getattr(command, "commands", {}).items()),
    )


def _read_option(option: Any, declared: dict[str, Any]) -> Option:
    return Option(
        spellings=(*option.opts, *option.secondary_opts),
        help=_one_line(option.help),
        values=None if option.is_flag or option.count else values_of(option, declared[option.name]),
        repeatable=option.multiple,
    )


def values_of(parameter: Any, kind: Any) -> Values:
    """Return what a parameter of this type takes."""
    kind = scalar(kind)
    if typing.get_origin(kind) is typing.Literal:
        return tuple(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(str(member.value) for member in kind)
    if kind is Path:
        return Place.FOLDER if A_FOLDER.match(parameter.help or "") else Place.FILE
    metavar = parameter.metavar or ""
    if kind is str and (metavar.startswith("COLUMN") or parameter.name.endswith("_column")):
        return Place.COLUMN
    if kind is str and metavar == "CLASS":
        return Place.CLASS
    if kind is str and A_FILE.search(metavar):
        return Place.FILE
    if parameter.name in KNOWN_VALUES:
        return tuple(KNOWN_VALUES[parameter.name])
    return tuple(word for word in metavar.split("|") if word.islower()) if kind is str else NOTHING


def scalar(kind: Any) -> Any:
    """Strip `| None` and `list[]` from a type."""
    inner = [each for each in typing.get_args(kind) if each is not types.NoneType]
    if typing.get_origin(kind) in (types.UnionType, typing.Union, list, tuple):
        return scalar(inner[0])
    return kind


def _one_line(text: str | None) -> str:
    """Return the first paragraph of a help text on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def bash(options: tuple[Option, ...], commands: tuple[Command, ...]) -> str:
    """Write the script for bash 3.2 or later; it needs no bash-completion."""
    values = [line for command in commands for line in _bash_values(command)]
    groups = " | ".join(command.name for command in commands if command.commands)
    return "\n".join(
        [
            f"# {HEADER}",
            "",
            "_cxr_offer() {  # the words given; the lines of `compgen -f` and `-d` may hold spaces",
            "    local reply",
            "    while IFS= read -r reply; do",
            '        COMPREPLY+=("$reply")',
            '    done < <(compgen "$@" -- "$current")',
            "}",
            "",
            "_cxr_paths() {",
            "    compopt -o filenames 2>/dev/null  # bash before 4 has none",
            '    _cxr_offer "$1"',
            "}",
            "",
            "_cxr_lines() {  # the lines of stdin that begin as the word does",
            "    local reply",
            "    while IFS= read -r reply; do",
            '        [[ $reply == "$current"* ]] && COMPREPLY+=("$reply")',
            "    done",
            "}",
            "",
            "_cxr_columns() {",
            "    local word file",
            '    for word in "${COMP_WORDS[@]}"; do',
            '        for file in "$word" "$word/manifest.csv" "$word/predictions.csv"; do',
            f"            [[ -f $file && $file == *.csv ]] && _cxr_lines < <({COLUMNS})",
            "        done",
            "    done",
            "}",
            "",
            "_cxr_classes() {",
            "    local word",
            '    for word in "${COMP_WORDS[@]}"; do',
            f'        [[ -f $word/config.json ]] && _cxr_lines < <({CLASSES} "$word/config.json")',
            "    done",
            "}",
            "",
            "_cxr() {",
            '    local current=${COMP_WORDS[COMP_CWORD]} option="" command="" i',
            "    COMPREPLY=()",
            "    for ((i = 1; i < COMP_CWORD; i++)); do",
            "        if [[ ${COMP_WORDS[i]} != -* ]]; then",
            '            command="${command:+$command }${COMP_WORDS[i]}"',
            "            case $command in",
            f"                {groups}) ;;  # the next word says which of its commands",
            "                *) break ;;",
            "            esac",
            "        fi",
            "    done",
            "    case $command in",
            f'        "") _cxr_offer -W "{_bash_words(options, commands)}"; return ;;',
            *(_bash_group(command) for command in commands if command.commands),
            "    esac",
            "    # In --option=value bash makes a word of the equals sign.",
            "    option=${COMP_WORDS[COMP_CWORD - 1]}",
            '    if [[ $current == "=" ]]; then',
            '        current=""',
            '    elif [[ $option == "=" ]]; then',
            "        option=${COMP_WORDS[COMP_CWORD - 2]}",
            "    fi",
            '    case "$command $option" in',
            *values,
            "    esac",
            '    case "$command $current" in',
            *(line for command in commands for line in _bash_command(command)),
            "    esac",
            "}",
            "",
            "complete -F _cxr cxr",
            "",
        ]
    )


def _bash_words(options: tuple[Option, ...], commands: tuple[Command, ...] = ()) -> str:
    """Return the names of the commands and the spellings of the options."""
    spellings = [spelling for option in options for spelling in option.spellings]
    return " ".join([*(command.name for command in commands), *spellings])


def _bash_group(group: Command) -> str:
    return f'        {group.name}) _cxr_offer -W "{_bash_words(group.options, group.commands)}"; return ;;'


def _bash_values(command: Command, group: str = "") -> list[str]:
    """Write what the values of a command's options are."""
    name = group + command.name
    lines = [line for inner in command.commands for line in _bash_values(inner, f"{name} ")]
    for option in command.options:
        if option.values is not None:
            pattern = " | ".join(f'"{name} {spelling}"' for spelling in option.spellings)
            lines += [f"        {pattern})", *_bash_offer(option.values)]
            lines += ["            return", "            ;;"]
    return lines


def _bash_command(command: Command, group: str = "") -> list[str]:
    """Write what a command offers where no option waits for its value."""
    name = group + command.name
    if command.commands:
        return [line for inner in command.commands for line in _bash_command(inner, f"{name} ")]
    words = _bash_words(command.options)
    lines = [f'        "{name} -"*)', f'            _cxr_offer -W "{words}"', "            ;;"]
    if command.arguments:
        lines += [f'        "{name} "*)', *_bash_offer(_any_of(command.arguments)), "            ;;"]
    return lines


def _bash_offer(values: Values) -> list[str]:
    if isinstance(values, Place):
        offers = {
            Place.FILE: "_cxr_paths -f",
            Place.FOLDER: "_cxr_paths -d",
            Place.COLUMN: "_cxr_columns",
            Place.CLASS: "_cxr_classes",
        }
        return [f"            {offers[values]}"]
    return [f'            _cxr_offer -W "{" ".join(values)}"'] if values else []


def _any_of(arguments: tuple[Values, ...]) -> Values:
    """What to offer where a shell does not count arguments: what all take, or files, folders among them."""
    return arguments[0] if len(set(arguments)) == 1 else Place.FILE


def zsh(options: tuple[Option, ...], commands: tuple[Command, ...]) -> str:
    """Write the script for zsh's own completion system."""
    return "\n".join(
        [
            "#compdef cxr",
            f"# {HEADER}",
            "",
            "_cxr_columns() {",
            "    local word file",
            "    for word in ${(Q)words}; do",
            "        for file in $word $word/manifest.csv $word/predictions.csv; do",
            f'            [[ -f $file && $file == *.csv ]] && compadd -- ${{(f)"$({COLUMNS})"}}',
            "        done",
            "    done",
            "}",
            "",
            "_cxr_classes() {",
            "    local word",
            "    for word in ${(Q)words}; do",
            f'        [[ -f $word/config.json ]] && compadd -- ${{(f)"$({CLASSES} $word/config.json)"}}',
            "    done",
            "}",
            "",
            "_cxr() {",
            "    local curcontext=$curcontext state line",
            "    local -a commands",
            *_zsh_commands(options, commands, "    "),
            "}",
            "",
            "if [[ $funcstack[1] == _cxr ]]; then",
            '    _cxr "$@"',
            "else",
            "    compdef _cxr cxr",
            "fi",
            "",
        ]
    )


def _zsh_commands(options: tuple[Option, ...], commands: tuple[Command, ...], indent: str) -> list[str]:
    """Write how to complete a word that is one of these commands, and those after it."""
    names = [_quoted(_zsh_escaped(command.name) + ":" + command.help) for command in commands]
    lines = [
        "commands=(",
        *(f"    {name}" for name in names),
        ")",
        "_arguments -C \\",
        *(f"    {spec} \\" for option in options for spec in _zsh_option(option)),
        "    '1: :->command' \\",
        "    '*:: :->argument' && return",
        "case $state in",
        "    command) _describe -t commands command commands ;;",
        "    argument)",
        "        case $words[1] in",
        *(line for command in commands for line in _zsh_command(command, " " * 12)),
        "        esac",
        "        ;;",
        "esac",
    ]
    return [indent + line for line in lines]


def _zsh_command(command: Command, indent: str) -> list[str]:
    if command.commands:
        inner = _zsh_commands(command.options, command.commands, indent + "    ")
        return [f"{indent}{command.name})", *inner, f"{indent}    ;;"]
    specs = [spec for option in command.options for spec in _zsh_option(option)]
    for place, values in enumerate(command.arguments, start=1):
        last = place == len(command.arguments)
        specs.append(_quoted(f"{'*' if last and command.many else place}{_zsh_values(values)}"))
    words = ["_arguments", *(f"    {spec}" for spec in specs)]
    call = [f"{word} \\" for word in words[:-1]] + words[-1:]
    return [f"{indent}{command.name})", *(f"{indent}    {line}" for line in call), f"{indent}    ;;"]


def _zsh_option(option: Option) -> list[str]:
    described = f"[{_zsh_escaped(option.help)}]{'' if option.values is None else _zsh_values(option.values)}"
    before = "*" if option.repeatable else f"({' '.join(option.spellings)})"
    return [_quoted(before + _zsh_spelling(spelling, option) + described) for spelling in option.spellings]


def _zsh_spelling(spelling: str, option: Option) -> str:
    """A long option's value may follow an equals sign or be the next word, which zsh writes `--option=`."""
    return f"{spelling}=" if spelling.startswith("--") and option.values is not None else spelling


def _zsh_values(values: Values) -> str:
    if isinstance(values, Place):
        return {
            Place.FILE: ":file:_files",
            Place.FOLDER: ":folder:_files -/",
            Place.COLUMN: ":column:_cxr_columns",
            Place.CLASS: ":class:_cxr_classes",
        }[values]
    return f":value:({' '.join(values)})" if values else ":value: "


def _zsh_escaped(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def fish(options: tuple[Option, ...], commands: tuple[Command, ...]) -> str:
    """Write the script for fish 3 or later."""
    groups = " ".join(command.name for command in commands if command.commands)
    lines = [
        f"# {HEADER}",
        "",
        "function __cxr_command_is  # the first word after cxr that is no option, of a group the next too",
        "    set -l said",
        "    for word in (commandline -opc)[2..-1]",
        "        if not string match -q -- '-*' $word",
        "            set -a said $word",
        f"            contains -- $word {groups}; or break",
        "        end",
        "    end",
        '    test "$said" = "$argv"',
        "end",
        "",
        "function __cxr_columns",
        "    for word in (commandline -opc)",
        "        for file in $word $word/manifest.csv $word/predictions.csv",
        "            if test -f $file; and string match -q -- '*.csv' $file",
        f"                {COLUMNS}",
        "            end",
        "        end",
        "    end",
        "end",
        "",
        "function __cxr_classes",
        "    for word in (commandline -opc)",
        "        if test -f $word/config.json",
        f"            {CLASSES} $word/config.json",
        "        end",
        "    end",
        "end",
        "",
        "complete -c cxr -f",
        *_fish_commands("", options, commands),
    ]
    return "\n".join([*lines, ""])


def _fish_commands(name: str, options: tuple[Option, ...], commands: tuple[Command, ...]) -> list[str]:
    """Write what the program, or a group of commands, offers, and then each of its commands."""
    lines = [_fish_option(name, option) for option in options]
    lines += [
        f"{_fish_complete(name)} -a {command.name} -d {_quoted(command.help, fish=True)}"
        for command in commands
    ]
    for command in commands:
        inner = f"{name} {command.name}".strip()
        lines += ["", *_fish_commands(inner, command.options, command.commands)]
        if command.arguments:
            lines.append(f"{_fish_complete(inner)} {_fish_values(_any_of(command.arguments))}")
    return lines


def _fish_complete(command: str) -> str:
    return f"complete -c cxr -n '{f'__cxr_command_is {command}'.strip()}'"


def _fish_option(command: str, option: Option) -> str:
    spellings = " ".join(
        f"-l {spelling[2:]}" if spelling.startswith("--") else f"-s {spelling[1:]}"
        for spelling in option.spellings
    )
    values = "" if option.values is None else f" -r {_fish_values(option.values)}"
    return f"{_fish_complete(command)} {spellings}{values} -d {_quoted(option.help, fish=True)}"


def _fish_values(values: Values) -> str:
    if isinstance(values, Place):
        return {
            Place.FILE: "-F",
            Place.FOLDER: "-f -a '(__fish_complete_directories (commandline -ct))'",
            Place.COLUMN: "-f -a '(__cxr_columns)'",
            Place.CLASS: "-f -a '(__cxr_classes)'",
        }[values]
    return f"-f -a '{' '.join(values)}'" if values else "-f"


def _quoted(text: str, *, fish: bool = False) -> str:
    """Put a text in single quotes as the shell reads them: fish has escapes there, the others have not."""
    escaped = re.sub(r"(['\\])", r"\\\1", text) if fish else text.replace("'", "'\\''")
    return f"'{escaped}'"


WRITERS: dict[str, Callable[[tuple[Option, ...], tuple[Command, ...]], str]] = {
    "cxr.bash": bash,
    "cxr.zsh": zsh,
    "cxr.fish": fish,
}


def stale_files(folder: Path) -> list[str]:
    """Name the files in `folder` that are not what the app would have written."""
    options, commands = read_app()
    return [
        name
        for name, write in WRITERS.items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != write(options, commands)
    ]


def main() -> int:
    """Write the files, or with --check only compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the shell completions of cxr from the app.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args().check
    stale = stale_files(HERE)
    if check:
        for name in stale:
            print(f"completions/{name}: stale; run `python completions/generate.py`", file=sys.stderr)
        return int(bool(stale))
    options, commands = read_app()
    for name in stale:
        (HERE / name).write_text(WRITERS[name](options, commands), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
