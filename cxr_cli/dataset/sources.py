"""Which files below the given sources are inputs."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.dataset.dicom import has_preamble
from cxr_cli.errors import BadInput

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
RASTER_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Inputs:
    """The input files, as paths below the sources as given, and how much of the folders was no input."""

    paths: tuple[Path, ...]
    other_files: int
    linked_folders: int


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """Search folders recursively; a file that is named itself is always an input. Each file counts once.

    Inputs come in the order of their paths, whatever the order of the sources or of the file system.

    Raises:
        BadInput: a source that does not exist, a folder that cannot be read, or no input at all.
    """
    found: dict[str, Path] = {}
    other_files = linked_folders = 0
    for source in sources:
        if source.is_file():
            found.setdefault(absolute(source), source)
        elif source.is_dir():
            for path in _walk(source):
                if path.is_dir():
                    linked_folders += 1
                elif _is_film_by_name(path):
                    found.setdefault(absolute(path), path)
                else:
                    other_files += 1
        else:
            raise BadInput(f"{source}: no such file or folder")
    if not found:
        raise BadInput(
            f"{', '.join(map(str, sources))}: no films here ({other_files} other files); PNG, JPEG or DICOM"
        )
    return Inputs(tuple(sorted(found.values(), key=lambda path: path.parts)), other_files, linked_folders)


def absolute(path: Path) -> str:
    """The absolute path without "." and "..", symbolic links left as they are: the identity of an input."""
    return os.path.abspath(path)


def is_dicom(path: Path) -> bool:
    """Whether a file is to be read as DICOM: by its content, or else by its suffix."""
    return has_preamble(path) or path.suffix.lower() in DICOM_SUFFIXES


def _walk(folder: Path) -> Iterable[Path]:
    """All files below a folder, and the linked folders, which are not followed: they may lead in circles."""

    def refuse(error: OSError) -> None:
        raise BadInput(f"{error.filename}: folder cannot be read ({type(error).__name__})") from error

    for here, folders, files in os.walk(folder, onerror=refuse):
        yield from (Path(here, name) for name in files)
        yield from (path for name in folders if (path := Path(here, name)).is_symlink())


def _is_film_by_name(path: Path) -> bool:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        return False
    suffix = path.suffix.lower()
    if suffix in RASTER_SUFFIXES or suffix in DICOM_SUFFIXES:
        return True
    # Archives name files by number or by UID, whose last component looks like a suffix.
    unnamed = suffix == "" or suffix[1:].isdigit()
    return unnamed and path.name.upper() != "DICOMDIR" and has_preamble(path)
