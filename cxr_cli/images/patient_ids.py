"""Spellings of patient ids: which are of one patient, and which are of none."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxr_cli.recorded_values import recorded


def id_key(value: str) -> str:
    """What an id has in common with its other spellings: in case, blanks, leading zeros, or a float's ".0".

    "0001", "1" and "1.0" have one key, and so have "P01 ", "p01" and "P 1"; "" for a missing id. A blank
    between two digits counts: "1 23" is not "12 3". So do zeros after a dot, as in UIDs, and zeros before a
    letter, as in hexadecimal digits.
    """
    text = unicodedata.normalize("NFKC", recorded(value)).casefold()
    text = re.sub(r"\s+(?!\d)|(?<!\d)\s+", "", " ".join(text.split()))
    text = re.sub(r"^(\d+)\.0+$", r"\1", text)
    return re.sub(r"(?<![\d.])0+(?=\d+(?![^\W_]))", "", text)


@dataclass(frozen=True)
class UnitedIds:
    """Ids whose spellings were made one.

    Attributes:
        ids: [N], each in the first of its spellings; "" for a missing one.
        respelled: how many ids had several spellings.
        example: two spellings of the first of these; empty without any.
    """

    ids: tuple[str, ...]
    respelled: int
    example: tuple[str, ...]


def unite_ids(values: Iterable[str], keys: Iterable[str] | None = None) -> UnitedIds:
    """Write ids of one key in one way, the first of their spellings.

    Args:
        values: ids as they are written, [N].
        keys: what the ids of one patient have in common, "" for none; None takes `id_key`.
    """
    values = list(values)
    if keys is None:
        known = {value: id_key(value) for value in dict.fromkeys(values)}
        keys = [known[value] for value in values]
    spellings: dict[str, list[str]] = {}
    for value, key in dict.fromkeys(zip(values, keys, strict=True)):
        spellings.setdefault(key, []).append(value)
    several = [of for key, of in spellings.items() if key and len(of) > 1]
    return UnitedIds(
        tuple(recorded(spellings[key][0]) if key else "" for key in keys),
        len(several),
        tuple(several[0][:2]) if several else (),
    )


_PLACEHOLDERS = (
    "anonymous anonym anon anonymized anonymised anonymize deidentified deid unknown unk unbekannt noid "
    "nopatientid patient patientid test redacted removed hidden xxx"
)
PLACEHOLDERS = frozenset(_PLACEHOLDERS.split())
"""Keys of ids that name no patient: what anonymizing software writes in their place."""

DOMINATING = 0.5
"""Share of the images above which an id is likely no patient's."""
FEWEST = 10
"""Images of an id from which on that share counts."""


def placeholder_id(ids: Sequence[str]) -> tuple[str, int] | None:
    """The id that is likely no patient's, and its images: one on most images, or a word such as ANONYMOUS."""
    counts = Counter(value for value in ids if value)
    for value, images in counts.most_common():
        word = re.sub(r"[\W_]+", "", id_key(value))
        if images > 1 and (word in PLACEHOLDERS or (images >= FEWEST and images > DOMINATING * len(ids))):
            return value, images
    return None


GIVE_PATIENTS = (
    "give `cxr preprocess` a label table with a column of patients; its column of paths, taken as that one, "
    "makes each image a patient of its own"
)
"""What to do about a dataset whose ids are no patients'."""


def placeholder_notice(ids: Sequence[str], remedy: str = GIVE_PATIENTS) -> str | None:
    """What to say of an id that is likely no patient's, and what to do; None without one."""
    found = placeholder_id(ids)
    if found is None:
        return None
    value, images = found
    return (
        f"patient_id {value!r} is on {images} of {len(ids)} images, which count as one patient; "
        f"if it is no patient's, {remedy}"
    )


def united_notice(united: UnitedIds) -> str | None:
    """What to say of ids whose spellings were made one; None without any."""
    if not united.respelled:
        return None
    one, other = united.example
    return (
        f"patient ids that differ only in zeros, blanks, case or .0, each taken as one patient: "
        f"{united.respelled}, such as {one!r} and {other!r}; `ids_verbatim` keeps them apart"
    )
