"""What a finished dataset says of the characteristics of its images: a line each, with a count."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isnan

from cxr_cli.images.patient_ids import placeholder_notice
from cxr_cli.images.raster import BURNED_IN, DESPITE
from cxr_cli.images.view_position import EITHER, is_contradicted
from cxr_cli.recorded_values import is_impossible_age, is_open_age, is_sex, is_unknown, number_of

Record = Mapping[str, str]


def notices(images: Sequence[Record], views: Collection[str] | None) -> Iterator[str]:
    """What was not taken as it was written.

    Args:
        images: records of a manifest.
        views: those that were taken; None took all.
    """

    def counted(found: Iterator[bool], what: str, column: str = "") -> Iterator[str]:
        count = sum(found)
        if count:
            yield f"{what}: {count} of {len(images)}" + f" (column {column})" * bool(column)

    yield from counted(
        (bool(image["patient_id_raw"]) and not image["patient_id"] for image in images),
        "images whose patient id is a word for a missing value, each a patient of its own",
    )
    placeholder = placeholder_notice([image["patient_id"] for image in images])
    if placeholder:
        yield placeholder
    yield from counted(
        (not image["age"] and _means_something(image["age_raw"]) for image in images),
        "images whose age is left empty: negative, over 120 years, or no age",
        "age_raw",
    )
    yield from counted(
        (bool(image["age"]) and isnan(number_of("age", image["age"])) for image in images),
        "images whose age is no number of years, kept as written",
        "age_raw",
    )
    yield from counted(
        (is_open_age(image["age_raw"]) for image in images),
        "images whose age has an open end, such as 90+, read as 90",
        "age_raw",
    )
    yield from counted(
        (not is_sex(image["sex"]) for image in images),
        "images whose sex is none of M, F and O, kept as written",
        "sex_raw",
    )
    yield from counted(
        (is_contradicted(image["view_position_raw"]) for image in images),
        "images on whose view the header contradicts itself, the first statement followed",
        "view_position_raw",
    )
    yield from counted(
        (DESPITE in image["pixel_mapping"] for image in images),
        f"images whose header and pixels disagree, read as it says after {DESPITE.strip()!r}",
        "pixel_mapping",
    )
    yield from counted(
        (BURNED_IN in image["pixel_mapping"] for image in images),
        "images whose header says that text is burned into the pixels: look at them before they travel",
        "pixel_mapping",
    )
    unknown, frontal = (sum(image["view_position"] == view for image in images) for view in ("", EITHER))
    if views is not None and (unknown or frontal):
        either = f"; frontal ones, PA or AP not stated: {frontal}" if frontal else ""
        yield f"images of unknown view, taken: {unknown} of {len(images)}{either}"


def _means_something(age: str) -> bool:
    return is_impossible_age(age) or not is_unknown("age", age)
