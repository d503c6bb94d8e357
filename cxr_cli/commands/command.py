"""The class of every command: a Typer command that names its own options where the library raises."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer._click.exceptions import BadParameter
from typer.core import TyperCommand, TyperGroup, TyperOption

from cxr_cli.commands.common import NAMES, as_toml, common_options, read_config, said_as_asked
from cxr_cli.commands.compiling import NO_COMPILE_CACHE
from cxr_cli.commands.console import CONSOLE, show
from cxr_cli.commands.help import EXAMPLES, ORDER, panel_of
from cxr_cli.errors import CxrError, PreprocessedOtherwise, UsageError, with_names
from cxr_cli.limits import require_limits

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter, Parameter

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
CONTEXT: dict[str, Any] = {"default_map": {"help": False}, "help_option_names": ["-h", "--help"]}


class CxrGroup(TyperGroup):
    """A group of commands."""

    def get_help_option_names(self, ctx: "Context") -> list[str]:  # noqa: ARG002
        """Return -h and --help, in this order."""
        return list(CONTEXT["help_option_names"])

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Lay out options, commands and examples."""
        super().format_options(ctx, formatter)
        _write_examples(ctx, formatter)


def _write_examples(ctx: "Context", formatter: "HelpFormatter") -> None:
    examples = EXAMPLES.get(ctx.command_path.partition(" ")[2])
    if examples:
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in examples))


class CxrCommand(TyperCommand):
    """A command whose errors name its own flags for the fields that the library names."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        """Add what every command takes; leave the words after another command's name to that command."""
        super().__init__(name, **attributes)
        self.compiles = any(param.name == NO_COMPILE_CACHE for param in self.params)
        self.allow_interspersed_args = name not in WITH_ANOTHER
        self.params = [*self.params, *common_options()]

    def get_help_option_names(self, ctx: "Context") -> list[str]:  # noqa: ARG002
        """Return -h and --help, in this order."""
        return list(CONTEXT["help_option_names"])

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Lay out arguments, options by panel, and examples."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            panel = getattr(param, "rich_help_panel", None) or panel_of(str(param.name))
            if param.param_type_name == "argument":
                panel = "Arguments"
            if record := param.get_help_record(ctx):
                rows.setdefault(panel, []).append(record)
        for panel in ("Arguments", *ORDER):
            if panel in rows:
                with formatter.section(panel):
                    formatter.write_dl(rows[panel])
        _write_examples(ctx, formatter)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Parse the words after the command's name; an option's old name is refused with its new one.

        Options of the file that `--config` names count where the words do not have them.
        """
        renamed = RENAMED.get(self.name or "", {})
        for word in args:
            if word == "--":
                break
            option = word.partition("=")[0]
            if option in renamed:
                raise UsageError(f"{option}: is now {renamed[option]}")
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        given, _, order = self.make_parser(ctx).parse_args(list(args))
        self._refuse_a_second_file(order)
        config = Path(given["config"]) if given.get("config") else None
        if config is None:
            return super().parse_args(ctx, args)
        ctx.default_map = {**CONTEXT["default_map"], **read_config(config, self.name or "", self.params)}
        try:
            return super().parse_args(ctx, args)
        except BadParameter as error:
            if error.param is not None and error.param.name not in given:
                error.message = f"{config}: {error.message}"
            raise

    def _refuse_a_second_file(self, order: "Sequence[Parameter]") -> None:
        """Refuse an option given twice that takes one file or folder: of settings the last one counts."""
        files = [
            param
            for param in order
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
        common = {name: ctx.params.pop(name) for name in NAMES}
        if common["show_config"]:
            show(as_toml(self.params, self._resolved(ctx.params)), data=True)
            return None
        try:
            require_limits(compiling=self.compiles)
            with said_as_asked(ctx, common):
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

    def _resolved(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the options with what a recipe sets."""
        resolve = getattr(self.callback, "resolved", None)
        return values if resolve is None else {**values, **resolve(values)}
