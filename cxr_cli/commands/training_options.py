"""The options that come from the settings of training: for `cxr train` and `cxr sweep` alone."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cxr_cli.runs.settings import Recipe
from cxr_cli.training.recipes import RECIPES, SETTINGS, part_of, value_of

if TYPE_CHECKING:
    RecipeName = str
else:
    RecipeName = Annotated[
        Literal[tuple(RECIPES)],
        typer.Option(help="The papers' settings, single, siamese or finetune; or small-data."),
    ]

Tensorboard = Annotated[
    bool, typer.Option("--tensorboard", help="Write each epoch for TensorBoard, into RUN/tensorboard.")
]
Mlflow = Annotated[
    bool, typer.Option("--mlflow", help="Log each epoch to MLflow, where MLFLOW_TRACKING_URI says.")
]

Command = Callable[..., None]

PANELS: Mapping[str, str] = {
    "network": "Model",
    "optimization": "Optimization",
    "augmentation": "Augmentation",
    "task": "Task",
}
"""The panel of the help for each part of a recipe."""


def with_settings(
    recipes: Mapping[str, Recipe], without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Give a command an option for each setting of training, in the place of its `**settings`.

    Name, type, choices and help come from the dataclass field of the setting, the defaults from the recipes.

    Args:
        recipes: whose defaults the help shows.
        without: settings that the command has options of its own for.
    """

    def generated(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
        settings = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name, recipes)
            )
            for name in SETTINGS
            if name not in without
        ]
        # What Typer reads a command's parameters from.
        command.__signature__ = signature.replace(parameters=[*own, *settings])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (*own, *settings)}
        # What `--show-config` fills in.
        command.resolved = lambda values: _resolved(values, recipes)  # type: ignore[attr-defined]
        return command

    return generated


def _resolved(values: Mapping[str, Any], recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    """Return the recipe's values of settings that are not given."""
    recipe = recipes[values["recipe"]]
    return {name: value_of(recipe, name) for name in SETTINGS if name in values and values[name] is None}


def _option(name: str, recipes: Mapping[str, Recipe]) -> Any:
    one, kind = SETTINGS[name]
    flag = f"--{name.replace('_', '-')}"
    spelling = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
    help = f"{one.metadata['help']} [{_defaults(name, recipes)}]"
    option = typer.Option(
        spelling, metavar=one.metadata["metavar"], help=help, rich_help_panel=PANELS[part_of(name)]
    )
    return Annotated[kind | None, option]


def _defaults(name: str, recipes: Mapping[str, Recipe]) -> str:
    """Write the recipes' values of a setting: "0.25", or "16 single; 32 siamese; 256 finetune"."""
    by_value: dict[str, list[str]] = {}
    for recipe, settings in recipes.items():
        value = value_of(settings, name)
        if value is not None:
            shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"
            by_value.setdefault(shown, []).append(recipe)
    if len(by_value) == 1:
        return next(iter(by_value))
    return "; ".join(f"{shown} {', '.join(names)}" for shown, names in by_value.items())
