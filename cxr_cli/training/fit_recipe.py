"""A recipe, and what of it the images allow."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.threeway import most_trials
from cxr_cli.runs.settings import ClassificationConfig, Recipe, SiameseConfig
from cxr_cli.splitting.file import Split
from cxr_cli.training.pairs import most_pairs
from cxr_cli.training.recipes import RECIPES, named_recipe


def resolve_recipe(
    name: str,
    overrides: Mapping[str, Any],
    split: Split,
    recipes: Mapping[str, Recipe] = RECIPES,
    micro_batch: int | None = None,
) -> tuple[Recipe, list[str]]:
    """Resolve a recipe and fit what it asks of the images to what there are.

    Args:
        name: of the recipe.
        overrides: the user's values, which stand, or raise; None where the user gave none.
        split: of the images.
        recipes: to choose from.
        micro_batch: images that go through the model at once, where the user names it; must divide the batch.

    Returns:
        The recipe, and a line for each value that was lowered.

    Raises:
        BadInput: the training images allow no pairs of one class, or none of two.
        InvalidSetting: see `named_recipe`; a batch so small that no two of its images are of one class; one
            logit for more classes than two; selection by AUC without validation images of a class; a
            micro-batch that does not divide the batch, or of pairs.
    """
    recipe = named_recipe(name, overrides, recipes)
    given = {key for key, value in overrides.items() if value is not None}
    if isinstance(recipe.task, SiameseConfig):
        if micro_batch is not None:
            raise InvalidSetting("micro_batch", micro_batch, f"the recipe {name!r} has no use for it")
        return _fit_pairs(recipe, recipe.task, split, given)
    there = set(split.labels[split.rows("val")])
    missing = [name for number, name in enumerate(split.classes) if number not in there]
    if recipe.optimization.select == "auc" and missing:
        raise InvalidSetting("select", "auc", f"no validation image is {missing[0]}, all classes are needed")
    task = _fit_loss(recipe.task, split, given)
    return _fit_batch(replace(recipe, task=task), len(split.rows("train")), micro_batch)


def _fit_batch(recipe: Recipe, images: int, micro_batch: int | None) -> tuple[Recipe, list[str]]:
    """Take no larger batch than there are training images, or it would be filled up with padding.

    Of micro-batches the fewest that hold all images are taken.
    """
    wanted = recipe.optimization.batch_size
    part = 1 if micro_batch is None else micro_batch
    if part < 1 or wanted % part:
        raise InvalidSetting("micro_batch", part, f"must divide `batch_size` {wanted} without a remainder")
    batch = -(-images // part) * part
    if wanted <= batch:
        return recipe, []
    notice = f"a batch of {wanted} images wanted, {images} are there to train on: taking {batch}"
    return replace(recipe, optimization=replace(recipe.optimization, batch_size=batch)), [notice]


def _fit_loss(task: ClassificationConfig, split: Split, given: Collection[str]) -> ClassificationConfig:
    """Take the softmax for more than two classes, where the user did not ask for one logit."""
    if task.loss != "binary" or len(split.classes) == 2:
        return task
    if "loss" in given:
        raise InvalidSetting("loss", "binary", f"{len(split.classes)} classes, one logit tells two apart")
    return replace(task, loss="softmax")


def _fit_pairs(
    recipe: Recipe, task: SiameseConfig, split: Split, given: Collection[str]
) -> tuple[Recipe, list[str]]:
    notices = []
    labels = split.labels[split.rows("train")]
    pairs, classes = most_pairs(labels), len(np.unique(labels))
    if pairs == 0:
        raise BadInput(
            f"{split.path}: pairs need two classes or more, with two training images or more in each"
        )
    batch_size = recipe.optimization.batch_size
    if task.pairing == "in-batch" and batch_size <= classes:
        raise InvalidSetting(
            "batch_size",
            batch_size,
            f"in-batch pairs need {classes + 1} images or more, or no two are of one class",
        )
    if task.pairing == "random" and task.pairs > pairs:
        notices.append(
            f"{task.pairs} pairs an epoch wanted, the images allow {pairs} different ones: using all"
        )
        task = replace(task, pairs=pairs)
    trials = most_trials(split.labels[split.rows("val")], len(split.classes))
    if "trials" not in given and task.trials > trials:
        notices.append(f"{task.trials} three-way trials wanted, the validation images allow {trials}")
        task = replace(task, trials=trials)
    return replace(recipe, task=task), notices
