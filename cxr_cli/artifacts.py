"""Atomic reading and writing of JSON, CSV and folders, digests and provenance.

A file or folder written here is there whole or not at all: it is made beside its place under a
temporary name and moved over it.
"""

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.errors import BadInput, SettingsChanged, no_column
from cxr_cli.locks import LOCK, alone

if TYPE_CHECKING:
    import pandas as pd

LONGEST_STEM = 60
"""Letters of a name that a file name takes up, and twice as many bytes: file systems take 255 in all."""

TEMPORARY = ".tmp"
"""In the name of a file that is not whole yet."""

FORMAT = 1
"""Version of the format of all records, counted up where an older one can no longer be read."""
SEAL = "sha256"
"""The field with the digest of a record's other fields."""

PROVENANCE_PACKAGES = (
    "cxr-cli",
    "numpy",
    "pandas",
    "scikit-learn",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "pydicom",
    "python-gdcm",
    "imagecodecs",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "opencv-python-headless",
    "pillow",
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it replaces `path`, on error it is removed.

    Of two processes that write the same file the second one waits.

    Raises:
        BadInput: the path cannot be written.
    """
    if path.is_dir():  # an empty name is "." too
        raise BadInput(f"{path}: is a folder; the name of a file is needed")
    # The suffix stays last: writers such as matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}{TEMPORARY}{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(temporary):
            yield temporary
            os.replace(temporary, path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file or folder that is written, in one line, where the system refuses: a full disk, a quota.

    Raises:
        BadInput: it does.
    """
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or type(error).__name__})") from error


def require_room(folder: Path, size: int, what: str) -> None:
    """Check that a folder's file system has room, before the work that will need it.

    Args:
        folder: of what will be written; it may not be there yet.
        size: bytes that will be written.
        what: will be written, for the message, such as "the images".

    Raises:
        BadInput: it has not.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    with writing(folder):
        free = shutil.disk_usage(there).free
    if free < size:
        raise BadInput(
            f"{folder}: {free / 1e6:,.1f} MB are free, {what} take {size / 1e6:,.1f} MB; make room, "
            "and run again"
        )


def replace_folder(new: Path, final: Path) -> None:
    """Put the folder `new` in the place of `final`; at every moment one of the two is whole on disk."""
    restore_folder(final)
    if final.exists():
        final.rename(_set_aside(final))
    new.rename(final)
    shutil.rmtree(_set_aside(final), ignore_errors=True)


def restore_folder(final: Path) -> None:
    """Finish or undo a `replace_folder` that was cut off."""
    if is_set_aside(final):
        _set_aside(final).rename(final)
    shutil.rmtree(_set_aside(final), ignore_errors=True)


def is_set_aside(final: Path) -> bool:
    """Tell whether only the old folder of a `replace_folder` is there, under another name."""
    return not final.exists() and _set_aside(final).exists()


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def check_same_settings(
    place: Path,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    words: Mapping[str, str] | None = None,
    advice: str = "name a new folder",
) -> None:
    """Check that a folder or file is asked for again with the settings that it was made with.

    Args:
        place: as the message names it.
        before: the settings it was made with.
        now: the settings that count; what `before` has beside them does not.
        words: what to call an entry that is no setting itself, such as "the content of `labels`".
        advice: what to do where they differ.

    Raises:
        SettingsChanged: they differ; the message names each setting that does.
    """
    changed = [
        f"{(words or {}).get(name, f'`{name}`')} was {_brief(before.get(name))}, now {_brief(value)}"
        for name, value in now.items()
        if before.get(name) != value
    ]
    if changed:
        raise SettingsChanged(f"{place}: was made with other settings: {'; '.join(changed)}; {advice}")


def claim_folder(
    folder: Path,
    record: str,
    settings: Mapping[str, Any],
    *,
    holds: str,
    before: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
    made_with: Callable[[Path], Mapping[str, Any]] = lambda path: read_record(path),
) -> bool:
    """Check that an output folder is free, or was begun with the same settings, to be continued.

    Args:
        folder: new, empty, or begun by the same call.
        record: the name of the file in it that has its settings; it is not written here.
        settings: all that decides what the folder will hold.
        holds: what such a folder holds, for the message, such as "run".
        before: names of files that are written before the record, and that a call cut off leaves.
        words: see `check_same_settings`.
        made_with: reads the settings from the record.

    Returns:
        Whether it was begun already.

    Raises:
        SettingsChanged: it was begun with other settings.
        BadInput: it is a file, or holds something else.
    """
    if (folder / record).exists():
        check_same_settings(folder, made_with(folder / record), settings, words)
        return True
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file; the name of a folder is needed")
    expected = {LOCK, *before}
    if folder.exists() and any(
        path.name not in expected and TEMPORARY not in path.suffixes for path in folder.iterdir()
    ):
        raise BadInput(
            f"{folder}: is not empty and holds no {holds} ({record} is missing); name a new folder"
        )
    return False


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:12]}..."


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, "utf-8")


def file_stems(names: Sequence[str]) -> list[str]:
    """Make parts of file names from any names: no two alike, not even but for capitals.

    Letters and digits of any script, "_", "-" and, but at the beginning, "." stay; what else there is becomes
    "-".
    """
    stems: list[str] = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", name)).lstrip(".")[:LONGEST_STEM]
        stem = plain.encode()[: 2 * LONGEST_STEM].decode(errors="ignore")
        taken = {other.casefold() for other in stems}
        spellings = (stem, *(f"{stem}-{number}" for number in range(2, len(names) + 2)))
        stems.append(next(spelling for spelling in spellings if spelling.casefold() not in taken))
    return stems


def write_json(path: Path, content: Any) -> None:
    """Write `content` as `json_text` gives it."""
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """Return `content` as indented JSON with a final newline. NaN is refused: it is not JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: the file is missing, is no JSON, or holds no object.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: cannot be read as JSON ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: holds a JSON {type(content).__name__}, an object is needed")
    return content


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object for `read_record`: it ends with its format's version and a digest of itself."""
    versioned = {**content, "format": FORMAT}
    write_json(path, {**versioned, SEAL: _digest_of(versioned)})


