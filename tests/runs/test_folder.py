"""The RUN folder: what it holds comes back, and what does not belong to it is refused."""

import fcntl
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from untrained import parts_of

from cxr_cli.artifacts import digest_folder, replace_folder, write_record
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import BadInput, SettingsChanged
from cxr_cli.locks import LOCK
from cxr_cli.models.network import Variables, create
from cxr_cli.runs import model_store
from cxr_cli.runs.config import RunConfig, read_config, write_config
from cxr_cli.runs.folder import is_finished, open_images
from cxr_cli.runs.model_store import open_run, save_model
from cxr_cli.splitting.criteria import SplitCriteria
from cxr_cli.splitting.file import open_split, write_split
from cxr_cli.splitting.split import make_split
from cxr_cli.training.recipes import named_recipe

SMALL = {"width": 0.125, "epochs": 2, "batch_size": 8, "pairs": 40, "trials": 9}


@pytest.fixture
def config() -> RunConfig:
    return RunConfig(
        **parts_of(named_recipe("siamese", SMALL)),
        recipe="siamese",
        weights_digest=None,
        size=32,
        crop_top=0.0,
        crop_border=0.0,
        views=None,
        classes=("covid19", "normal", "pneumonia"),
        mean=0.1 + 0.2,
        std=1 / 3,
        seed=7,
        dataset="/data/set",
        dataset_digest="d" * 64,
        split="/data/split.csv",
        split_digest="e" * 64,
        fold=None,
    )


def test_a_configuration_comes_back_as_written(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path / "run", config)
    assert read_config(tmp_path / "run") == config
    write_config(tmp_path / "run", config)
    single = replace(config, recipe="single", task=named_recipe("single", {}).task, fold=3)
    write_config(tmp_path / "single", single)
    assert read_config(tmp_path / "single") == single


