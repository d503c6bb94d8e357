"""The papers' settings by name. Every value can be overridden on the command line."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from cxr_cli.dataset.pairs import most_pairs
from cxr_cli.dataset.split_file import Split
from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.evaluation.threeway import most_trials
from cxr_cli.inference.precision import check_precision
from cxr_cli.run import Recipe

PAIRINGS = ("random", "in-batch")


# "Siamesifying the COVID-Net", sections 3.1 to 3.3, table 2.
RECIPES: dict[str, Recipe] = {
    "single": Recipe(
        siamese=False,
        arch="covidnet",
        width=1.0,
        epochs=100,
        batch_size=16,
        lr=1e-4,
        pairs=None,
        pairing=None,
        trials=None,
        precision="float32",
    ),
    "siamese": Recipe(
        siamese=True,
        arch="covidnet",
        width=1.0,
        epochs=50,
        batch_size=32,
        lr=1e-4,
        pairs=12_000,
        pairing="random",
        trials=129,
        precision="float32",
    ),
}


def resolve_recipe(name: str, overrides: dict[str, Any]) -> Recipe:
    """Return the named recipe with the overrides that are not None.

    Raises:
        UsageFault: no such recipe, a value out of range, or one that the recipe has no use for.
    """
    if name not in RECIPES:
        raise UsageFault(f"--recipe {name!r}: known are {', '.join(RECIPES)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    for key, value in given.items():
        option = "--" + key.replace("_", "-")
        if getattr(RECIPES[name], key) is None:
            raise UsageFault(f"{option} {value}: the recipe {name!r} has no use for it")
        if isinstance(value, int | float) and not 0 < value < math.inf:
            raise UsageFault(f"{option} {value}: more than 0 is needed, and less than infinity")
    recipe = replace(RECIPES[name], **given)
    if recipe.pairing not in (None, *PAIRINGS):
        raise UsageFault(f"--pairing {recipe.pairing!r}: known are {', '.join(PAIRINGS)}")
    if recipe.pairs is not None and recipe.pairs < 2:
        raise UsageFault(f"--pairs {recipe.pairs}: 2 or more are needed, one of each kind")
    check_precision(recipe.precision)
    return recipe


def fit_to_films(recipe: Recipe, split: Split, *, trials_given: bool) -> tuple[Recipe, list[str]]:
    """Lower what a siamese recipe asks of the films to what there are.

    Args:
        recipe: as resolved.
        split: of the films.
        trials_given: the user named the number of three-way trials; then it stands.

    Returns:
        The recipe, and a line for each value that was lowered.

    Raises:
        BadInput: the training films allow no pairs of one class, or none of two.
        UsageFault: a batch so small that no two of its films are of one class.
    """
    if recipe.pairs is None or recipe.trials is None:
        return recipe, []
    notices = []
    wanted = recipe.trials
    labels = split.labels[split.rows("train")]
    pairs, classes = most_pairs(labels), len(np.unique(labels))
    if pairs == 0:
        raise BadInput(
            f"{split.path}: pairs need two classes or more, with two training films or more in each"
        )
    if recipe.pairing == "in-batch" and recipe.batch_size <= classes:
        raise UsageFault(
            f"--batch-size {recipe.batch_size}: in-batch pairs need {classes + 1} films or more, "
            f"or no two are of one class"
        )
    if recipe.pairing == "random" and recipe.pairs > pairs:
        notices.append(f"{recipe.pairs} pairs an epoch wanted, {pairs} different ones can be had: using all")
        recipe = replace(recipe, pairs=pairs)
    trials = most_trials(split.labels[split.rows("val")], len(split.classes))
    if not trials_given and wanted > trials:
        notices.append(f"{wanted} three-way trials wanted, the validation films allow {trials}")
        recipe = replace(recipe, trials=trials)
    return recipe, notices
