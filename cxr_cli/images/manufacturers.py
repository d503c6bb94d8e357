"""Spellings of manufacturers to one name each, by a table that the user can extend."""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from cxr_cli.errors import BadInput

Words = tuple[str, ...]
ManufacturerTable = Mapping[Words, str]
"""The words that spellings begin with, lower case, and the manufacturer's name."""

BUILT_IN = "manufacturers.toml"


def read_manufacturers(extension: Path | None = None) -> ManufacturerTable:
    """Read the package's table, and on top of it the user's, whose lines win.

    Raises:
        BadInput: the user's table is missing, is no TOML, or has a line that is no list of spellings.
    """
    built_in = files("cxr_cli.images").joinpath(BUILT_IN).read_text("utf-8")
    table = _parse(BUILT_IN, built_in)
    return {**table, **_parse(str(extension), _text(extension))} if extension else table


def manufacturer(spelling: str, table: ManufacturerTable) -> str | None:
    """The name of the manufacturer with this spelling; None where the table has none.

    The longest beginning that fits wins.
    """
    words = _words(spelling)
    for length in range(len(words), 0, -1):
        name = table.get(words[:length])
        if name is not None:
            return name
    return None


def _words(spelling: str) -> Words:
    return tuple(re.findall(r"[^\W_]+", spelling.casefold()))


def _parse(place: str, text: str) -> dict[Words, str]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{place}: no TOML: {error}") from None
    table: dict[Words, str] = {}
    for name, spellings in content.items():
        if not (isinstance(spellings, list) and spellings and all(map(_has_words, spellings))):
            raise BadInput(f'{place}: {name}: {spellings!r}; a list of spellings is needed, ["Acme Imaging"]')
        for words in map(_words, spellings):
            if table.setdefault(words, name) != name:
                raise BadInput(f"{place}: {' '.join(words)!r} is of both {table[words]!r} and {name!r}")
    return table


def _has_words(spelling: object) -> bool:
    return isinstance(spelling, str) and bool(_words(spelling))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: cannot be read as text ({type(error).__name__})") from error