def read_record(path: Path, kind: Any = dict) -> dict[str, Any]:
    """Read a JSON object that `write_record` wrote, without its format and digest.

    Args:
        path: of the file.
        kind: a TypedDict, or another type that msgspec knows, of the fields that are asked for; others may
            be there.

    Raises:
        BadInput: it is missing or damaged, a field is not as it should be, or it was changed since.
    """
    content = read_json(path)
    check_fields(path, content, kind)
    check_seal(path, content)
    return unsealed(content)


def unsealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record holds beside its format and digest."""
    return {name: value for name, value in content.items() if name not in ("format", SEAL)}


def check_fields(path: Path, content: Mapping[str, Any], kind: Any) -> None:
    """Check the types of the fields of a file.

    Raises:
        BadInput: one is missing, or is not what it should be; the message names it.
    """
    import msgspec

    try:
        msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        field = place.strip("`.")
        found: Any = content
        for key in field.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        shown = f" ({_brief(found)})" if field and found is not None else ""
        raise BadInput(f"{path}: {f'field {field!r}: ' if field else ''}{what.lower()}{shown}") from None


def check_seal(path: Path, content: Mapping[str, Any]) -> None:
    """Check that the content of a file is as `write_record` wrote it.

    Raises:
        BadInput: it was changed since, or has another format.
    """
    if content.get("format") != FORMAT:
        found = _brief(content["format"]) if "format" in content else "missing"
        raise BadInput(f"{path}: field 'format' is {found}, this version of cxr reads {FORMAT}")
    sealed = _digest_of({name: value for name, value in content.items() if name != SEAL})
    if content.get(SEAL) != sealed:
        raise BadInput(
            f"{path}: was changed after cxr wrote it: its content has SHA-256 {sealed[:12]}..., "
            f"recorded is {str(content.get(SEAL))[:12]}...; make it again"
        )


def _digest_of(content: Mapping[str, Any]) -> str:
    import hashlib  # here, for no `--help` has need of OpenSSL

    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index; missing values are empty fields."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def read_csv(path: Path, required: Sequence[str] = (), separator: str = ",") -> "pd.DataFrame":
    """Read a table with every value as text, exactly as written ("007" stays "007"); missing is "".

    Raises:
        BadInput: the file is missing or no table, has rows longer than its header, or lacks a column.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise BadInput(f"{path}: cannot be read as a table ({type(error).__name__})") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first fields for the rows' names
        surplus = table.index.nlevels
        raise BadInput(f"{path}: rows have {surplus} field{'s' * (surplus != 1)} more than the header")
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise BadInput(f"{path}: {no_column(missing[0], table.columns)}")
    return table


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits, read in pieces."""
    import hashlib  # here, for no `--help` has need of OpenSSL

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_folder(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path from there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result may depend on."""
    # Here, for they import email, sockets and subprocess, of which no `--help` has need.
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PROVENANCE_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a distribution"
    return found
