"""The papers' settings, what may be changed of them, and what is refused."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_cli.dataset.pixel_statistics import PixelStatistics
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.runs.settings import AugmentationConfig, NetworkConfig, OptimizationConfig, Recipe, SiameseConfig
from cxr_cli.splitting.file import Split
from cxr_cli.training.fit_recipe import resolve_recipe
from cxr_cli.training.recipes import (
    PART_TYPES,
    RECIPES,
    SEARCH_RECIPES,
    SETTINGS,
    named_recipe,
    value_of,
)


def values(recipe: Recipe, *names: str) -> tuple[Any, ...]:
    return tuple(recipe.siamese if name == "siamese" else value_of(recipe, name) for name in names)


def test_the_single_network_is_trained_as_in_the_paper() -> None:
    recipe = named_recipe("single", {})
    assert values(recipe, "siamese", "arch", "width") == (False, "covidnet", 1.0)
    assert values(recipe, "lr", "batch_size", "epochs") == (1e-4, 16, 100)
    assert values(recipe, "pairs", "pairing", "trials") == (None, None, None)


def test_the_siamese_network_is_trained_as_in_the_paper() -> None:
    recipe = named_recipe("siamese", {})
    assert values(recipe, "siamese", "arch", "width") == (True, "covidnet", 1.0)
    assert values(recipe, "lr", "batch_size", "epochs") == (1e-4, 32, 50)
    assert values(recipe, "pairs", "pairing", "trials") == (12_000, "random", 129)


def test_images_are_fine_tuned_as_in_the_paper() -> None:
    recipe = named_recipe("finetune", {})
    assert values(recipe, "optimizer", "schedule", "step_epochs", "epochs") == ("sgd", "step", 25, 100)
    assert values(recipe, "batch_size", "freeze", "weights") == (256, "none", "auto")
    assert 5e-4 <= recipe.optimization.lr <= 1e-2
    assert values(recipe, "flip", "rotation", "loss", "select") == ("both", 15.0, "binary", "loss")


@pytest.mark.parametrize(("classes", "loss"), [(2, "binary"), (3, "softmax")])
def test_more_classes_than_two_take_the_softmax(classes: int, loss: str) -> None:
    of = split([1] * classes, [1] * classes)
    assert value_of(resolve_recipe("finetune", {}, of)[0], "loss") == loss


def test_one_logit_for_three_classes_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="`loss` binary: 3 classes, one logit tells two apart"):
        resolve_recipe("finetune", {"loss": "binary"}, split([1, 1, 1], [1, 1, 1]))


def test_given_values_stand_in_place_of_the_recipes() -> None:
    overrides = {
        "arch": None,
        "width": 0.25,
        "epochs": 3,
        "batch_size": 8,
        "lr": 1e-3,
        "pairs": 500,
        "pairing": "in-batch",
        "trials": 12,
        "precision": "bfloat16",
    }
    assert named_recipe("siamese", overrides) == Recipe(
        network=NetworkConfig(arch="covidnet", width=0.25, precision="bfloat16"),
        optimization=OptimizationConfig(epochs=3, batch_size=8, optimizer="adam", lr=1e-3, select="accuracy"),
        augmentation=AugmentationConfig(),
        task=SiameseConfig(pairs=500, pairing="in-batch", trials=12),
    )


def test_no_setting_is_in_two_parts() -> None:
    names = [one.name for part in PART_TYPES for one in fields(part) if "help" in one.metadata]
    assert len(names) == len(set(names)) == len(SETTINGS)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("triple", {}, "`recipe` 'triple': known are single, siamese, finetune, small-data"),
        ("single", {"pairs": 100}, "`pairs` 100: the recipe 'single' has no use for it"),
        ("single", {"pairing": "random"}, "`pairing` random: the recipe 'single' has no use for it"),
        ("single", {"trials": 9}, "`trials` 9: the recipe 'single' has no use for it"),
        ("single", {"batch_size": 0}, "`batch_size` 0: more than 0 is needed"),
        ("single", {"epochs": -1}, "`epochs` -1: 0 or more is needed"),
        ("single", {"epochs": 0}, "`epochs` 0: 1 or more are needed, or `linear_probe`, which needs none"),
        ("single", {"lr": 0.0}, "`lr` 0.0: more than 0 is needed"),
        ("single", {"lr": math.nan}, "`lr` nan: more than 0 is needed"),
        ("single", {"width": math.inf}, "`width` inf: "),
        ("siamese", {"pairs": 1}, "`pairs` 1: 2 or more are needed, one of each kind"),
        ("siamese", {"pairing": "all"}, "`pairing` 'all': known are random, in-batch"),
        ("single", {"epochs": 2.0}, "`epochs` 2.0: a whole number is needed"),
        ("single", {"epochs": "2"}, "`epochs` '2': a whole number is needed"),
        ("single", {"epochs": True}, "`epochs` True: a whole number is needed"),
        ("single", {"lr": "1e-3"}, "`lr` '1e-3': a number is needed"),
        ("single", {"linear_probe": "no"}, "`linear_probe` 'no': True or False is needed"),
        ("single", {"linear_probe": 1}, "`linear_probe` 1: True or False is needed"),
        ("single", {"freeze": 4}, "`freeze` 4: text is needed"),
        ("single", {"momentum": 0.9}, "`momentum` 0.9: no such setting; known are arch, width, "),
        (
            "siamese",
            {"label_smoothing": 0.1},
            "`label_smoothing` 0.1: the recipe 'siamese' has no use for it",
        ),
        ("finetune", {"label_smoothing": 1.0}, "`label_smoothing` 1.0: 0 or more is needed, and less than 1"),
        ("finetune", {"layer_decay": 1.1}, "`layer_decay` 1.1: more than 0 is needed, and 1 at most"),
        ("finetune", {"ema": 1.0}, "`ema` 1.0: 0 or more is needed, and less than 1"),
        ("finetune", {"optimizer": "rmsprop"}, "`optimizer` 'rmsprop': known are adam, adamw, sgd"),
        ("finetune", {"flip": "vertical"}, "`flip` 'vertical': known are none, horizontal, both"),
        (
            "single",
            {"precision": "float16"},
            "`precision` 'float16': known are auto, float32, tf32, bfloat16",
        ),
    ],
)
def test_what_cannot_be_is_refused(name: str, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        named_recipe(name, overrides)
    assert str(caught.value).startswith(message)


def split(train: list[int], val: list[int]) -> Split:
    """Make a split with so many images of each class."""
    counts = {"train": train, "val": val}
    return Split(
        path=Path("split.csv"),
        subsets=np.array([subset for subset, of in counts.items() for _ in range(sum(of))]),
        labels=np.concatenate([np.repeat(np.arange(len(of)), of) for of in counts.values()]),
        patients=np.arange(sum(train) + sum(val)),
        classes=("a", "b", "c")[: len(train)],
        pixels=PixelStatistics(0.5, 0.2),
        digest="",
        fold=None,
    )


def fit(overrides: dict[str, Any], of: Split) -> tuple[Recipe, list[str]]:
    return resolve_recipe("siamese", overrides, of)


def test_enough_images_change_nothing() -> None:
    # Classes of 90: 3 x 90 x 89 / 2 = 12,015 pairs of one class; 43 trials a class.
    recipe, notices = fit({}, split([90, 95, 200], [43, 50, 60]))
    assert recipe == named_recipe("siamese", {})
    assert notices == []


def test_too_few_images_for_the_pairs_are_said_and_all_used() -> None:
    # Classes of 5: 3 x 10 = 30 pairs of one class, and as many of two.
    recipe, notices = fit({}, split([5, 9, 7], [43, 43, 43]))
    assert value_of(recipe, "pairs") == 60
    assert notices == ["12000 pairs an epoch wanted, the images allow 60 different ones: using all"]


def test_too_few_images_for_the_trials_are_said() -> None:
    recipe, notices = fit({"pairs": 10}, split([50, 50, 50], [7, 9, 12]))
    assert values(recipe, "trials", "pairs") == (21, 10)
    assert notices == ["129 three-way trials wanted, the validation images allow 21"]
    given, notices = fit({"pairs": 10, "trials": 30}, split([50, 50, 50], [7, 9, 12]))
    assert (value_of(given, "trials"), notices) == (30, [])


def test_in_batch_pairs_may_come_again_and_so_are_never_too_many() -> None:
    recipe, notices = fit({"pairing": "in-batch"}, split([5, 9, 7], [43, 43, 43]))
    assert (value_of(recipe, "pairs"), notices) == (12_000, [])


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_batch_without_two_images_of_one_class_is_refused(batch_size: int) -> None:
    with pytest.raises(
        InvalidSetting, match=f"`batch_size` {batch_size}: in-batch pairs need 4 images or more"
    ):
        fit({"pairing": "in-batch", "batch_size": batch_size}, split([5, 9, 7], [43, 43, 43]))
    assert (
        fit({"pairing": "in-batch", "batch_size": 4}, split([5, 9, 7], [43, 43, 43]))[
            0
        ].optimization.batch_size
        == 4
    )


@pytest.mark.parametrize("pairing", ["random", "in-batch"])
@pytest.mark.parametrize("train", [[1, 9, 7], [12, 0, 0]])
def test_images_that_allow_no_pairs_are_refused(pairing: str, train: list[int]) -> None:
    with pytest.raises(BadInput, match="pairs need two classes or more, with two training images or more"):
        fit({"pairing": pairing}, split(train, [43, 43, 43]))


def test_a_single_network_takes_the_images_as_they_are() -> None:
    recipe = named_recipe("single", {})
    assert resolve_recipe("single", {}, split([8, 8], [1, 1])) == (recipe, [])


@pytest.mark.parametrize(("micro_batch", "batch"), [(None, 30), (8, 32)])
def test_a_batch_is_no_larger_than_the_training_images(micro_batch: int | None, batch: int) -> None:
    of = split([20, 10], [3, 3])
    recipe, (notice,) = resolve_recipe("finetune", {}, of, micro_batch=micro_batch)
    assert recipe.optimization.batch_size == batch
    assert notice == f"a batch of 256 images wanted, 30 are there to train on: taking {batch}"
    assert resolve_recipe("finetune", {"batch_size": 30}, of)[1] == []


@pytest.mark.parametrize("wanted", [0, 3, 512])
def test_a_micro_batch_divides_the_batch(wanted: int) -> None:
    message = f"`micro_batch` {wanted}: must divide `batch_size` 256 without a remainder"
    with pytest.raises(InvalidSetting, match=message):
        resolve_recipe("finetune", {}, split([200, 200], [3, 3]), micro_batch=wanted)


def test_pairs_have_no_micro_batch() -> None:
    with pytest.raises(InvalidSetting, match="`micro_batch` 8: the recipe 'siamese' has no use for it"):
        resolve_recipe("siamese", {}, split([9, 9, 9], [9, 9, 9]), micro_batch=8)


def test_a_siamese_search_is_shorter_than_the_final_run() -> None:
    assert values(SEARCH_RECIPES["siamese"], "epochs", "pairs", "trials") == (20, 5000, 129)
    assert SEARCH_RECIPES["single"] == RECIPES["single"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("siamese", "three-way trials choose a class"), ("single", "no validation image is ")],
)
def test_selection_by_auc_needs_scores_and_every_class(name: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=f"`select` auc: {message}"):
        resolve_recipe(name, {"select": "auc"}, split([9, 9, 9], [3, 0, 3]))
