"""What a dataset keeps of a patient: pseudonyms for ids and paths, further tags only on the user's wish."""

import hashlib
import hmac
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pydicom.datadict import dictionary_VR, tag_for_keyword

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.sources import has_image_suffix, suffix_of

SHORTEST_KEY = 16
"""Bytes. Patient ids are few and easily counted through: what keeps them is the key alone."""

HASH_DIGITS = 16
NO_TEXT = ("SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN")
"""Value representations (PS3.5 6.2) that hold no text for a cell of a table."""

REVEALING = (
    *("PatientID", "OtherPatientIDs", "PatientName", "OtherPatientNames", "PatientBirthName"),
    *("PatientMotherBirthName", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers"),
    *("MedicalRecordLocator", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
)
"""Keywords of tags whose values lead back to a patient, by themselves or in the archive's own database."""


def read_key(path: Path) -> bytes:
    """Read the key of patient hashes: all bytes of a file.

    Raises:
        BadInput: it cannot be read, or is too short to keep anything.
    """
    try:
        key = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: the key cannot be read ({type(error).__name__})") from error
    if len(key) < SHORTEST_KEY:
        raise BadInput(
            f"{path}: a key of {len(key)} bytes; at least {SHORTEST_KEY} are needed, "
            "such as `head -c 32 /dev/urandom` gives"
        )
    return key


def readable_by_others(path: Path) -> bool:
    """Whether a key's file may be read by other users of the machine."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def digest_key(key: bytes) -> str:
    """What may be written of a key, to recognize it: 64 hex digits of SHA-256."""
    return hashlib.sha256(key).hexdigest()


def pseudonym(text: str, key: bytes) -> str:
    """The first 16 hex digits of HMAC-SHA256 (RFC 2104) over a text, such as a patient id; "" stays ""."""
    if not text:
        return ""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]


def pseudonym_of_path(path: str, key: bytes) -> str:
    """The pseudonym of an image's path, with its suffix where that is one of images; "" stays ""."""
    name = PurePosixPath(path)
    return pseudonym(path, key) + (suffix_of(name) if has_image_suffix(name) else "")


def check_keep_tags(keywords: Sequence[str], pseudonymized: bool) -> tuple[str, ...]:
    """Check keywords of DICOM tags that the user wants in the manifest; each once, in their order.

    Raises:
        InvalidSetting: no keyword of the DICOM dictionary, no text, or one of REVEALING beside pseudonyms.
    """
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        if not keyword or tag is None:  # "" is a keyword there, of retired tags
            raise InvalidSetting("keep_tags", repr(keyword), "is no DICOM keyword, such as StudyDate")
        representation = dictionary_VR(tag)
        if any(part in NO_TEXT for part in representation.split(" or ")):
            raise InvalidSetting("keep_tags", keyword, f"holds no text ({representation})")
        if pseudonymized and keyword in REVEALING:
            raise InvalidSetting("keep_tags", keyword, "would reveal what `pseudonymize` hides")
    return tuple(dict.fromkeys(keywords))
