"""The kinds of finding of an audit."""

from enum import StrEnum


class FindingKind(StrEnum):
    """What an audit can find."""

    SHORTCUT = "shortcut"
    ASSOCIATION = "association"
    LEAK = "leak"
