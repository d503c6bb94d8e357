"""What can go wrong, and the exit code that says so. No I/O."""

import re
from collections.abc import Iterable, Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of `cxr`: a promise to scripts."""

    DONE = 0
    INTERNAL_ERROR = 1
    USAGE = 2
    BAD_INPUT = 3
    TOO_MANY_REJECTS = 4
    AUDIT_FOUND = 5
    PREEMPTED = 75


def with_names(message: str, names: Mapping[str, str]) -> str:
    """Put the caller's names in the place of the settings that a message has in backticks.

    Args:
        message: of an error, or a notice.
        names: by field, such as {"batch_size": "--batch-size"}; what is not in it stays as it is.
    """
    return re.sub(r"`(\w+)`", lambda match: names.get(match[1], match[0]), message)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the most similar of the known names, "; did you mean 'sex'?"; or ""."""
    from difflib import get_close_matches  # here, for no help has need of it

    by_folded = {one.casefold(): one for one in known}
    similar = get_close_matches(name.casefold(), by_folded, 1)
    return f"; did you mean {by_folded[similar[0]]!r}?" if similar else ""


def no_column(name: str, columns: Iterable[str]) -> str:
    """Say that a table has no such column, which ones it has, and which may be meant."""
    columns = list(columns)
    return f"no column {name!r}; it has {', '.join(map(repr, columns))}{did_you_mean(name, columns)}"


class CxrError(Exception):
    """An error that the user can act on: one line that names the place, the value and what would be right.

    The library knows no flags. A message names a setting by its field in backticks (`batch_size`), and
    the command line puts its flag there (--batch-size): see `with_names`.
    """

    exit_code: int = ExitCode.INTERNAL_ERROR


class InvalidSetting(CxrError):
    """A setting that cannot be.

    Attributes:
        field: its name, as the function's parameter or the dataclass's field has it.
        value: as given.
        allowed: what would be right, in words; other settings stand in backticks.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, field: str, value: object, allowed: str) -> None:
        """Name the field, its value and what is allowed."""
        self.field, self.value, self.allowed = field, value, allowed
        shown = "" if value is True else f" {value!r}" if value == "" else f" {value}"
        super().__init__(f"`{field}`{shown}: {allowed}")


class UsageError(CxrError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class SettingsChanged(CxrError):
    """A folder was made with other settings than it is now asked for with."""

    exit_code = ExitCode.USAGE


class BadInput(CxrError):
    """A file or folder that is not what the command needs."""

    exit_code = ExitCode.BAD_INPUT


class PreprocessedOtherwise(BadInput):
    """Images were cropped or resized otherwise than a run's own.

    Attributes:
        needed: the settings of preprocessing that make them alike, by field.
    """

    def __init__(self, place: str, found: Mapping[str, float], needed: Mapping[str, float]) -> None:
        """Name the settings that differ."""
        self.needed = needed
        differing = [name for name in needed if found[name] != needed[name]]
        was, is_needed = (
            ", ".join(f"{name.replace('_', ' ')} {of[name]:g}" for name in differing)
            for of in (found, needed)
        )
        super().__init__(f"{place}: was preprocessed with {was}; the run's images with {is_needed}")


class TrainingDiverged(CxrError):
    """The loss is no number any more: the settings do not suit the data."""

    exit_code = ExitCode.BAD_INPUT


class ProcessLost(CxrError):
    """Another process of this job has ended, or cannot be reached."""


class TooManyRejects(CxrError):
    """More inputs were rejected than `max_failures` allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class AuditFound(CxrError):
    """An audit found what `fail_on` names; its results are written."""

    exit_code = ExitCode.AUDIT_FOUND


class Preempted(CxrError):
    """The process was asked to stop; its state is saved and the same command continues from it."""

    exit_code = ExitCode.PREEMPTED