def test_an_unknown_or_missing_key_is_refused(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path, config)
    path = tmp_path / "config.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "learning_rate": 1}))
    with pytest.raises(BadInput, match=r"config\.json: key 'learning_rate' is unknown"):
        read_config(tmp_path)
    del whole["task"]["trials"]
    path.write_text(json.dumps(whole))
    with pytest.raises(BadInput, match=r"config\.json: key 'task\.trials' is missing"):
        read_config(tmp_path)
    del whole["optimization"]
    path.write_text(json.dumps(whole))
    with pytest.raises(BadInput, match=r"config\.json: key 'optimization' is missing"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("optimization.epochs", "ten", "optimization: Expected `int`, got `str` - at `$.epochs`"),
        ("optimization.epochs", 2.5, "optimization: Expected `int`, got `float` - at `$.epochs`"),
        (
            "optimization.optimizer",
            "rmsprop",
            "optimization: Invalid enum value 'rmsprop' - at `$.optimizer`",
        ),
        ("optimization.lr", None, "optimization: Expected `float`, got `null` - at `$.lr`"),
        ("network.arch", "lenet", "network: Invalid enum value 'lenet' - at `$.arch`"),
        ("task.kind", "ranking", 'task.kind is "ranking", classification or siamese is needed'),
        ("augmentation", 3, "augmentation is 3, an object is needed"),
        ("seed", True, "seed: Expected `int`, got `bool`"),
        ("fold", "1", "fold: Expected `int | null`, got `str`"),
        ("classes", "covid19", "classes: Expected `array`, got `str`"),
        ("classes", [1, 2], "classes: Expected `str`, got `int` - at `$[0]`"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(
    tmp_path: Path, config: RunConfig, key: str, value: Any, message: str
) -> None:
    write_config(tmp_path, config)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    part, _, name = key.rpartition(".")
    (content[part] if part else content)[name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput) as caught:
        read_config(tmp_path)
    assert str(caught.value) == f"{path}: {message}"


def test_another_configuration_is_refused_by_what_changed(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path, config)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(SettingsChanged) as caught:
        write_config(tmp_path, replace(config, optimization=replace(config.optimization, lr=1e-3), seed=8))
    assert str(caught.value) == (
        f"{tmp_path}: was made with other settings: "
        "`lr` was 0.0001, now 0.001; `seed` was 7, now 8; name a new folder"
    )
    with pytest.raises(SettingsChanged, match="`dataset_digest` was 'd"):
        write_config(tmp_path, replace(config, dataset_digest="f" * 64))
    assert (tmp_path / "config.json").read_bytes() == before


def test_inputs_may_have_moved(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path, config)
    moved = replace(config, dataset="/elsewhere", split="/elsewhere.csv")
    write_config(tmp_path, moved)
    assert moved.digest == config.digest
    assert replace(config, seed=8).digest != config.digest


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(BadInput, match=r"is not empty and holds no run \(config.json is missing\)"):
        write_config(tmp_path, config)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="gone: no such run"):
        read_config(tmp_path / "gone")
    with pytest.raises(BadInput, match=r"is not a run: it has no config\.json"):
        open_run(tmp_path)


def test_a_run_is_finished_when_its_record_says_so(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)
    write_record(tmp_path / "run.json", {"finished": True})
    assert is_finished(tmp_path)


def initial_variables(config: RunConfig, seed: int) -> Variables:
    return create(config.network_spec, np.random.default_rng(seed))[1]


def test_the_selected_model_comes_back_to_the_last_bit(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path, config)
    save_model(tmp_path, config.digest, initial_variables(config, 1), 1)
    save_model(tmp_path, config.digest, initial_variables(config, 2), 5)
    run = open_run(tmp_path)
    assert (run.config, run.epoch, run.folder) == (config, 5, tmp_path)
    jax.tree.map(np.testing.assert_array_equal, run.variables, initial_variables(config, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model"]
    # A kill between the two renames leaves the old model set aside.
    (tmp_path / "model").rename(tmp_path / ".model.old")
    (tmp_path / LOCK).touch()
    with os.fdopen(os.open(tmp_path / LOCK, os.O_RDWR)) as held:  # or training is just there
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="another process is writing there; wait until it ends"):
            open_run(tmp_path)
    assert open_run(tmp_path).epoch == 5


def test_a_model_that_training_replaces_while_it_is_read_is_read_again(
    tmp_path: Path, config: RunConfig
) -> None:
    write_config(tmp_path, config)
    save_model(tmp_path, config.digest, initial_variables(config, 1), 1)
    later = tmp_path / "later"
    write_config(later, config)
    save_model(later, config.digest, initial_variables(config, 2), 2)

    def read_late(model: Path, *others: Any) -> Any:
        if (later / "model").exists():
            replace_folder(later / "model", tmp_path / "model")
        return restore(model, *others)

    restore = model_store._restore
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_store, "_restore", read_late)
        run = open_run(tmp_path)
    assert run.epoch == 2
    jax.tree.map(np.testing.assert_array_equal, run.variables, initial_variables(config, 2))


def test_a_run_without_a_model_or_with_another_networks_is_refused(tmp_path: Path, config: RunConfig) -> None:
    write_config(tmp_path, config)
    with pytest.raises(BadInput, match="has no selected model yet; let `cxr train` finish an epoch first"):
        open_run(tmp_path)
    wider = replace(config, network=replace(config.network, width=0.25))
    single = replace(config, task=named_recipe("single", {}).task)
    for name, other, message in (
        ("wider", wider, r"params\.\S+ is \(\d+,\), \(\d+,\) is right"),
        ("single", single, r"params\.\S+ is missing, \(\d*,?\) is right"),
    ):
        folder = tmp_path / name
        write_config(folder, config)
        save_model(folder, config.digest, initial_variables(other, 0), 1)
        with pytest.raises(BadInput, match=r"model: the weights do not fit config\.json: " + message):
            open_run(folder)


@pytest.mark.parametrize("damage", ["cut", "missing", "all missing"])
def test_damaged_weights_are_refused_by_the_file_s_name(
    tmp_path: Path, config: RunConfig, damage: str
) -> None:
    write_config(tmp_path, config)
    save_model(tmp_path, config.digest, initial_variables(config, 1), 1)
    weights = tmp_path / "model" / "weights"
    victim = sorted(path for path in weights.rglob("*") if path.is_file())[-1]
    if damage == "cut":
        victim.write_bytes(victim.read_bytes()[:-1])
    elif damage == "missing":
        victim.unlink()
    else:
        shutil.rmtree(weights)
    fault = "is not as it was written" if damage == "cut" else "is missing"
    with pytest.raises(BadInput, match=f"model: the weights are damaged: weights/.* {fault}"):
        open_run(tmp_path)


@pytest.fixture
def inputs(tmp_path: Path, small_dataset: Path, config: RunConfig) -> RunConfig:
    """Copy the images and split them; return the configuration of a run on them."""
    shutil.copytree(small_dataset, tmp_path / "dataset")
    dataset = open_dataset(tmp_path / "dataset")
    criteria = SplitCriteria(val=0.2, test=0.2)
    write_split(dataset, criteria, make_split(dataset, criteria), tmp_path / "split.csv")
    return replace(
        config,
        dataset=str(tmp_path / "dataset"),
        dataset_digest=dataset.digest,
        split=str(tmp_path / "split.csv"),
        split_digest=open_split(tmp_path / "split.csv", dataset).digest,
    )


def test_images_are_found_where_they_were_or_where_they_are_said_to_be(
    tmp_path: Path, inputs: RunConfig
) -> None:
    images, split = open_images(inputs)
    assert (images.folder, split.path) == (tmp_path / "dataset", tmp_path / "split.csv")
    (tmp_path / "moved").mkdir()
    for name in ("dataset", "split.csv", "split.json"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    with pytest.raises(BadInput, match="no such folder"):
        open_images(inputs)
    images, split = open_images(inputs, tmp_path / "moved" / "dataset", tmp_path / "moved" / "split.csv")
    assert images.folder == tmp_path / "moved" / "dataset"
    assert len(split.rows("train")) > len(split.rows("test")) > 0


def test_other_images_are_refused(inputs: RunConfig) -> None:
    with pytest.raises(BadInput, match=r"is not the dataset of this run: its images\.npy has another digest"):
        open_images(replace(inputs, dataset_digest="0" * 64))


def test_a_split_changed_after_training_is_refused(tmp_path: Path, inputs: RunConfig) -> None:
    text = (tmp_path / "split.csv").read_text()
    (tmp_path / "split.csv").write_text(text.replace(",test,", ",,", 1))
    with pytest.raises(BadInput, match=r"split\.csv: is not the split of this run: it was changed after"):
        open_images(inputs)


def test_while_weights_are_read_their_shapes_are_known(config: RunConfig, tmp_path: Path) -> None:
    write_config(tmp_path, config)
    variables = initial_variables(config, 1)
    save_model(tmp_path, config.digest, variables, 3)
    seen = []
    run = open_run(tmp_path, seen.append)
    [outlined] = seen
    assert (outlined.folder, outlined.config) == (tmp_path, config)
    assert outlined.network == run.network
    shapes = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(outlined.variables)]
    assert shapes == [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(variables)]


def test_compressed_weights_of_former_versions_are_read(config: RunConfig, tmp_path: Path) -> None:
    write_config(tmp_path, config)
    variables = initial_variables(config, 1)
    save_model(tmp_path, config.digest, variables, 3)
    weights = (tmp_path / "model" / "weights").resolve()
    shutil.rmtree(weights)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(weights, {**variables._asdict(), "epoch": 3})
    record = {"run": config.digest, "epoch": 3, "files": digest_folder(weights)}
    write_record(tmp_path / "model" / "digests.json", record)
    run = open_run(tmp_path)
    assert run.epoch == 3
    jax.tree.map(np.testing.assert_array_equal, run.variables, variables)
