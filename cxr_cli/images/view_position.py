"""Which projections are taken: the view that a header or a label table states, and the part of the body."""

import re

from pydicom.dataset import Dataset

from cxr_cli.errors import InvalidSetting
from cxr_cli.images.rejected import RejectedImageError

FRONTAL = ("PA", "AP")
"""The views that are taken unless the user says otherwise."""

WORDS = {
    "PA": "PA",
    "POSTEROANTERIOR": "PA",
    "AP": "AP",
    "ANTEROPOSTERIOR": "AP",
    "LATERAL": "LATERAL",
    "LAT": "LATERAL",
    "L": "LATERAL",
    "LL": "LATERAL",
    "RL": "LATERAL",
    "LLAT": "LATERAL",
    "RLAT": "LATERAL",
    "LLATERAL": "LATERAL",
    "RLATERAL": "LATERAL",
    "ML": "LATERAL",
    "LM": "LATERAL",
    "OBLIQUE": "OBLIQUE",
    "OBL": "OBLIQUE",
    "LAO": "OBLIQUE",
    "RAO": "OBLIQUE",
    "LPO": "OBLIQUE",
    "RPO": "OBLIQUE",
    "LLO": "OBLIQUE",
    "RLO": "OBLIQUE",
}
"""Words of ViewPosition (PS3.3 C.8.7.1.1.2 and what archives write) and the view that each means."""

VIEWS = tuple(dict.fromkeys(WORDS.values()))
"""The views that are distinguished."""

DECUBITUS = ("DECUBITUS", "DECUB", "LLD", "RLD")
"""Lying on the side: such an image is called lateral and is a frontal one."""

CODES = {
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-40888": "PA",
    "399067008": "LATERAL",
    "R-102CD": "LATERAL",
    "399173006": "LATERAL",
    "R-10236": "LATERAL",
    "399198007": "LATERAL",
    "R-10232": "LATERAL",
    "399260004": "LATERAL",
    "R-10224": "LATERAL",
    "399352003": "LATERAL",
    "R-10228": "LATERAL",
    "399182000": "OBLIQUE",
    "R-102C1": "OBLIQUE",
    "399135007": "OBLIQUE",
    "R-10220": "OBLIQUE",
    "399006002": "OBLIQUE",
    "R-10212": "OBLIQUE",
    "399356000": "OBLIQUE",
    "R-40985": "OBLIQUE",
    "399038007": "OBLIQUE",
    "R-10210": "OBLIQUE",
    "399184004": "OBLIQUE",
    "R-10238": "OBLIQUE",
    "399236003": "OBLIQUE",
    "R-10234": "OBLIQUE",
}
"""Codes of ViewCodeSequence, SNOMED CT and SNOMED RT (PS3.16 CID 4010), and the view that each means."""

OTHER_BODY_PARTS = frozenset(
    {
        "ABDOMEN",
        "ANKLE",
        "ARM",
        "BLADDER",
        "BREAST",
        "CALCANEUS",
        "CALF",
        "CERVICALSPINE",
        "CLAVICLE",
        "COCCYX",
        "COLON",
        "CSPINE",
        "ELBOW",
        "EXTREMITY",
        "FACE",
        "FEMUR",
        "FINGER",
        "FOOT",
        "FOREARM",
        "HAND",
        "HEAD",
        "HEEL",
        "HIP",
        "HUMERUS",
        "JAW",
        "KIDNEY",
        "KNEE",
        "LEG",
        "LSPINE",
        "LSSPINE",
        "LUMBARSPINE",
        "MANDIBLE",
        "MAXILLA",
        "NECK",
        "ORBIT",
        "PATELLA",
        "PELVIS",
        "SHOULDER",
        "SINUS",
        "SKULL",
        "SPINE",
        "SSPINE",
        "STOMACH",
        "TEETH",
        "THIGH",
        "THORACICSPINE",
        "THUMB",
        "TIBIAFIBULA",
        "TMJ",
        "TOE",
        "TSPINE",
        "WHOLEBODY",
        "WRIST",
        "ZYGOMA",
    }
)
"""Values of BodyPartExamined (PS3.16 annex L), spaces and hyphens taken out, that are not the chest."""


def parse_views(text: str) -> tuple[str, ...] | None:
    """Read a list such as "PA,AP"; "any" gives None.

    Raises:
        InvalidSetting: a word that is none of VIEWS.
    """
    views = tuple(view.strip().upper() for view in text.split(","))
    if views == ("ANY",):
        return None
    for view in views:
        if view not in VIEWS:
            raise InvalidSetting("views", text, f"{view!r} is none of {', '.join(VIEWS)}, any")
    return views


def view_of(stated: str) -> str:
    """The view that a statement in words means, one of VIEWS; "" where it means none of them."""
    words = re.split(r"[^A-Z]+", stated.upper().replace("-", ""))
    frontal = next((WORDS[word] for word in words if WORDS.get(word) in FRONTAL), "")
    if frontal or any(word in DECUBITUS for word in words):
        return frontal
    return next((WORDS[word] for word in words if word in WORDS), "")


def coded_view(header: Dataset) -> str:
    """The view that a header's ViewCodeSequence means, one of VIEWS; "" where it means none of them."""
    items = header.get("ViewCodeSequence") or []
    return CODES.get(str(items[0].get("CodeValue", "")), "") if items else ""


def check_view(stated: str, views: tuple[str, ...] | None) -> None:
    """Refuse an image whose stated view is none of `views`; None takes every view, and unknown ones pass.

    Raises:
        RejectedImageError: another view.
    """
    view = view_of(stated)
    if views is not None and view and view not in views:
        raise RejectedImageError(f"{view} view; taken are {', '.join(views)}")


def check_chest(header: Dataset) -> None:
    """Refuse an image whose header states another part of the body than the chest.

    Raises:
        RejectedImageError: another part of the body.
    """
    part = re.sub(r"[^A-Z]+", "", str(header.get("BodyPartExamined") or "").upper())
    if part in OTHER_BODY_PARTS:
        raise RejectedImageError(f"not the chest: BodyPartExamined {part}")
