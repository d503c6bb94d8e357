"""Packed inputs: files by gzip, and members of zip archives, named ARCHIVE.zip/MEMBER.

Listed, bounded, and read into memory, never unpacked on disk.
"""

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cxr_cli.images.rejected import RejectedImageError

SUFFIX = ".zip"
GZIP_SUFFIX = ".gz"

MAX_MEMBERS = 1_000_000
"""Files in one archive: ten times the largest public set of chest images."""

MAX_INPUT_BYTES = 2**30
"""One input, unpacked: it is read into memory; the largest detectors give 50 MB."""

PACKED_START = 2**16
"""Bytes of a packed member of which the first unpacked ones are had."""

MAX_TOTAL_BYTES = 2**42
"""All files of one archive, unpacked."""

MAX_RATIO = 100
"""Unpacked size over the archive's: 2 to 5 for images; thousands for a bomb, whose entries may overlap."""

_ENCRYPTED = 0x1


def is_archive(path: Path) -> bool:
    """Whether a path's name is that of a zip archive."""
    return path.suffix.lower() == SUFFIX


def archive_members(archive: Path) -> list[Path]:
    """The files in an archive as paths ARCHIVE/MEMBER; archives in it are listed as files and not opened.

    Raises:
        RejectedImageError: no zip archive, damaged, larger than the bounds, or with names that lead out of
            it.
    """
    return [archive / name for name in _open(archive).members]


def open_input(path: Path) -> BinaryIO:
    """Open an input, a file or a member of an archive; what is packed is read whole, within the bounds.

    Raises:
        RejectedImageError: an input that cannot be opened, an archive, or what cannot be unpacked.
    """
    if is_archive(path):
        _refuse_archive(path)
    place = _place_in_archive(path)
    if place is not None:
        stream: BinaryIO = io.BytesIO(_read_member(*place))
    else:
        try:
            stream = path.open("rb")
        except OSError as error:
            raise RejectedImageError(f"the file cannot be opened ({type(error).__name__})") from None
        if os.fstat(stream.fileno()).st_size > MAX_INPUT_BYTES:
            stream.close()
            raise RejectedImageError(f"a file larger than {MAX_INPUT_BYTES:,} bytes")
    if path.suffix.lower() != GZIP_SUFFIX:
        return stream
    with stream:
        return io.BytesIO(_gunzip(stream))


def _gunzip(stream: BinaryIO, count: int = MAX_INPUT_BYTES + 1) -> bytes:
    try:
        with gzip.open(stream) as unpacked:
            content = unpacked.read(count)
    except (OSError, EOFError, zlib.error) as error:
        raise RejectedImageError(f"damaged within its gzip packing ({type(error).__name__})") from None
    if len(content) > MAX_INPUT_BYTES:
        raise RejectedImageError(f"larger than {MAX_INPUT_BYTES:,} bytes within its gzip packing")
    return content


def input_size(path: Path) -> int:
    """The bytes of an input; 0 where a link leads nowhere or an archive cannot be opened."""
    place = _place_in_archive(path)
    try:
        return path.stat().st_size if place is None else _member(*place).file_size
    except (OSError, RejectedImageError):
        return 0


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of an input, unpacked; none where it cannot be read."""
    place = _place_in_archive(path)
    packed = path.suffix.lower() == GZIP_SUFFIX
    try:
        if place is not None:
            content = _read_member(*place, PACKED_START if packed else count)
            return _gunzip(io.BytesIO(content), count) if packed else content
        with path.open("rb", buffering=0) as stream:
            return _gunzip(stream, count) if packed else stream.read(count)
    except (OSError, RejectedImageError):
        return b""


def folder_name(path: Path) -> str:
    """The name of the folder that an input lies in; of an archive, its name without the suffix."""
    folder = Path(os.path.abspath(path)).parent
    return folder.stem if is_archive(folder) and not folder.is_dir() else folder.name


def _place_in_archive(path: Path) -> tuple[Path, str] | None:
    if SUFFIX not in str(path).lower():  # nearly always: parents take longer to list than a file to open
        return None
    for folder in path.parents:
        if is_archive(folder) and folder.is_file():
            return folder, path.relative_to(folder).as_posix()
    return None


def _refuse_archive(path: Path) -> None:
    if _place_in_archive(path) is not None:
        raise RejectedImageError("a zip archive within a zip archive, which is not opened")
    _open(path)  # says what is wrong with it
    raise RejectedImageError("a zip archive without images")


def _read_member(archive: Path, name: str, count: int = -1) -> bytes:
    opened, member = _open(archive), _member(archive, name)
    if member.flag_bits & _ENCRYPTED:
        raise RejectedImageError("encrypted within its zip archive")
    if member.file_size > MAX_INPUT_BYTES:
        raise RejectedImageError(f"larger than {MAX_INPUT_BYTES:,} bytes within its zip archive")
    try:
        # zipfile gives no more than the size that the archive's directory states, whatever the data hold.
        with opened.file.open(member) as stream:
            return stream.read(count)
    except Exception as error:  # of zipfile, and of each compression method
        raise RejectedImageError(f"damaged within its zip archive ({type(error).__name__})") from None


def _member(archive: Path, name: str) -> zipfile.ZipInfo:
    try:
        return _open(archive).members[name]
    except KeyError:
        raise RejectedImageError("no longer in its zip archive") from None


class _OpenArchive:
    """An archive within the bounds: its file, and its members by their names in one spelling."""

    def __init__(self, file: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        self.file = file
        self.members = members


def _open(archive: Path) -> _OpenArchive:
    try:
        state = archive.stat()
    except OSError as error:
        raise RejectedImageError(f"the file cannot be opened ({type(error).__name__})") from None
    return _opened(str(archive), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _opened(archive: str, _modified: int, size: int) -> _OpenArchive:
    """Open an archive, once a process while it stays as it is: images come in the order of their archives."""
    try:
        file = zipfile.ZipFile(archive)
    except Exception as error:  # a damaged directory breaks zipfile in many ways
        raise RejectedImageError(f"a zip archive that cannot be read ({type(error).__name__})") from None
    files = [member for member in file.infolist() if not member.is_dir()]
    total = sum(member.file_size for member in files)
    if len(files) > MAX_MEMBERS:
        raise RejectedImageError(f"a zip archive of more than {MAX_MEMBERS:,} files")
    if total > MAX_TOTAL_BYTES:
        raise RejectedImageError(f"a zip archive that unpacks to more than {MAX_TOTAL_BYTES:,} bytes")
    if total > MAX_RATIO * size:
        raise RejectedImageError(
            f"a zip archive that unpacks to more than {MAX_RATIO} times its size: a bomb"
        )
    members = {_spelled(member.filename): member for member in files}
    if any(name.startswith("/") or ".." in PurePosixPath(name).parts for name in members):
        raise RejectedImageError("a zip archive with names that lead out of it")
    return _OpenArchive(file, members)


def _spelled(name: str) -> str:
    """A member's name as a path spells it; old Windows tools wrote backslashes."""
    return PurePosixPath(name.replace("\\", "/")).as_posix()
