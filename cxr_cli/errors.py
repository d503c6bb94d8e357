"""What can go wrong, and the exit code that says so. No I/O."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of `cxr`: a promise to scripts."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    BAD_INPUT = 3
    TOO_MANY_REJECTS = 4
    AUDIT_FOUND = 5
    PREEMPTED = 75


class CxrError(Exception):
    """An error that the user can act on: one line that names the place, the value and what would be right."""

    exit_code: int = ExitCode.FAULT


class UsageFault(CxrError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class BadInput(CxrError):
    """A file or folder that is not what the command needs."""

    exit_code = ExitCode.BAD_INPUT


class TooManyRejects(CxrError):
    """More inputs were rejected than `--max-failures` allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class AuditFound(CxrError):
    """An audit found what `--fail-on` names; its figures are written."""

    exit_code = ExitCode.AUDIT_FOUND


class Preempted(CxrError):
    """The process was asked to stop; its state is saved and the same command goes on from it."""

    exit_code = ExitCode.PREEMPTED
