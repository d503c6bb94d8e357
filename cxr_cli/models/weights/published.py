"""The published weights: list them, fetch them, verify that they fit their architecture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.errors import UsageError
from cxr_cli.models.registry import card_named, cards, find_architecture, parts_of
from cxr_cli.models.weights import hub
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.scaling import WeightsScaling
from cxr_cli.models.weights.sources import (
    FoundWeights,
    checked_digest,
    fetch,
    find_all,
    locate,
    published_digest,
)


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that somebody has published.

    Attributes:
        card: their name, architecture, source, size in bytes and license.
        path: the file, if it is on this machine.
        sha256: of the file, 64 hex digits; "" where the publisher states none and no file is here.
    """

    card: Card
    path: Path | None
    sha256: str


@dataclass(frozen=True)
class VerifiedWeights:
    """Weights each tensor of which has its place in an architecture, and each place its tensor.

    Attributes:
        arch: the architecture.
        found: the files, one for each network that the architecture is made of.
        as_published: for each file, whether its digest is the publisher's; False too where none is known.
    """

    arch: str
    found: tuple[FoundWeights, ...]
    as_published: tuple[bool, ...]

    @property
    def tensors(self) -> int:
        """The number of tensors in all files."""
        return sum(len(part.state) for part in self.found)


def list_weights(arch: str | None = None) -> tuple[PublishedWeights, ...]:
    """List published weights, of one architecture or of all; nothing is fetched."""
    wanted = [card for card in cards() if arch is None or card.arch in parts_of(arch)]
    located = [(card, locate(card)) for card in wanted]
    return tuple(
        PublishedWeights(card, path, (published_digest(card, path) if path else card.sha256) or "")
        for card, path in located
    )


def fetch_weights(names: Sequence[str]) -> tuple[PublishedWeights, ...]:
    """Download weights into the Hugging Face cache, where they are not there yet, and check their digests.

    Args:
        names: as `list_weights` has them, or repositories of timm's on the hub.

    Raises:
        BadInput: the hub has no such weights or cannot be reached, or a file is not as published.
    """
    wanted = [card_named(name) or hub.read_card(name) for name in names]
    files = [(card, locate(card) or fetch(card)) for card in wanted]
    return tuple(PublishedWeights(card, path, checked_digest(card, path)) for card, path in files)


def verify_weights(
    weights: str, arch: str | None = None, scaling: WeightsScaling = "published"
) -> VerifiedWeights:
    """Check that weights fit an architecture tensor by tensor, and whether they are as published.

    Args:
        weights: a name that `list_weights` has, or a file.
        arch: the architecture; None takes the name's own.
        scaling: of the pixels that a file's weights expect; whether its tensors fit does not depend on it.

    Raises:
        InvalidSetting: no such weights, or another scaling than the published.
        UsageError: a file without an architecture.
        BadInput: they are not found, cannot be read, or do not fit.
    """
    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import outline
    from cxr_cli.models.weights.pretrained import load_pretrained

    card = card_named(weights)
    arch = arch or (card.arch if card else None)
    if arch is None:
        raise UsageError(f"{weights}: no published name; for a file, `arch` is needed")
    found = find_all(weights, arch, scaling, without_input=True)
    size = find_architecture(arch).smallest_image
    spec = NetworkSpec(arch, width=1.0, size=size, classes=2, siamese=False)
    _, shapes = outline(spec)
    load_pretrained(shapes, *found)
    as_published = tuple(published_digest(part.card, part.path) == part.sha256 for part in found)
    return VerifiedWeights(arch, found, as_published)
