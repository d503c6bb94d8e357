"""Architectures by name. Loading one imports its file, and JAX with it; their names cost nothing."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from cxr_cli.errors import InvalidSetting

if TYPE_CHECKING:
    from cxr_cli.models.architecture import Architecture
    from cxr_cli.models.weights.cards import Card

FILES: Mapping[str, tuple[str, ...]] = {
    "covidnet": ("covidnet",),
    "resnet": ("resnet50", "resnet101", "resnext50_32x4d", "resnext101_32x8d"),
    "densenet": ("densenet121", "densenet161"),
    "inception": ("inception_v3",),
    "efficientnet": ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
    "mid_efficientnet": ("efficientnet_lite0_mid", "efficientnet_lite2_mid", "efficientnet_lites_mid"),
}
"""The files of this folder that end with `ARCHITECTURES`, and the names that stand there."""

ARCH_NAMES = tuple(name for names in FILES.values() for name in names)

if TYPE_CHECKING:
    Arch = str
else:
    Arch = Literal[ARCH_NAMES]


@cache
def find_architecture(name: str) -> "Architecture":
    """Load an architecture.

    Raises:
        InvalidSetting: no such architecture.
    """
    for file, names in FILES.items():
        if name in names:
            found: tuple[Architecture, ...] = import_module(f"cxr_cli.models.{file}").ARCHITECTURES
            return next(architecture for architecture in found if architecture.name == name)
    raise InvalidSetting("arch", repr(name), f"known are {', '.join(ARCH_NAMES)}")


def parts_of(arch: str) -> tuple[str, ...]:
    """Return the architectures whose published weights an architecture takes: most often itself alone."""
    return find_architecture(arch).parts or (arch,)


def cards() -> "Iterator[Card]":
    """Go through all published weights, architecture by architecture."""
    for name in ARCH_NAMES:
        yield from find_architecture(name).cards


def card_named(name: str) -> "Card | None":
    """Return the card of that name, if there is one."""
    return next((card for card in cards() if card.name == name), None)
