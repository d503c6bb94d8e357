"""What a dataset keeps of a patient: hashes in the place of ids, and other tags only on the user's wish."""

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

from cxr_cli.errors import BadInput, InvalidSetting

SHORTEST_KEY = 16
"""Bytes. Patient ids are few and easily counted through: what keeps them is the key alone."""

HASH_DIGITS = 16
NO_TEXT = ("SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN")
"""Value representations (PS3.5 6.2) that hold no text for a cell of a table."""

PATIENT_IDS = ("PatientID", "OtherPatientIDs")


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


def digest_key(key: bytes) -> str:
    """What may be written of a key, to recognize it: 64 hex digits of SHA-256."""
    return hashlib.sha256(key).hexdigest()


def hash_patient(patient_id: str, key: bytes) -> str:
    """The first 16 hex digits of HMAC-SHA256 (RFC 2104) over a patient id; "" stays ""."""
    if not patient_id:
        return ""
    return hmac.new(key, patient_id.encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]


def check_keep_tags(keywords: Sequence[str], hashed: bool) -> tuple[str, ...]:
    """Check keywords of DICOM tags that the user wants in the manifest; each once, in their order.

    Raises:
        InvalidSetting: no keyword of the DICOM dictionary, no text, or the patient's id where ids are hashed.
    """
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        if not keyword or tag is None:  # "" is a keyword there, of retired tags
            raise InvalidSetting("keep_tags", repr(keyword), "is no DICOM keyword, such as StudyDate")
        representation = dictionary_VR(tag)
        if any(part in NO_TEXT for part in representation.split(" or ")):
            raise InvalidSetting("keep_tags", keyword, f"holds no text ({representation})")
        if hashed and keyword in PATIENT_IDS:
            raise InvalidSetting("keep_tags", keyword, "would reveal what `hash_patients` hides")
    return tuple(dict.fromkeys(keywords))
