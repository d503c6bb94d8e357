"""The class of every command: a Typer command that names its own options where the library raises."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperOption

from cxr_cli.commands.console import CONSOLE
from cxr_cli.errors import CxrError, PreprocessedOtherwise, UsageError, with_names

if TYPE_CHECKING:
    from typer._click import Context

RENAMED: Mapping[str, Mapping[str, str]] = {
    "preprocess": {"--film-timeout": "--image-timeout", "--hash-patients": "--pseudonymize"},
    "split": {"--no-twins": "--no-near-duplicates"},
    "train": {"--probe": "--linear-probe", "--no-probe": "--no-linear-probe"}
    | {"--mirror": "--flip-tta", "--no-mirror": "--no-flip-tta"},
    "gradcam": {"--colour": "--color", "--films": "--source-root", "--check": "--sanity-check"},
}
"""Options of version 0.1 that have other names now, by command: refused with the new name."""

WITH_ANOTHER = frozenset({"slurm-script"})
"""Commands whose arguments are another command's words: their own options come first."""

# Where `--help` is absent Typer takes its value for None, and loads pydantic to make it a bool.
CONTEXT = {"default_map": {"help": False}}


class CxrCommand(TyperCommand):
    """A command whose errors name its own flags for the fields that the library names."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        """Leave the words after another command's name to that command."""
        super().__init__(name, **attributes)
        self.allow_interspersed_args = name not in WITH_ANOTHER

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Parse the words after the command's name; an option's old name is refused with its new one."""
        renamed = RENAMED.get(self.name or "", {})
        for word in args:
            if word == "--":
                break
            option = word.partition("=")[0]
            if option in renamed:
                raise UsageError(f"{option}: is now {renamed[option]}")
        self._refuse_a_second_file(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_a_second_file(self, ctx: "Context", args: list[str]) -> None:
        """Refuse an option given twice that takes one file or folder: of settings the last one counts."""
        if ctx.resilient_parsing:
            return
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        files = [
            param
            for param in given
            if isinstance(param, TyperOption) and param.type_descriptor.annotation is Path
        ]
        for option in files:
            if not option.multiple and files.count(option) > 1:
                raise UsageError(f"{max(option.opts, key=len)}: is given twice, and takes one file or folder")

    def invoke(self, ctx: "Context") -> Any:
        """Run it; what the library says, in errors and notices, is written with flags."""
        CONSOLE.names = {
            param.name: (param.metavar or param.name.upper()).rstrip(".")
            if param.param_type_name == "argument"
            else max(param.opts, key=len)
            for param in self.params
            if param.name
        }
        try:
            return super().invoke(ctx)
        except PreprocessedOtherwise as error:
            options = [
                f"--{name.replace('_', '-')} {value:g}" for name, value in error.needed.items() if value
            ]
            hint = f"`cxr preprocess SOURCE -o NEW_DATASET {' '.join(options)}` makes them alike"
            error.args = (f"{error}; {hint}",)
            raise
        except CxrError as error:
            error.args = (with_names(str(error), CONSOLE.names),)
            raise
