"""Which files below the given sources are inputs."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.errors import BadInput
from cxr_cli.images.archives import archive_members, first_bytes, is_archive
from cxr_cli.images.dicom.header import START_LENGTH, begins_as_dicom
from cxr_cli.images.rejected import RejectedImageError

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Inputs:
    """The input files, as paths below the sources as given, and how much of the folders was no input."""

    paths: tuple[Path, ...]
    other_files: int
    linked_folders: int


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """Search folders and zip archives; a file that is named itself is always an input. Each file counts once.

    Inputs come in the order of their paths, whatever the order of the sources or of the file system. A zip
    archive that is refused is an input itself, and rejected when it is read.

    Raises:
        BadInput: a source that does not exist, a folder that cannot be read, or no input at all.
    """
    found: dict[str, Path] = {}
    other_files = linked_folders = 0
    for source in sources:
        if not source.exists():
            raise BadInput(f"{source}: no such file or folder")
        named = source.is_file() and not is_archive(source)
        for path in [source] if named else _below(source):
            if path.is_dir():
                linked_folders += 1
            elif named or _is_image_by_name(path):
                found.setdefault(absolute(path), path)
            else:
                other_files += 1
    if not found:
        raise BadInput(
            f"{', '.join(map(str, sources))}: no images here ({other_files} other files); PNG, JPEG or DICOM"
        )
    return Inputs(tuple(sorted(found.values(), key=lambda path: path.parts)), other_files, linked_folders)


def absolute(path: Path) -> str:
    """The absolute path without "." and "..", symbolic links left as they are: the identity of an input."""
    return os.path.abspath(path)


def is_dicom(path: Path) -> bool:
    """Whether an input is to be read as DICOM: by its content, or else by its suffix."""
    return begins_as_dicom(first_bytes(path, START_LENGTH)) or path.suffix.lower() in DICOM_SUFFIXES


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


def _is_image_by_name(path: Path) -> bool:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        return False
    suffix = path.suffix.lower()
    if suffix in RASTER_SUFFIXES or suffix in DICOM_SUFFIXES or is_archive(path):
        return True
    # Archives name files by number or by UID, whose last component looks like a suffix.
    unnamed = suffix == "" or suffix[1:].isdigit()
    return unnamed and path.name.upper() != "DICOMDIR" and begins_as_dicom(first_bytes(path, START_LENGTH))
