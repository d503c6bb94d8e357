"""Which files below the given sources are inputs."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from cxr_cli.errors import BadInput
from cxr_cli.images.archives import GZIP_SUFFIX, archive_members, first_bytes, is_archive
from cxr_cli.images.dicom.header import START_LENGTH, begins_as_dicom
from cxr_cli.images.rejected import RejectedImageError

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp")
IMAGE_SUFFIXES = (*DICOM_SUFFIXES, *RASTER_SUFFIXES)

SYSTEM_FOLDERS = frozenset(
    ("__macosx", ".appledouble", "@eadir", ".thumbnails", ".ipynb_checkpoints", "$recycle.bin", ".trashes")
)
"""Folders in which systems keep copies, thumbnails and waste, in lower case: no images of a study."""

APPLE_DOUBLE = (b"\x00\x05\x16\x07", b"\x00\x05\x16\x00")
"""The first bytes of what macOS puts beside a file on other file systems, as ._NAME (RFC 1740)."""

NO_SUFFIX = "no suffix"


@dataclass(frozen=True)
class Inputs:
    """The input files, as paths below the sources as given, and what of the folders was no input.

    Attributes:
        paths: of the inputs.
        other_files: files that are no images by name, by their suffix.
        system_files: AppleDouble files, and files in SYSTEM_FOLDERS.
        linked_folders: links to folders, which are not followed.
    """

    paths: tuple[Path, ...]
    other_files: Mapping[str, int]
    system_files: int
    linked_folders: int


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """Search folders and zip archives; a file that is named itself is always an input. Each file counts once.

    Inputs come in the order of their paths, whatever the order of the sources or of the file system. A zip
    archive that is refused is an input itself, and rejected when it is read.

    Raises:
        BadInput: a source that does not exist, a folder that cannot be read, or no input at all.
    """
    found: dict[str, Path] = {}
    other_files: Counter[str] = Counter()
    system_files = linked_folders = 0
    for source in sources:
        if not source.exists():
            raise BadInput(f"{source}: no such file or folder")
        named = source.is_file() and not is_archive(source)
        for path in [source] if named else _below(source):
            if path.is_dir():
                linked_folders += 1
            elif not named and _is_of_system(path, source):
                system_files += 1
            elif named or _is_image_by_name(path):
                found.setdefault(absolute(path), path)
            else:
                other_files[suffix_of(path)] += 1
    if not found:
        others = (
            f"other files: {listed(_most_frequent_first(other_files))}" if other_files else "no other files"
        )
        raise BadInput(
            f"{', '.join(map(str, sources))}: no images here ({others}); "
            "PNG, JPEG, TIFF, BMP and DICOM are read"
        )
    paths = sorted(found.values(), key=lambda path: os.fsencode(path).split(b"/"))  # in any locale
    return Inputs(tuple(paths), _most_frequent_first(other_files), system_files, linked_folders)


def _most_frequent_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def listed(counts: Mapping[str, int]) -> str:
    """Write counts in words: ".csv 3, .txt 1"; of more than ten the first ten."""
    first = [f"{name} {count}" for name, count in islice(counts.items(), 10)]
    rest = sum(islice(counts.values(), 10, None))
    return ", ".join([*first, f"others {rest}"] if rest else first)


def image_stem(name: str) -> str:
    """The name of an image without the suffixes of its format and packing: "a" of a.dcm.gz, "1.2" of 1.2.dcm.

    A last part of digits is no suffix but one of a UID.
    """
    unpacked = name[: -len(GZIP_SUFFIX)] if name.lower().endswith(GZIP_SUFFIX) else name
    stem, _, suffix = unpacked.rpartition(".")
    return unpacked if not stem or suffix.isdigit() else stem


def absolute(path: Path) -> str:
    """The absolute path without "." and "..", symbolic links left as they are: the identity of an input."""
    return os.path.abspath(path)


def composed(name: str) -> str:
    """A name in Unicode's form NFC, which macOS splits up; also where the locale is not that of its bytes."""
    if name.isascii():
        return name
    return unicodedata.normalize(
        "NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    )


def is_dicom(path: Path) -> bool:
    """Whether an input is to be read as DICOM: by its content, or else by its suffix."""
    return begins_as_dicom(first_bytes(path, START_LENGTH)) or suffix_of(path) in (
        *DICOM_SUFFIXES,
        *(f"{suffix}{GZIP_SUFFIX}" for suffix in DICOM_SUFFIXES),
    )


def has_image_suffix(path: PurePath) -> bool:
    """Whether a file is an image by its suffix, packed or not."""
    return suffix_of(path).removesuffix(GZIP_SUFFIX) in IMAGE_SUFFIXES


def suffix_of(path: PurePath) -> str:
    """The suffix in lower case; of a packed file also that of the file in it, as ".dcm.gz"."""
    suffix = path.suffix.lower()
    if suffix == GZIP_SUFFIX:
        suffix = PurePath(path.stem).suffix.lower() + suffix
    return suffix or NO_SUFFIX


def _below(source: Path) -> Iterable[Path]:
    """All files of a folder or archive, and of the archives in a folder; also the folders not followed."""
    for path in [source] if source.is_file() else _walk(source):
        if is_archive(path) and path.is_file():
            yield from _members(path)
        else:
            yield path


def _members(archive: Path) -> list[Path]:
    try:
        return archive_members(archive)
    except RejectedImageError:
        return [archive]


def _walk(folder: Path) -> Iterable[Path]:
    """All files below a folder, and the linked folders, which are not followed: they may lead in circles."""

    def refuse(error: OSError) -> None:
        raise BadInput(f"{error.filename}: folder cannot be read ({type(error).__name__})") from error

    for here, folders, files in os.walk(folder, onerror=refuse):
        yield from (Path(here, name) for name in files)
        yield from (path for name in folders if (path := Path(here, name)).is_symlink())


def _is_of_system(path: Path, source: Path) -> bool:
    if any(part.lower() in SYSTEM_FOLDERS for part in path.parts[len(source.parts) : -1]):
        return True
    return path.name.startswith("._") and first_bytes(path, 4) in APPLE_DOUBLE


def _is_image_by_name(path: Path) -> bool:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        return False
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or is_archive(path):
        return True
    # Archives name files by number or by UID, whose last component looks like a suffix.
    unnamed = suffix in ("", GZIP_SUFFIX) or suffix[1:].isdigit()
    return unnamed and path.name.upper() != "DICOMDIR" and is_dicom(path)
