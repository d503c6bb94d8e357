"""Which projections are taken: the view that a header or a label table states, and the part of the body."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from pydicom.dataset import Dataset

from cxr_cli.errors import InvalidSetting
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.recorded_values import recorded

FRONTAL = ("PA", "AP")
"""The views that are taken unless the user says otherwise."""

VIEWS = (*FRONTAL, "LATERAL", "OBLIQUE")
"""The views that can be asked for."""

EITHER = "FRONTAL"
"""A frontal view of which it is not stated whether it is PA or AP; taken wherever one of them is."""

WORDS = {
    "PA": r"p[-./]?a|d[./]?v|(?:post(?:ero|erior)?|dorso)[-./ ]?(?:ant|ventr)\w*",
    "AP": r"a[-./]?p|v[./]?d|(?:ant(?:ero|erior)?|ventro)[-./ ]?(?:post|dors)\w*",
    EITHER: r"frontal\w*|front|face|frente|прям\w*|lordoti\w*|[lr]ld|decub\w*",
    "LATERAL": r"(?:[lr]t?)?[- ]?lat[lr]?|(?:[lr]t?)?[- ]?lateral(?:e[nrs]?|is)?|latero[- ]?lateral\w*|ll|rl|"
    r"profile?|profilo|perfil|seitlich\w*|seitl|zijdelings\w*|boc[nz]\w*|bok|oldal\w*|sivu\w*|бок\w*|πλαγι\w*|"
    r"swimmers?",
    "OBLIQUE": r"obl|obli[qc]\w*|schrag\w*|[lr][apl]o",
}
"""How archives call each view: ViewPosition (PS3.3 C.8.7.1.1.2), label tables, descriptions, of any case and
without accents, in several languages."""

UNSPACED_WORDS = {
    "PA": "后前位|後前位",
    "AP": "前后位|前後位",
    EITHER: "正面|正位",
    "LATERAL": "側面|側位|侧位|측면",
}
"""The same in scripts that have no blanks between words."""

SHORT_WORDS = {"LATERAL": "l|ml|lm"}
"""What means a view where nothing but a view is stated."""

DECUBITUS = re.compile("decub", re.IGNORECASE)
"""On the side, the beam level: called lateral, but a frontal view."""

SUPINE_DECUBITUS = re.compile(r"(?:dors|ventr)\w* decub", re.IGNORECASE)
"""On the back or the front, the beam level: a lateral view."""

SEVERAL = re.compile(
    r"(?:\b[2-9]|two|three|zwei|deux|dos|due|duas) ?(?:v(?:ws?|iews?)?|p|pr\w*|ebenen|inc\w*)\b",
    re.IGNORECASE,
)
"""What an examination of more than one image is called."""

SERIES_TEXTS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
STUDY_TEXTS = ("PerformedProcedureStepDescription", "StudyDescription", "RequestedProcedureDescription")
ORIENTATION = "PatientOrientation"
UPRIGHT = re.compile(r"(?P<side>[APLR])[FH]?\\[FH][APLRFH]{0,2}")
"""Rows to one side and columns to the feet, or the head."""
BUT = ", but "
"""What stands between two statements of a header that contradict each other."""
KEYWORDS = ("ViewPosition", ORIENTATION, *SERIES_TEXTS, *STUDY_TEXTS)
"""The tags that say which view it is, besides ViewCodeSequence."""

CODES = {
    "PA": "272479007 R-40888 R-10214",
    "AP": "399348003 R-10206",
    EITHER: "399033003 R-10202",
    "LATERAL": "399067008 R-102CD 399173006 R-10236 399198007 R-10232 399260004 R-10224 399352003 R-10228 "
    "30730003 G-A145",
    "OBLIQUE": "399182000 R-102C1 399135007 R-10220 399006002 R-10212 399356000 R-40985 R-10218 399038007 "
    "R-10210 399184004 R-10238 399236003 R-10234 399160007 R-10204 399312000 R-10208 399059000 R-10216 "
    "399368009 R-10226 399099002 R-10230 260426006 R-40782 260427002 R-40783 399225005 R-10250 399288005 "
    "R-10248 399004004 R-10246 399132005 R-10252 399325008 R-10254",
}
"""Codes of ViewCodeSequence, SNOMED CT and SNOMED RT (PS3.16 CID 4010, the early editions too)."""

VIEW_OF_CODE = {code: view for view, codes in CODES.items() for code in codes.split()}


def _not_within_words(patterns: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {
        view: re.compile(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])", re.IGNORECASE)
        for view, words in patterns.items()
    }


PATTERNS = (
    *_not_within_words(WORDS).items(),
    *((view, re.compile(words)) for view, words in UNSPACED_WORDS.items()),
)
SHORT_PATTERNS = (*PATTERNS, *_not_within_words(SHORT_WORDS).items())

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
        "EXTREMETY",
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


class StatedView(NamedTuple):
    """A view, one of VIEWS, EITHER, or "" where it is not known; and the statement that says so."""

    view: str
    statement: str


def view_of(stated: str) -> str:
    """The view that ViewPosition or a label table states: one of VIEWS, EITHER, or "" where it is neither."""
    return _view_in_words(recorded(stated), SHORT_PATTERNS).view


def coded_view(header: Dataset) -> StatedView:
    """The view of a header's ViewCodeSequence, by code and meaning; none where the two contradict."""
    items = header.get("ViewCodeSequence") or []
    if not items:
        return StatedView("", "")
    item = items[0]
    code = str(item.get("CodeValue") or item.get("LongCodeValue") or "").strip()
    by_meaning = _view_in_words(str(item.get("CodeMeaning") or ""), PATTERNS)
    view = _one_view({VIEW_OF_CODE.get(code, ""), by_meaning.view} - {""})
    words = " ".join((code if code in VIEW_OF_CODE else "", by_meaning.statement)).strip()
    return StatedView(view, f"ViewCodeSequence {words}" if words else "")


