"""What a published label table states of an image, and what its readers share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_cli.errors import BadInput
from cxr_cli.labels.table import LabelRow, own_column
from cxr_cli.recorded_values import is_missing, recorded
from cxr_cli.reporting import Reporter
from cxr_cli.user_tables import read_user_table

Row = Mapping[str, str]

NOT_GIVEN = "no finding given"
"""Why an image is left out of which a table names findings, and names none; it is not negative."""

CHEXPERT_FINDINGS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)


@dataclass(frozen=True)
class StatedFindings:
    """What a published table says of an image.

    Attributes:
        row: path and values; its label is still empty; its reason stands where nothing else counts.
        found: the findings it has; also names of groups that they belong to.
        uncertain: the findings it may have.
        one: the one finding it has; None where it has none or several.
        readers: the findings by each reader, where these are stated; a column of the manifest each.
    """

    row: LabelRow
    found: tuple[str, ...]
    uncertain: tuple[str, ...] = ()
    one: str | None = None
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def of_findings(
    row: LabelRow,
    found: Sequence[str],
    uncertain: Sequence[str] = (),
    readers: Mapping[str, tuple[str, ...]] | None = None,
) -> StatedFindings:
    """State findings of which one, if it is the only one, is the image's class."""
    one = found[0] if len(found) == 1 else None
    return StatedFindings(row, tuple(found), tuple(uncertain), one, readers or {})


def read_rows(table: Path, required: Sequence[str], reporter: Reporter) -> list[Row]:
    """Read the rows of a table, see `read_user_table`."""
    rows = read_user_table(table, required, reporter=reporter).to_dict(orient="records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def values_of(row: Row, meaning: Mapping[str, str | None]) -> dict[str, str]:
    """A row's values by manifest column; without what means None, and columns without a name."""
    columns = {name: meaning.get(name, own_column(name)) for name in row if not name.startswith("Unnamed: ")}
    return {column: row[name] for name, column in columns.items() if column is not None}


def several(text: str, separator: str) -> list[str]:
    """The parts of a text, without those that are missing."""
    return [part.strip() for part in text.split(separator) if not is_missing(part)]


def stated_in_columns(table: Path, number: int, row: Row) -> tuple[list[str], list[str]]:
    """The findings and the uncertain ones of a row with CheXpert's columns: 1, -1; 0 or blank is neither.

    Raises:
        BadInput: another value.
    """
    values = {"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": -1, "-1.0": -1}
    stated = {name: recorded(row[name]) for name in CHEXPERT_FINDINGS if name in row}
    for name, text in stated.items():
        if text not in values:
            raise BadInput(
                f"{table}: row {number}, column {name!r} holds {text!r}; known are 1, 0, -1 and empty"
            )
    found, uncertain = ([name for name, text in stated.items() if values[text] == sign] for sign in (1, -1))
    return found, uncertain
