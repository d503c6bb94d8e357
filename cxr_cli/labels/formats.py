"""Label tables as public collections of chest images publish them: columns, and a class for each image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxr_cli.errors import BadInput
from cxr_cli.labels import by_image, by_reader, by_study
from cxr_cli.labels.choices import Format
from cxr_cli.labels.findings import NOT_GIVEN, StatedFindings
from cxr_cli.labels.table import LabelRow
from cxr_cli.reporting import SILENT, Reporter

POSITIVE, NEGATIVE = "positive", "negative"
"""Classes of images with and without the finding asked for."""

READER = "reader_"
"""Begins the columns of readers' calls, as classes; empty where one did not read an image."""


@dataclass(frozen=True)
class Published:
    """The format of the label tables, and the finding by which images are positive or negative.

    Without a finding an image's class is its one finding, and an image with several is left out.
    """

    format: Format
    finding: str | None = None


def read_published(
    tables: Sequence[Path], published: Published, reporter: Reporter = SILENT
) -> list[LabelRow]:
    """Read the label tables of a public collection.

    Raises:
        BadInput: a table is not of that format, or no image has the finding.
    """
    images = FORMATS[published.format](tables, reporter)
    if published.finding is None:
        return [_by_one_finding(image) for image in images]
    known = dict.fromkeys(name for image in images for name in (*image.found, *image.uncertain))
    if published.finding not in known:
        raise BadInput(
            f"{', '.join(map(str, tables))}: no image has the finding {published.finding!r}; "
            f"there are {', '.join(map(repr, known))}"
        )
    return [_by_finding(image, published.finding) for image in images]


def _by_one_finding(image: StatedFindings) -> LabelRow:
    calls = {reader: ", ".join(found) for reader, found in image.readers.items()}
    row = _with_calls(image.row, calls)
    if row.reason:
        return row
    if image.uncertain:
        return replace(row, reason=f"uncertain findings: {', '.join(image.uncertain)}")
    if image.one is not None:
        return replace(row, label=image.one)
    none = "no finding of most readers" if image.readers else NOT_GIVEN
    return replace(row, reason=f"several findings: {', '.join(image.found)}" if image.found else none)


def _by_finding(image: StatedFindings, finding: str) -> LabelRow:
    calls = {reader: _call(finding in found) for reader, found in image.readers.items()}
    row = _with_calls(image.row, calls)
    if row.reason:
        return row
    if finding in image.uncertain:
        return replace(row, reason=f"uncertain finding: {finding}")
    return replace(row, label=_call(finding in image.found))


def _call(found: bool) -> str:
    return POSITIVE if found else NEGATIVE


def _with_calls(row: LabelRow, calls: Mapping[str, str]) -> LabelRow:
    columns = {f"{READER}{reader}": call for reader, call in calls.items()}
    return replace(row, values={**row.values, **columns}) if columns else row


Read = Callable[[Sequence[Path], Reporter], list[StatedFindings]]


def _each(read: Callable[[Path, Reporter], list[StatedFindings]]) -> Read:
    """Read tables that stand for themselves."""
    return lambda tables, reporter: [image for table in tables for image in read(table, reporter)]


FORMATS: Mapping[str, Read] = {
    "nih": _each(by_image.read_nih),
    "rsna": _each(by_image.read_rsna),
    "covidx": _each(by_image.read_covidx_list),
    "cohen": _each(by_image.read_cohen),
    "chexpert": _each(by_image.read_chexpert),
    "padchest": _each(by_image.read_padchest),
    "vindr": _each(by_reader.read_vindr),
    "mimic": by_study.read_mimic,
    "siim": _each(by_image.read_siim),
    "openi": by_study.read_openi,
}