def header_view(stated: Mapping[str, str], coded: StatedView) -> StatedView:
    """The view that a header states, by the first of its tags that says one.

    ViewPosition and the codes come first, then an A or P along the rows of PatientOrientation (seen from the
    side), words for a view in what the series is called, an L or R along the rows. What was ordered, the
    study, says no more than lateral: AP images are taken of patients for whom PA was ordered.

    Args:
        stated: values by keyword, of those in KEYWORDS.
        coded: as `coded_view` gives it.

    Returns:
        The view, and as its statement ViewPosition as written; or the other tag and the words found in it.
        Where a later tag of image or series contradicts, it follows after "but".
    """
    own = StatedView(view_of(stated.get("ViewPosition", "")), stated.get("ViewPosition", ""))
    orientation = _view_by_orientation(stated.get(ORIENTATION, ""))
    of_image = [own, coded]
    if orientation.view == "LATERAL":
        of_image.append(orientation)
    known = [each for each in (*of_image, *_described(stated, SERIES_TEXTS)) if each.view]
    ordered = [each for each in _described(stated, STUDY_TEXTS) if each.view == "LATERAL"]
    first = next((each for each in (*known, orientation, *ordered) if each.view), own)
    against = next((each for each in known if not _one_view({each.view, first.view})), None)
    return first if against is None else first._replace(statement=first.statement + BUT + against.statement)


def is_contradicted(statement: str) -> bool:
    """Whether a statement is of a header whose tags contradict each other."""
    return BUT in statement


def _described(stated: Mapping[str, str], keywords: tuple[str, ...]) -> Iterator[StatedView]:
    for keyword in keywords:
        text = stated.get(keyword, "")
        found = _view_in_words(text, PATTERNS)
        if found.view and not (keyword in STUDY_TEXTS and SEVERAL.search(text)):
            yield StatedView(found.view, f"{keyword} {found.statement}")


def _view_by_orientation(orientation: str) -> StatedView:
    """The view by PatientOrientation (PS3.3 C.7.6.1.1.1): where the rows and the columns lead to."""
    match = UPRIGHT.fullmatch(orientation.upper())
    if match is None:
        return StatedView("", "")
    return StatedView("LATERAL" if match["side"] in ("A", "P") else EITHER, f"{ORIENTATION} {match[0]}")


@lru_cache(maxsize=4096)  # few of them differ from image to image
def _view_in_words(text: str, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> StatedView:
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", plain)
    found = [(view, match[0].strip()) for view, words in patterns if (match := words.search(plain))]
    views = {view for view, _ in found}
    if DECUBITUS.search(plain):
        views = {"LATERAL"} if SUPINE_DECUBITUS.search(plain) else views - {"LATERAL"}
    return StatedView(_one_view(views), " ".join(dict.fromkeys(words for _, words in found)))


def _one_view(views: set[str]) -> str:
    """The view that several statements have in common; "" where they contradict each other."""
    if len(views) < 2:
        return next(iter(views), "")
    if "OBLIQUE" in views:
        return "OBLIQUE"
    if "LATERAL" in views:
        return ""
    return EITHER if set(FRONTAL) <= views else next(view for view in FRONTAL if view in views)


def is_taken(view: str, views: tuple[str, ...] | None) -> bool:
    """Whether `views` have a view; None has all, and views that are not known count as taken."""
    return views is None or not view or view in views or (view == EITHER and bool({*FRONTAL} & {*views}))


def check_view(stated: str, views: tuple[str, ...] | None) -> None:
    """Refuse an image whose stated view is none of `views`; None takes every view, and unknown ones pass.

    Raises:
        RejectedImageError: another view.
    """
    view = view_of(stated)
    if views is not None and not is_taken(view, views):
        raise RejectedImageError(f"{view} view; taken are {', '.join(views)}")


def check_chest(header: Dataset) -> None:
    """Refuse an image whose header states another part of the body than the chest.

    Raises:
        RejectedImageError: another part of the body.
    """
    part = re.sub(r"[^A-Z]+", "", str(header.get("BodyPartExamined") or "").upper())
    if part in OTHER_BODY_PARTS:
        raise RejectedImageError(f"not the chest: BodyPartExamined {part}")
