"""Inception's files hold an auxiliary head, which a siamese network is built without."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from numpy.typing import NDArray
from parity.reference import load_reference

from cxr_cli.errors import BadInput
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Variables, outline
from cxr_cli.models.registry import card_named
from cxr_cli.models.weights.pretrained import load_pretrained
from cxr_cli.models.weights.sources import FoundWeights


@pytest.fixture(scope="module")
def state() -> dict[str, NDArray[Any]]:
    """A tensor for each of torchvision's names, AuxLogits' among them, filled with its own number."""
    shapes = load_reference("inception_v3").shapes
    assert sum(name.startswith("AuxLogits.") for name in shapes) == 12
    return {name: np.full(shape, i, np.float32) for i, (name, shape) in enumerate(shapes.items())}


def load(state: dict[str, NDArray[Any]], siamese: bool) -> Variables:
    card = card_named("timm/inception_v3.tv_in1k")
    assert card is not None
    _, shapes = outline(NetworkSpec("inception_v3", 1.0, 299, 3, siamese))
    return load_pretrained(shapes, FoundWeights(card, Path("inception.pth"), "", "", state))


def test_a_siamese_network_drops_the_auxiliary_head_and_loads_all_else(
    state: dict[str, NDArray[Any]],
) -> None:
    single, siamese = load(state, siamese=False), load(state, siamese=True)
    body = {name: tree for name, tree in single.params.items() if name not in ("classifier", "auxiliary")}
    statistics = {name: tree for name, tree in single.stats.items() if name != "auxiliary"}
    for found, expected in ((siamese.params, body), (siamese.stats, statistics)):
        assert jax.tree.structure(found["backbone"]) == jax.tree.structure(expected)
        assert jax.tree.all(jax.tree.map(np.array_equal, found["backbone"], expected))
    assert (
        body["mixed_7c"]["branch_pool"]["conv"]["kernel"] == state["Mixed_7c.branch_pool.conv.weight"].max()
    ).all()


def test_a_classifying_network_has_the_file_s_auxiliary_head_but_for_its_classes(
    state: dict[str, NDArray[Any]],
) -> None:
    auxiliary = load(state, siamese=False).params["auxiliary"]
    assert (auxiliary["conv1"]["conv"]["kernel"] == state["AuxLogits.conv1.conv.weight"].max()).all()
    assert isinstance(auxiliary["classifier"]["kernel"], jax.ShapeDtypeStruct)


def test_other_names_of_the_file_are_not_dropped(state: dict[str, NDArray[Any]]) -> None:
    with pytest.raises(BadInput, match=r"^inception\.pth: Auxiliary\.fc\.weight is no tensor"):
        load(state | {"Auxiliary.fc.weight": np.zeros((10, 768), np.float32)}, siamese=True)
