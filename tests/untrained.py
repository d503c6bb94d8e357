"""Runs of a very small model with random, untrained weights, for tests that need no more."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from numpy.typing import NDArray

from cxr_cli.artifacts import write_record
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.network import Network, Variables, create
from cxr_cli.models.siamese import Siamese
from cxr_cli.runs.config import RunConfig, write_config
from cxr_cli.runs.folder import RECORD
from cxr_cli.runs.model_store import TrainedRun, open_run, save_model
from cxr_cli.runs.settings import PARTS, Recipe
from cxr_cli.training.recipes import named_recipe

SIZE = 16
SAVED_SIZE = 32
"""Of the images of saved runs."""


def parts_of(recipe: Recipe) -> dict[str, Any]:
    """Return the parts of a recipe, for a RunConfig of this device."""
    precise = replace(recipe, network=replace(recipe.network, precision="float32"))
    return {part: getattr(precise, part) for part in PARTS}


def untrained_run(folder: Path, *, siamese: bool) -> TrainedRun:
    """Make a run of a model with one stage and vectors of 6; the pixels have mean 0.4, deviation 0.2."""
    rng = np.random.default_rng(0)
    shape = CovidNetConfig(stem=8, stages=(8,), depths=(2,), fc=(12, 6))
    backbone = CovidNet(shape, SIZE, None if siamese else 3, lowering="product", rng=rng)
    network = Siamese(backbone, rng=rng) if siamese else backbone
    graph, params, stats = nnx.split(network, nnx.Param, ...)
    name = "siamese" if siamese else "single"
    pairs = {"pairs": 100, "trials": 10} if siamese else {}
    config = RunConfig(
        **parts_of(named_recipe(name, {"epochs": 5, "batch_size": 4, **pairs})),
        recipe=name,
        weights_digest=None,
        size=SIZE,
        crop_top=0.0,
        crop_border=0.0,
        views=None,
        classes=("covid19", "normal", "pneumonia"),
        mean=0.4,
        std=0.2,
        seed=0,
        dataset="dataset",
        dataset_digest="d",
        split="split.csv",
        split_digest="s",
        fold=None,
    )
    variables = Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
    return TrainedRun(folder, config, Network(graph, network.STAGES, 0), variables, epoch=3)


def saved_run(folder: Path, recipe: str = "single", seed: int = 0, **settings: Any) -> TrainedRun:
    """Write a run of a narrow network with random weights, large enough that its scores differ."""
    whole = named_recipe(recipe, {"epochs": 1, "width": 0.0625, **settings})
    like = untrained_run(folder, siamese=False).config
    config = replace(
        like,
        **parts_of(whole),
        recipe=recipe,
        size=SAVED_SIZE,
        seed=seed,
        mean=0.25 + 0.25 * seed,
        crop_top=0.08,
    )
    _, variables = create(config.network_spec, np.random.default_rng(seed))
    folder.mkdir(parents=True)
    write_config(folder, config)
    save_model(folder, config.digest, jax.tree.map(lambda leaf: 1.2 * leaf, variables), epoch=1)
    write_record(folder / RECORD, {"finished": True})
    return open_run(folder)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return untrained_run(tmp_path_factory.mktemp("single"), siamese=False)


@pytest.fixture(scope="session")
def siamese(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return untrained_run(tmp_path_factory.mktemp("siamese"), siamese=True)


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    """Make 75 random images: more than two batches, and not a multiple of one."""
    return np.random.default_rng(1).integers(0, 256, (75, SIZE, SIZE), np.uint8)
