"""A network with published weights in it."""

import re

from cxr_cli.models.registry import Variables
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.families import NAMINGS
from cxr_cli.models.weights.rules import Naming, load_strict
from cxr_cli.models.weights.sources import FoundWeights

BACKBONE = "backbone"
"""Where a siamese net's variables hold those of its backbone."""


NETS = "nets"
"""Where a `MidEfficientNet`'s variables hold those of its nets."""


def load_pretrained(variables: Variables, *found: FoundWeights, keep_head: bool = False) -> Variables:
    """Fill a network with published weights: all of it, but for the head, whose classes are ours.

    Args:
        variables: the arrays of a network of `found.card.arch`, of one made of several such, or of a siamese
            net around one; the head's, and what there is beyond these nets, stay as they are.
        found: the weights, one a net.
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
    if NETS in variables.params:
        inner_of = (Variables(variables.params[NETS][i], variables.stats[NETS][i]) for i in range(len(found)))
        nets = [load_pretrained(inner, part) for inner, part in zip(inner_of, found, strict=True)]
        return Variables(
            variables.params | {NETS: {i: net.params for i, net in enumerate(nets)}},
            variables.stats | {NETS: {i: net.stats for i, net in enumerate(nets)}},
        )
    (only,) = found
    return load_strict(
        only.state, _naming(only.card), variables, only.card, source=str(only.path), keep_head=keep_head
    )


def _naming(card: Card) -> Naming:
    """Return the names that know the card's first convolution."""
    first = f"{card.first_conv}.weight"
    return next(
        naming
        for naming in NAMINGS[card.arch]
        if any(re.fullmatch(rule.pattern, first) for rule in naming.rules)
    )
