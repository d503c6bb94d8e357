"""The Hugging Face hub and its local cache; HF_HUB_OFFLINE and HF_HOME are respected."""

import re
from pathlib import Path
from typing import Any

from cxr_cli.artifacts import read_json
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.models.weights.cards import Card

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
DIGEST = re.compile(r"[0-9a-f]{64}")


def cached(repository: str, filename: str) -> Path | None:
    """Return a file of a repository in the local cache, if it is there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, filename)
    return Path(found) if isinstance(found, str) else None


def download(repository: str, filename: str, other_ways: str) -> Path:
    """Download a file of a repository into the local cache.

    Args:
        repository: "timm/resnet50.tv_in1k".
        filename: its path there.
        other_ways: what to do instead, for the message.

    Raises:
        BadInput: it cannot be had.
    """
    import huggingface_hub as client

    try:
        # Asked first, for where there is no network this fails at once, and the download after 23 s.
        client.get_hf_file_metadata(client.hf_hub_url(repository, filename))
        return Path(client.hf_hub_download(repository, filename))
    except Exception as error:  # the client's HTTP library, and so what it raises, is no promise of its own
        raise BadInput(f"{repository}: {_reason(error, filename)}; {other_ways}") from error


def _reason(error: Exception, filename: str) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return "not in the local cache, and HF_HUB_OFFLINE is set"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub has no such repository, or not for all"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return f"has no {filename} on the hub"
    return f"cannot be had from the hub ({type(error).__name__})"


def digest_of_cached(path: Path) -> str | None:
    """Return the SHA-256 by which the cache names the file behind a link; None for any other file."""
    stored = path.resolve()
    return stored.name if stored.parent.name == "blobs" and DIGEST.fullmatch(stored.name) else None


def read_card(repository: str) -> Card:
    """Make the card of a repository as timm publishes them, from the configuration there.

    Raises:
        InvalidSetting: this is no repository's name.
        BadInput: it cannot be had, or its configuration is none of timm's.
    """
    if not REPOSITORY.fullmatch(repository):
        raise InvalidSetting(
            "weights", repository, "no file, no repository, and no name that `cxr weights list` has"
        )
    path = cached(repository, CONFIG) or download(repository, CONFIG, "give a file as `weights`, or none")
    config = read_json(path)
    try:
        return _card(repository, str(config["architecture"]).removeprefix("tf_"), config["pretrained_cfg"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{path}: the configuration is none of timm's ({type(error).__name__}: {error})"
        ) from error


def _card(repository: str, arch: str, published: dict[str, Any]) -> Card:
    mean, std = (tuple(float(value) for value in published[name]) for name in ("mean", "std"))
    if not mean or len(mean) != len(std) or min(std) <= 0:
        raise ValueError(f"mean {mean}, std {std}")
    return Card(
        name=repository,
        arch=arch,
        source="hub",
        filename=WEIGHTS,
        first_conv=str(published["first_conv"]),
        input_size=int(published["input_size"][-1]),
        mean=mean,
        std=std,
        size=None,
        sha256=None,
        license=str(published.get("license", "not stated")),
        url=f"https://huggingface.co/{repository}",
    )
