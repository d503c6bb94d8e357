"""The columns of a table of predictions: their names, and what their values say; each is checked here."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.operating_point import likely_positive
from cxr_cli.images.patient_ids import placeholder_notice, unite_ids, united_notice
from cxr_cli.recorded_values import is_missing, recorded
from cxr_cli.reporting import Reporter

SCORE, THRESHOLD, SPREAD = "score_", "threshold_", "spread_"
"""Before a class's name: the columns of its score, of its threshold, and of the spread of an ensemble."""
PREFIXES = (SCORE, THRESHOLD, SPREAD)

MODEL_ID = "model_id"
"""The column that names the model which gave the scores, see `TrainedRun.model_id`."""
NAMES = ("image_id", "patient_id", "label", "predicted", MODEL_ID)

ROUNDING = 1e-6
"""How far rounding may carry a probability out of 0 ... 1."""

TRUTH = {"true": "1", "false": "0"}
UNDECIDED = frozenset(("-1", "unclear", "uncertain", "unknown", "indeterminate", "equivocal", "possible"))
"""Keys of labels that are no class beside a lone score; -1 is CheXpert's "uncertain"."""


def with_known_names(path: Path, images: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of predictions their names, whatever capitals they are written with.

    Raises:
        BadInput: two columns are the same but for capitals, and neither has the name itself.
    """
    names: dict[str, list[str]] = {}
    for column in map(str, images.columns):
        known = column.casefold()
        prefix = next((prefix for prefix in PREFIXES if known.startswith(prefix)), None)
        name = known if known in NAMES else f"{prefix}{column[len(prefix) :]}" if prefix else column
        if name == column or name not in images:
            names.setdefault(name, []).append(column)
    for spellings in names.values():
        if len(spellings) > 1:
            raise BadInput(
                f"{path}: columns {' and '.join(map(repr, spellings))} differ in capitals alone; rename or "
                "delete one"
            )
    return images.rename(columns={column: name for name, (column, *_) in names.items()})


def key_of(text: str) -> str:
    """What spellings of one class have in common: 1, 1.0 and true are one, and so are composed letters."""
    word = unicodedata.normalize("NFC", text.strip())
    try:
        return f"{float(word):g}" if "_" not in word else word
    except ValueError:
        return TRUTH.get(word.casefold(), word)


def scored_classes(path: Path, images: pd.DataFrame) -> tuple[str, ...]:
    """Name the classes that there are scores of.

    Raises:
        BadInput: there is none, one without a name, or two whose names are one but for capitals or ".0".
    """
    classes = [str(column).removeprefix(SCORE) for column in images if str(column).startswith(SCORE)]
    if not classes:
        raise BadInput(f"{path}: no column '{SCORE}<class>'; it has {', '.join(map(repr, images.columns))}")
    spelled: dict[str, str] = {}
    for name in classes:
        if not name.strip():
            raise BadInput(f"{path}: column '{SCORE}{name}' names no class")
        other = spelled.setdefault(key_of(name).casefold(), name)
        if other != name:
            raise BadInput(
                f"{path}: columns '{SCORE}{other}' and '{SCORE}{name}' may be of one class; rename or delete "
                "one"
            )
    return tuple(classes)


def numbers(path: Path, column: "pd.Series[str]") -> NDArray[np.float64]:
    """Read a column of numbers.

    Raises:
        BadInput: one is missing, not finite, or something else.
    """
    found = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    for place in np.flatnonzero(~np.isfinite(found)):
        raise BadInput(f"{path}: line {place + 2}: {column.name} is {column.iloc[place]!r}, not a number")
    return found


def score_values(path: Path, images: pd.DataFrame, classes: Sequence[str]) -> NDArray[np.float64]:
    """Read the scores: [N, C]; what rounding carried out of 0 ... 1 is put back.

    Raises:
        BadInput: see `numbers`.
    """
    scores = np.stack([numbers(path, images[SCORE + name]) for name in classes], axis=1)
    return np.clip(scores, 0, 1) if -ROUNDING <= scores.min() <= scores.max() <= 1 + ROUNDING else scores


def class_numbers(path: Path, column: "pd.Series[str]", classes: Sequence[str]) -> NDArray[np.int64]:
    """Number the classes of a column: int [N].

    Raises:
        BadInput: a value is missing, or is none of the classes, by their names or as the same number.
    """
    return _numbered(path, column, {key_of(name): number for number, name in enumerate(classes)}, classes)


def _numbered(
    path: Path, column: "pd.Series[str]", number_of: Mapping[str, int], classes: Sequence[str]
) -> NDArray[np.int64]:
    found = {text: number_of.get(key_of(text), -1) for text in column.unique()}
    numbered = column.map(found).to_numpy(np.int64)
    for place in np.flatnonzero(numbered < 0):
        value = column.iloc[place]
        alike = [name for name in classes if name.casefold() == value.casefold()]
        hint = f"; {value!r} differs from {alike[0]!r} in capitals" if alike else ""
        raise BadInput(
            f"{path}: line {place + 2}: {column.name} is {value!r}; there are scores of "
            f"{', '.join(map(repr, classes))}{hint}"
        )
    return numbered


def other_class(path: Path, labels: "pd.Series[str]", name: str) -> str:
    """Name the class that a lone score sets its own against: the one other label, or "not <class>".

    Labels are the class and one other; or the other alone, if it is named like a negative; or 0 and 1, true
    and false.

    Raises:
        BadInput: a label is missing, or a third one, or undecided, or the class in other capitals.
    """
    own = key_of(name)
    found = {key_of(text): text for text in reversed(labels.unique().tolist())}
    if own not in found and set(found) <= {"0", "1"}:
        return f"not {name}"
    others = [key for key in found if key != own]
    wrong = [
        key
        for key in others
        if is_missing(key)
        or key.casefold() in UNDECIDED
        or key.casefold() == own.casefold()
        or (key == "1" and own != "0")
    ]
    negative = [key for key in others if likely_positive((key, name)) == 1]
    if not wrong and (len(others) > 1 or own not in found):
        wrong = [key for key in others if len(negative) != 1 or key not in negative]
    for place in np.flatnonzero(labels.map(key_of).isin(wrong)):
        raise BadInput(
            f"{path}: line {place + 2}: label is {labels.iloc[place]!r}; beside one score, '{SCORE}{name}', "
            f"labels are {name!r} and one other class, or 0 and 1"
        )
    return found[others[0]] if others else f"not {name}"


def binary_numbers(path: Path, column: "pd.Series[str]", classes: tuple[str, str]) -> NDArray[np.int64]:
    """Number the two classes of a lone score, which may be written as 0 and 1, too: int [N].

    Raises:
        BadInput: see `class_numbers`.
    """
    keys = [key_of(name) for name in classes]
    one = int(keys[1] != "0")
    return _numbered(path, column, {"0": 1 - one, "1": one, keys[0]: 0, keys[1]: 1}, classes)


def identified(
    path: Path, images: pd.DataFrame, reporter: Reporter, *, ids_verbatim: bool = False
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Check image_id, and number the patients; an image without patient is a patient of its own.

    Ids that differ only in zeros, blanks, case or .0 are one patient, unless they count verbatim.

    Returns:
        The table, where missing ids are "", and the patients: int [N].

    Raises:
        BadInput: an image is there twice.
    """
    images = images.assign(
        **{name: images[name].map(recorded) for name in ("image_id", "patient_id") if name in images}
    )
    if "image_id" in images:
        ids = images["image_id"]
        for place in np.flatnonzero((ids != "") & ids.duplicated()):
            first = int(np.flatnonzero(ids == ids.iloc[place])[0])
            raise BadInput(
                f"{path}: line {place + 2}: image_id {ids.iloc[place]!r} is in line {first + 2}, too; "
                "an image counts once: delete or average its other rows"
            )
        missing = int((ids == "").sum())
        if missing:
            reporter.say(f"{path}: {missing} of {len(ids)} images have no image_id")
    if "patient_id" not in images:
        return images, np.arange(len(images))
    united = unite_ids(images["patient_id"], images["patient_id"] if ids_verbatim else None)
    for notice in (united_notice(united), placeholder_notice(united.ids, "empty these cells")):
        if notice:
            reporter.say(f"{path}: {notice}")
    unknown = sum(not patient for patient in united.ids)
    if unknown:
        reporter.say(
            f"{path}: {unknown} of {len(images)} images have no patient_id: each counts as a patient of its "
            "own"
        )
    keys = [f"patient {patient}" if patient else f"row {row}" for row, patient in enumerate(united.ids)]
    return images, pd.factorize(np.array(keys, dtype=object))[0].astype(np.int64)
