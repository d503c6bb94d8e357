"""How many images fit: estimated from what the backward pass keeps."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from untrained import parts_of

from cxr_cli.artifacts import write_record
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Network, Variables, outline
from cxr_cli.prediction.forward import Scaling
from cxr_cli.reporting import SILENT
from cxr_cli.runs.config import RunConfig
from cxr_cli.runs.folder import RECORD
from cxr_cli.runs.settings import ClassificationConfig
from cxr_cli.training import memory
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.memory import Fit, bytes_kept, device_memory, fit_batch, largest_block
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.run import fit_to_memory

LOSS = classification_loss(np.ones(3, np.float32), 0.0)
SCALING = Scaling(0.5, 0.25, "float32")


@pytest.fixture(scope="module")
def covidnet() -> tuple[Network, Variables]:
    return outline(NetworkSpec("covidnet", 0.125, 64, 3, False), "product")


def test_what_is_kept_grows_with_the_images(covidnet: tuple[Network, Variables]) -> None:
    one, two, four = (bytes_kept(*covidnet, SCALING, LOSS, 64, images) for images in (1, 2, 4))
    assert 0 < one < two < four
    # But for the augmentation's and dropout's scraps, in proportion.
    assert four - two == pytest.approx(2 * (two - one), rel=0.02)
    # More than the stem's output, which its ReLU needs: float32 [32, 32, 8].
    assert two - one > 32 * 32 * 8 * 4


def test_rematerialized_less_is_kept_and_one_block_runs_again(covidnet: tuple[Network, Variables]) -> None:
    plain = bytes_kept(*covidnet, SCALING, LOSS, 64, 2)
    maps = bytes_kept(*covidnet, SCALING, LOSS, 64, 2, rematerialize=True)
    block = largest_block(*covidnet, 64, 2)
    assert maps < 0.5 * plain
    # The first module of the first stage at least, whose 1x1 convolution takes [2, 32, 32, 8] to as many.
    assert 2 * 32 * 32 * 8 * 4 < block < plain
    assert maps + block < plain


@pytest.mark.parametrize(
    ("images", "fitted"),
    [
        (300, Fit(256, False)),
        (256, Fit(256, False)),
        (255, Fit(256, True)),
        (129, Fit(256, True)),
        (127, Fit(128, True)),
        (20, Fit(32, True)),
        (0, Fit(1, True)),
    ],
)
def test_a_batch_is_divided_only_where_nothing_else_helps(
    monkeypatch: pytest.MonkeyPatch, images: int, fitted: Fit
) -> None:
    variables = Variables({"kernel": jnp.zeros(25)}, {})
    # 1,300 bytes an image plainly, half of it rematerialized; 400 for four copies of the parameters.
    monkeypatch.setattr(memory, "bytes_kept", lambda *_, rematerialize=False: 600 if rematerialize else 2000)
    monkeypatch.setattr(memory, "largest_block", lambda *_: 400)
    monkeypatch.setattr(memory, "device_memory", lambda: (400 + 1300 * images + 1) / memory.SHARE)
    assert fit_batch(Network(None, (), 0), variables, SCALING, LOSS, 64, 256) == fitted


def test_a_slurm_job_has_what_it_was_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_MEM_PER_NODE", raising=False)
    assert device_memory() > 2**30
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "64")
    assert device_memory() == 64 * 2**20


@pytest.fixture
def config() -> RunConfig:
    recipe = named_recipe("finetune", {"arch": "covidnet", "weights": "none", "width": 0.125})
    return RunConfig(
        **{**parts_of(recipe), "task": ClassificationConfig(loss="softmax", sampling="all")},
        recipe="finetune",
        weights_digest=None,
        size=64,
        crop_top=0.0,
        crop_border=0.0,
        views=None,
        classes=("covid19", "normal", "pneumonia"),
        mean=0.5,
        std=0.25,
        seed=0,
        dataset="dataset",
        dataset_digest="0" * 64,
        split="split.csv",
        split_digest="1" * 64,
        fold=None,
    )


def test_a_run_keeps_the_parts_it_began_with_where_memory_holds_them(
    tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "device_memory", lambda: 2**40)
    assert fit_to_memory(tmp_path, config, None, SILENT) == Fit(256, False)
    monkeypatch.setattr(memory, "device_memory", lambda: 2**24)
    began = fit_to_memory(tmp_path, config, None, SILENT)
    assert began.rematerialize
    assert 1 < began.micro_batch < 256
    write_record(tmp_path / RECORD, {"finished": False, "micro_batch": began.micro_batch})
    monkeypatch.setattr(memory, "device_memory", lambda: 2**40)
    assert fit_to_memory(tmp_path, config, None, SILENT) == Fit(began.micro_batch, False)
    assert fit_to_memory(tmp_path, config, 8, SILENT) == Fit(8, False)


def test_pairs_go_whole(tmp_path: Path, config: RunConfig) -> None:
    siamese = replace(config, recipe="siamese", task=named_recipe("siamese", {}).task)
    assert fit_to_memory(tmp_path, siamese, None, SILENT) == Fit(256, False)
