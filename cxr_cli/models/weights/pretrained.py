"""A network with published weights in it."""

import re

from cxr_cli.models.registry import Variables
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.families import NAMINGS
from cxr_cli.models.weights.rules import Naming, load_strict
from cxr_cli.models.weights.sources import FoundWeights

BACKBONE = "backbone"
"""Where a siamese net's variables hold those of its backbone."""


def load_pretrained(variables: Variables, found: FoundWeights, keep_head: bool = False) -> Variables:
    """Fill a network with published weights: all of it, but for the head, whose classes are ours.

    Args:
        variables: the arrays of a network of `found.card.arch`, or of a siamese net around one; the head's,
            and what a siamese net has beyond its backbone, stay as they are.
        found: the weights.
        keep_head: load the publisher's classifier too.

    Raises:
        BadInput: the first tensor without a place, place without a tensor, or shape that differs.
    """
    if BACKBONE in variables.params:
        inner = Variables(variables.params[BACKBONE], variables.stats.get(BACKBONE, {}))
        filled = load_pretrained(inner, found)
        return Variables(
            variables.params | {BACKBONE: filled.params}, variables.stats | {BACKBONE: filled.stats}
        )
    return load_strict(
        found.state, _naming(found.card), variables, found.card, source=str(found.path), keep_head=keep_head
    )


def _naming(card: Card) -> Naming:
    """Return the names that know the card's first convolution."""
    first = f"{card.first_conv}.weight"
    return next(
        naming
        for naming in NAMINGS[card.arch]
        if any(re.fullmatch(rule.pattern, first) for rule in naming.rules)
    )
