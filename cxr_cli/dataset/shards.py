"""Parts of one dataset, made apart and merged.

A shard takes a run of the inputs, in their order, and keeps what became of each, duplicates too: which of two
equal images is the first is known only when all shards are there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import read_record
from cxr_cli.dataset.folder import SHARD
from cxr_cli.dataset.reader import Outcome, read_shard
from cxr_cli.dataset.settings import PLAN_WORDS
from cxr_cli.errors import BadInput
from cxr_cli.images.characteristics import MANIFEST_COLUMNS


@dataclass(frozen=True)
class ShardFolder:
    """A finished shard on disk, and what shard.json says of it."""

    folder: Path
    shard: ArrayTask
    info: Mapping[str, Any]

    @property
    def plan(self) -> dict[str, Any]:
        """The plan of the whole dataset."""
        return {name: value for name, value in self.info["settings"].items() if name != "shard"}


def open_shards(folders: Sequence[Path]) -> list[ShardFolder]:
    """Open all shards of one dataset, in their order.

    Raises:
        BadInput: a folder that is no finished shard, shards of different datasets, a missing or doubled one.
    """
    shards = sorted(map(_open_shard, folders), key=lambda shard: shard.shard.number)
    first = shards[0]
    for shard in shards[1:]:
        theirs = first.info["settings"]
        for name in theirs:
            if name != "shard" and shard.info["settings"].get(name) != theirs[name]:
                word = PLAN_WORDS.get(name, f"`{name}`")
                raise BadInput(
                    f"{shard.folder}: {word} is not as in {first.folder}; one dataset's shards are needed"
                )
        if shard.shard.count != first.shard.count:
            raise BadInput(
                f"{shard.folder}: is one of {shard.shard.count} shards, {first.folder} of {first.shard.count}"
            )
    for one, other in pairwise(shards):
        if one.shard == other.shard:
            raise BadInput(
                f"{other.folder}: is shard {one.shard.number}/{one.shard.count} again, after {one.folder}"
            )
    missing = sorted(set(range(1, first.shard.count + 1)) - {shard.shard.number for shard in shards})
    if missing:
        listed = ", ".join(map(str, missing))
        raise BadInput(f"{len(missing)} of {first.shard.count} shards missing: {listed}")
    return shards


def merged_outcomes(shards: Sequence[ShardFolder]) -> Iterator[Outcome]:
    """What became of every input, over all shards in their order.

    Raises:
        BadInput: a shard whose files are not as they were written.
    """
    for shard in shards:
        yield from read_shard(shard.folder)


def differing_versions(shards: Sequence[ShardFolder]) -> list[str]:
    """Packages that had another version where another shard was made; a node's platform does not count."""
    versions = [shard.info["versions"] for shard in shards]
    names = dict.fromkeys(name for found in versions for name in found if name != "platform")
    return [name for name in names if len({found.get(name) for found in versions}) > 1]


def _open_shard(folder: Path) -> ShardFolder:
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; a shard made by `cxr preprocess` is needed")
    if not (folder / SHARD).is_file():
        raise BadInput(f"{folder}: no finished shard ({SHARD} is missing); run its `cxr preprocess` again")
    info = read_record(folder / SHARD)
    lacking = [name for name in MANIFEST_COLUMNS if name not in info.get("columns", ())]
    if lacking:
        raise BadInput(
            f"{folder / SHARD}: no column {lacking[0]!r}: another version of cxr made it; "
            "make the shard again"
        )
    try:
        return ShardFolder(folder, ArrayTask(*info["settings"]["shard"]), info)
    except (KeyError, TypeError) as error:
        raise BadInput(f"{folder / SHARD}: no field 'settings' with a shard; make the shard again") from error
