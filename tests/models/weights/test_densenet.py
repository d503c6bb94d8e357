"""DenseNet's names: torchvision's of today and of its older files, and torchxrayvision's."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from parity.reference import load_reference

from cxr_cli.errors import BadInput
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.densenet import DENSENET
from cxr_cli.models.network import Variables, outline
from cxr_cli.models.registry import card_named
from cxr_cli.models.weights.rules import load_strict

TORCHVISION, TORCHXRAYVISION = "timm/densenet121.tv_in1k", "densenet121-res224-all"


@pytest.fixture
def state() -> dict[str, NDArray[Any]]:
    shapes = load_reference("densenet121").shapes
    return {name: np.full(shape, i, np.float32) for i, (name, shape) in enumerate(shapes.items())}


def load(state: dict[str, NDArray[Any]], card_name: str, classes: int) -> Variables:
    card = card_named(card_name)
    assert card is not None
    _, shapes = outline(NetworkSpec("densenet121", 1.0, 224, classes, siamese=False))
    return load_strict(state, DENSENET, shapes, card, "drawn", keep_head=True)


def test_layers_are_counted_from_one_there_and_from_zero_here(state: dict[str, NDArray[Any]]) -> None:
    loaded = load(state, TORCHVISION, 10)
    first = loaded.params["stages"][0]["layers"][0]["norm1"]["scale"]
    last = loaded.params["stages"][3]["layers"][15]["norm2"]["scale"]
    assert (first == state["features.denseblock1.denselayer1.norm1.weight"]).all()
    assert (last == state["features.denseblock4.denselayer16.norm2.weight"]).all()


def test_torchvisions_older_files_with_dotted_names_are_the_same(state: dict[str, NDArray[Any]]) -> None:
    older = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): tensor
        for name, tensor in state.items()
    }
    assert older.keys() != state.keys()
    expected, found = load(state, TORCHVISION, 10), load(older, TORCHVISION, 10)
    np.testing.assert_equal(found, expected)


def test_torchxrayvisions_have_one_channel_and_thresholds_of_their_own(
    state: dict[str, NDArray[Any]],
) -> None:
    state["features.conv0.weight"] = np.ones((64, 1, 7, 7), np.float32)
    state["classifier.weight"] = np.ones((18, 1024), np.float32)
    state["classifier.bias"] = np.ones(18, np.float32)
    state["op_threshs"] = np.full(18, np.nan)
    loaded = load(state, TORCHXRAYVISION, 18)
    # Images of -1024..1024 have the deviation 1/2048 of images of 0..1: the fold leaves the kernel as it is.
    assert (loaded.params["stem"]["conv"]["kernel"] == 1).all()
    assert (loaded.params["stem"]["conv"]["offset"] == 0).all()


def test_a_layer_too_many_is_refused(state: dict[str, NDArray[Any]]) -> None:
    state["features.denseblock1.denselayer7.norm1.weight"] = np.ones(256, np.float32)
    with pytest.raises(BadInput, match=r"denselayer7.norm1.weight would be stages.0.layers.6"):
        load(state, TORCHVISION, 10)
