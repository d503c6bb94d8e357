"""A network with published weights in it."""

import re

from cxr_cli.models.network import Variables
from cxr_cli.models.registry import find_architecture
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.rules import Naming, load_strict
from cxr_cli.models.weights.sources import FoundWeights

BACKBONE = "backbone"
"""Where a siamese network's variables hold those of its backbone."""


NETWORKS = "networks"
"""Where a `MidEfficientNet`'s variables hold those of its networks."""


def load_pretrained(variables: Variables, *found: FoundWeights, keep_head: bool = False) -> Variables:
    """Fill a network with published weights: all of it, but for the head, whose classes are ours.

    Args:
        variables: the arrays of a network of `found.card.arch`, of one made of several such, or of a siamese
            network around one; the head's, and what there is beyond these networks, stay as they are.
        found: the weights, one a network.
        keep_head: load the publisher's classifier too.

    Raises:
        BadInput: the first tensor without a place, place without a tensor, or shape that differs.
    """
    if BACKBONE in variables.params:
        inner = Variables(variables.params[BACKBONE], variables.stats.get(BACKBONE, {}))
        filled = load_pretrained(inner, *found)
        return Variables(
            variables.params | {BACKBONE: filled.params}, variables.stats | {BACKBONE: filled.stats}
        )
    if NETWORKS in variables.params:
        inner_of = (
            Variables(variables.params[NETWORKS][i], variables.stats[NETWORKS][i]) for i in range(len(found))
        )
        networks = [load_pretrained(inner, part) for inner, part in zip(inner_of, found, strict=True)]
        return Variables(
            variables.params | {NETWORKS: {i: network.params for i, network in enumerate(networks)}},
            variables.stats | {NETWORKS: {i: network.stats for i, network in enumerate(networks)}},
        )
    (only,) = found
    return load_strict(
        only.state, _naming(only.card), variables, only.card, str(only.path), keep_head, only.prefix
    )


def _naming(card: Card) -> Naming:
    """Return the names that know the card's first convolution."""
    first = f"{card.first_conv}.weight"
    return next(
        naming
        for naming in find_architecture(card.arch).namings
        if any(re.fullmatch(rule.pattern, first) for rule in naming.rules)
    )
