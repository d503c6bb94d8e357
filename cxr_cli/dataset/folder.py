"""The files of a DATASET folder. Light: commands look at the folder before they import anything heavy."""

from pathlib import Path

from cxr_cli.errors import BadInput

IMAGES = "images.npy"
MANIFEST = "manifest.csv"
REJECTED = "rejected.csv"
INFO = "dataset.json"
SHARD = "shard.json"
PARTIAL_IMAGES = "images.partial.npy"
JOURNAL = "progress.jsonl"


def check_is_dataset(folder: Path) -> None:
    """Check that a folder is a finished DATASET, by the names of its files.

    Raises:
        BadInput: it is missing, no dataset, or unfinished.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; a DATASET made by `cxr preprocess` is needed")
    if not (folder / INFO).is_file():
        if (folder / SHARD).is_file():
            raise BadInput(f"{folder}: a shard, part of a dataset; merge all shards with `cxr preprocess`")
        if (folder / JOURNAL).is_file():
            raise BadInput(f"{folder}: unfinished dataset; run the same `cxr preprocess` again to resume")
        raise BadInput(f"{folder}: no {INFO} in it; a DATASET made by `cxr preprocess` is needed")
