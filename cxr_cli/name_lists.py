"""Lists of names, and values by name, as one text of an option: "a,b", "a=1,b=2". No I/O.

A name that holds a separator stands in double quotes, and a double quote in it is doubled, as in CSV:
'"effusion, left"=positive,normal=negative'.
"""

import re

from cxr_cli.errors import InvalidSetting

QUOTING = "a name with a comma or an equals sign stands in double quotes"
QUOTED_NAMES = "Double quotes stand around a name with a comma or =."
"""The rule as the help has it."""


def read_parts(field: str, text: str, separators: str) -> list[tuple[str, str]]:
    """Divide a text at separators outside of quotes.

    Args:
        field: the setting, for the message.
        text: as written.
        separators: characters.

    Returns:
        Each part, without quotes and without the blanks around it, and the separator behind it; "" behind the
        last.

    Raises:
        InvalidSetting: a quote that is not closed, or closed within a part.
    """
    part = re.compile(rf'\s*(?:"((?:[^"]|"")*)"|((?!")[^{separators}]*?))\s*([{separators}]|$)')
    parts: list[tuple[str, str]] = []
    place = 0
    while not parts or parts[-1][1]:
        match = part.match(text, place)
        if match is None:
            raise InvalidSetting(
                field, text, "double quotes stand around a whole name; one within it is doubled"
            )
        quoted, plain, separator = match.groups()
        parts.append((plain if quoted is None else quoted.replace('""', '"'), separator))
        place = match.end()
    return parts


def read_pairs(field: str, text: str, example: str) -> dict[str, str]:
    """Read values by name, such as `positive=45,"effusion, left"=90`.

    Of several unquoted equals signs the last one counts where a number is behind it.

    Args:
        field: the setting, for the message.
        text: as written.
        example: what is right, for the message.

    Raises:
        InvalidSetting: not written so, or a name twice.
    """
    found: dict[str, str] = {}
    pair: list[str] = []
    for part, separator in read_parts(field, text, ",="):
        pair.append(part)
        if separator == "=":
            continue
        *names, value = pair
        name, pair = "=".join(names), []
        if not (name and value) or name in found or (len(names) > 1 and not _is_number(value)):
            raise InvalidSetting(field, text, f"{example} is needed; {QUOTING}")
        found[name] = value
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) is not None
