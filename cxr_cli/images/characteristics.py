"""What a manifest says of an image besides its pixels: from the DICOM header, and from the user's table."""

from collections.abc import Callable, Mapping
from datetime import date
from math import inf

from pydicom.dataset import Dataset

from cxr_cli.images import portable, view_position
from cxr_cli.images.view_position import coded_view, header_view, view_of
from cxr_cli.recorded_values import age_between, age_in_years, is_unknown, recorded, sex_code

MANIFEST_COLUMNS = (
    "image_id",
    "row",
    "source",
    "patient_id",
    "label",
    "view_position",
    "sex",
    "age",
    "manufacturer",
    "manufacturer_raw",
    "model",
    "portable",
    "portable_evidence",
    "station",
    "institution",
    "year",
    "pixel_spacing",
    "transfer_syntax",
    "bits_stored",
    "inverted",
    "presentation_intent",
    "patient_id_raw",
    "view_position_raw",
    "sex_raw",
    "age_raw",
    "pixel_mapping",
)
"""The columns that every manifest has, before those of the user's own label tables."""


def age_or_group(age: str) -> str:
    """An age of a table in years; a group, such as 40-49, as it is; "" for none, or an impossible age."""
    return age_in_years(age) or ("" if is_unknown("age", age) else age.strip())


NORMALIZED: Mapping[str, Callable[[str], str]] = {
    "patient_id": recorded,
    "view_position": view_of,
    "sex": sex_code,
    "age": age_or_group,
}
"""What is written in one way whatever its spelling, "" where it is missing; `..._raw` has it as written."""

FROM_TABLE = tuple(NORMALIZED)
"""The characteristics for which a value in the user's table stands above the header's."""

RAW_COLUMNS = tuple(f"{column}_raw" for column in NORMALIZED)

HEADER_KEYWORDS = {
    "patient_id_raw": "PatientID",
    "sex_raw": "PatientSex",
    "age_raw": "PatientAge",
}
"""What is kept as written, beside the normalized value."""

EQUIPMENT_KEYWORDS = {
    "manufacturer_raw": "Manufacturer",
    "model": "ManufacturerModelName",
    "station": "StationName",
    "institution": "InstitutionName",
}

DATES_OF_IMAGE = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing")
"""In this order: a PixelSpacing beside the detector's own is the calibrated one (PS3.3 10.7.1)."""


def header_characteristics(header: Dataset) -> dict[str, str]:
    """The characteristics that a DICOM header states, as text; "" where it is silent. No name, no dates.

    `age` in years, `sex` and `view_position` normalized, and `..._raw` as written; `year` that of the study;
    `pixel_spacing` in mm (rows\\columns where the two differ); `portable` and `portable_evidence` as
    `portable.portability` gives them.
    """
    raw = {column: _text(header, keyword) for column, keyword in HEADER_KEYWORDS.items()}
    mobility, evidence = portable.portability(
        {keyword: _text(header, keyword) for keyword in portable.KEYWORDS}
    )
    views = {keyword: "\\".join(_values(header, keyword)) for keyword in view_position.KEYWORDS}
    view = header_view(views, coded_view(header))
    return {
        **raw,
        "patient_id": recorded(raw["patient_id_raw"]),
        "view_position": view.view,
        "view_position_raw": view.statement,
        "sex": sex_code(raw["sex_raw"]),
        "age": age_in_years(raw["age_raw"]) or _age_from_dates(header),
        **{column: recorded(_text(header, keyword)) for column, keyword in EQUIPMENT_KEYWORDS.items()},
        "portable": mobility,
        "portable_evidence": evidence,
        "year": str(taken.year) if (taken := _date_of_image(header)) else "",
        "pixel_spacing": next((spacing for tag in SPACINGS if (spacing := _spacing(header, tag))), ""),
    }


def kept_values(header: Dataset, keywords: tuple[str, ...]) -> dict[str, str]:
    """The header's values of these keywords, on the user's own wish; "" where it is silent."""
    return {keyword: "\\".join(_values(header, keyword)) for keyword in keywords}


def combine(header: Mapping[str, str], table: Mapping[str, str]) -> dict[str, str]:
    """One image's characteristics: the table's values win over the header's where they say something.

    A value that means nothing, such as an age of 412, says less than one of the other source that does.
    """
    combined = {**table, **header}
    for column, normalize in NORMALIZED.items():
        raw = f"{column}_raw"
        written = table.get(column, "").strip()
        sources = (normalize(written), written), (header.get(column, ""), header.get(raw, ""))
        combined[column], combined[raw] = max(sources, key=lambda source: (bool(source[0]), bool(source[1])))
    return combined


def _age_from_dates(header: Dataset) -> str:
    birth, taken = _date(header, "PatientBirthDate"), _date_of_image(header)
    return age_between(birth, taken) if birth and taken else ""


def _date_of_image(header: Dataset) -> date | None:
    return next((day for keyword in DATES_OF_IMAGE if (day := _date(header, keyword))), None)


def _date(header: Dataset, keyword: str) -> date | None:
    """A DICOM date (DA, PS3.5 6.2: YYYYMMDD, in old files YYYY.MM.DD); None where it is none."""
    digits = _text(header, keyword).replace(".", "")
    if not (len(digits) == 8 and digits.isascii() and digits.isdigit()):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _spacing(header: Dataset, keyword: str) -> str:
    """Spacing of rows and columns in mm; "" where it is none."""
    try:
        numbers = [float(value) for value in _values(header, keyword)]
    except ValueError:
        return ""
    if len(numbers) != 2 or not all(0 < number < inf for number in numbers):
        return ""
    return "\\".join(f"{number:g}" for number in dict.fromkeys(numbers))


def _text(header: Dataset, keyword: str) -> str:
    """An element's value on one line; of several values, the first."""
    return next(iter(_values(header, keyword)), "")


def _values(header: Dataset, keyword: str) -> list[str]:
    """An element's values, each on one line; none where it is missing or empty."""
    try:
        value = header.get(keyword)
    except Exception:  # a value that its type cannot hold says nothing
        return []
    if value is None:
        return []
    several = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return [" ".join(str(one).replace("\0", " ").split()) for one in several]
