"""The predictions file: written by `cxr test` and `cxr predict`, read from there or from another tool."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import read_csv, write_csv
from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import OperatingPoint, positive_class
from cxr_cli.images.characteristics import RAW_COLUMNS
from cxr_cli.splitting.patients import patient_numbers

if TYPE_CHECKING:
    from cxr_cli.prediction.scores import Scores  # imports JAX, which no reader of a file needs

SCORE, THRESHOLD, SPREAD = "score_", "threshold_", "spread_"

STORAGE_COLUMNS = ("row", "image_id", "patient_id", "label", *RAW_COLUMNS)
"""Columns of the manifest that are not characteristics of the images."""


def predictions_table(
    dataset: Dataset,
    rows: NDArray[np.int64],
    scores: "Scores",
    classes: tuple[str, ...],
    point: OperatingPoint | None = None,
    *,
    labels: bool = True,
    spread: NDArray[np.float32] | None = None,
) -> pd.DataFrame:
    """Make the table of predictions: one row for each image, with its characteristics.

    Args:
        dataset: the images.
        rows: which of them.
        scores: of these images.
        classes: their names.
        point: by which one of two classes is predicted; its threshold gets a column of its own, so that the
            table says by itself what `predicted` follows.
        labels: whether the images' labels are known.
        spread: [N, C], of an ensemble: the standard deviation of the scores over its runs.
    """
    images = dataset.manifest.iloc[rows].reset_index(drop=True)
    columns = {name: images[name] for name in ("image_id", "patient_id", *(["label"] if labels else []))}
    columns["predicted"] = pd.Series(np.array(classes, dtype=object)[scores.predicted])
    scored = pd.DataFrame({f"{SCORE}{name}": scores.values[:, i] for i, name in enumerate(classes)})
    if point is not None:
        scored[f"{THRESHOLD}{point.positive}"] = point.threshold
    if spread is not None:
        scored = scored.assign(**{f"{SPREAD}{name}": spread[:, i] for i, name in enumerate(classes)})
    known = images.drop(columns=list(STORAGE_COLUMNS), errors="ignore")
    # A column of the user's own may bear one of these names: the manifest's keeps its table_ prefix.
    known = known.rename(columns={name: f"table_{name}" for name in known if name in {"predicted", *scored}})
    return pd.concat([pd.DataFrame(columns), scored, known], axis=1)


def by_score(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sort a table of predictions by the score of a class, highest first, ties in their order."""
    return table.iloc[np.argsort(-table[f"{SCORE}{name}"].to_numpy(), kind="stable")]


def write_predictions(path: Path, table: pd.DataFrame) -> None:
    """Write a table of predictions as CSV."""
    write_csv(path, table)


@dataclass(frozen=True)
class Predictions:
    """A predictions file, read.

    Attributes:
        path: of the file.
        answers: labels, predicted classes and scores; with a positive class, of two classes.
        images: the table itself, all text.
        rule: how an image is called positive, or assigned to a class, in words.
    """

    path: Path
    answers: Answers
    images: pd.DataFrame
    rule: str

    def column(self, name: str) -> list[str]:
        """Return a characteristic of the images.

        Raises:
            BadInput: no such column; the message names those there are.
        """
        if name not in self.images:
            known = [column for column in self.images.columns if not column.startswith((SCORE, THRESHOLD))]
            raise BadInput(f"{self.path}: no column {name!r}; it has {', '.join(map(repr, known))}")
        return list(self.images[name])

    def take(self, images: NDArray[np.int64]) -> "Predictions":
        """Return the predictions of the images at these places."""
        kept = self.images.iloc[images].reset_index(drop=True)
        return replace(self, answers=self.answers.take(images), images=kept)

    @property
    def positive(self) -> str | None:
        """The name of the positive class; None where every class counts alike."""
        return None if self.answers.positive is None else self.answers.classes[self.answers.positive]

    @property
    def threshold(self) -> float | None:
        """The threshold of the positive class's score, where the table has one for all images."""
        column = f"{THRESHOLD}{self.positive}"
        if column not in self.images or self.images[column].nunique() != 1:
            return None
        value = pd.to_numeric(self.images[column].iloc[0], errors="coerce")
        return None if pd.isna(value) else float(value)

    @property
    def score_names(self) -> list[str]:
        """The classes that the table has scores of."""
        return [name.removeprefix(SCORE) for name in self.images.columns if name.startswith(SCORE)]

    @property
    def has_patients(self) -> bool:
        """Whether the table says which images are of one patient."""
        return "patient_id" in self.images.columns


def read_predictions(path: Path, positive: str | None = None, threshold: float | None = None) -> Predictions:
    """Read a table with the columns `label` and `score_<class>`.

    Optional columns: `predicted`; `patient_id` (an image without one is a patient of its own); `image_id`;
    and `threshold_<class>`, which names the positive class. A single score column is that of the positive
    class. Without `predicted` the class of the highest score is predicted, or a single score is cut at 0.5.

    Args:
        path: the table.
        positive: the positive class; of more than two classes it is set against all others. None: of two
            classes the one that `threshold_<class>` names, or the likely one; of more none.
        threshold: call images positive from this score on, whatever the table predicts.

    Raises:
        BadInput: a column is missing or a value is not what it should be; the row is named.
        InvalidSetting: no such class, or a threshold without a positive class.
    """
    images = read_csv(path, required=("label",))
    if images.empty:
        raise BadInput(f"{path}: has no image")
    named = [column.removeprefix(SCORE) for column in images.columns if column.startswith(SCORE)]
    if not named:
        raise BadInput(f"{path}: no column '{SCORE}<class>'; it has {', '.join(map(repr, images.columns))}")
    scores = np.stack([_numbers(path, images[SCORE + name]) for name in named], axis=1)
    undecided = len(named) == 1 and threshold is None and "predicted" not in images
    if undecided and not 0 <= scores.min() <= scores.max() <= 1:
        raise BadInput(
            f"{path}: {SCORE}{named[0]} goes from {scores.min():g} to {scores.max():g}; "
            "say with `threshold` from which on an image is positive"
        )
    answers = _choose_positive(_answers(path, images, named, scores), images, positive)
    if threshold is None:
        return Predictions(path, answers, images, _rule(answers, images))
    if answers.positive is None or answers.scores is None:
        raise InvalidSetting(
            "threshold", threshold, f"{path} has {len(answers.classes)} classes; name one with `positive`"
        )
    called = answers.scores[:, answers.positive] >= threshold
    predicted = np.where(called, answers.positive, 1 - answers.positive)
    name = answers.classes[answers.positive]
    answers = replace(answers, predicted=predicted)
    return Predictions(path, answers, images, f"{SCORE}{name} >= {threshold:g}, as given")


def _answers(path: Path, images: pd.DataFrame, named: list[str], scores: NDArray[np.float64]) -> Answers:
    """Number labels and predicted classes; of a single score, its class is set against everything else."""
    single = len(named) == 1
    classes = tuple(named)
    labels = images["label"]
    if single:
        others = sorted(set(labels) - set(named))
        classes = (others[0] if len(others) == 1 else f"not {named[0]}", named[0])
        scores = np.concatenate([1 - scores, scores], axis=1)
        labels = labels.replace(dict.fromkeys(others, classes[0]))
    if "predicted" in images:
        said = images["predicted"]
        said = said.where(said == named[0], classes[0]) if single else said
        predicted = _class_numbers(path, said, classes)
    else:
        predicted = (scores[:, 1] >= 0.5).astype(np.int64) if single else scores.argmax(1)
    lines = [f"line {number}" for number in range(2, len(images) + 2)]
    missing = {"image_id": lines, "patient_id": ""}
    patients = patient_numbers(
        images.assign(**{name: value for name, value in missing.items() if name not in images})
    )
    return Answers(classes, _class_numbers(path, labels, classes), predicted, patients, scores)


def _numbers(path: Path, column: "pd.Series[str]") -> NDArray[np.float64]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    for place in np.flatnonzero(~np.isfinite(numbers)):
        raise BadInput(f"{path}: line {place + 2}: {column.name} is {column.iloc[place]!r}, not a number")
    return numbers


def _class_numbers(path: Path, column: "pd.Series[str]", classes: tuple[str, ...]) -> NDArray[np.int64]:
    numbers = pd.Index(classes).get_indexer(pd.Index(column))
    for place in np.flatnonzero(numbers < 0):
        raise BadInput(
            f"{path}: line {place + 2}: {column.name} is {column.iloc[place]!r}; there are scores of "
            f"{', '.join(map(repr, classes))}"
        )
    return numbers.astype(np.int64)


def _choose_positive(answers: Answers, images: pd.DataFrame, positive: str | None) -> Answers:
    classes = answers.classes
    if len(classes) > 2:
        return answers if positive is None else answers.against_rest(positive_class(classes, positive))
    named = [name for name in classes if f"{THRESHOLD}{name}" in images]
    if positive is None and len(named) == 1:
        positive = named[0]
    return replace(answers, positive=positive_class(classes, positive))


def _rule(answers: Answers, images: pd.DataFrame) -> str:
    name = None if answers.positive is None else answers.classes[answers.positive]
    column = f"{THRESHOLD}{name}"
    if "predicted" not in images:
        alone = images.columns.str.startswith(SCORE).sum() == 1
        return f"{SCORE}{name} >= 0.5" if alone else "the class of the highest score"
    if column in images and images[column].nunique() == 1 and images[column].iloc[0]:
        return f"as predicted in the table, {SCORE}{name} >= {_short(images[column].iloc[0])}"
    return "as predicted in the table"


def _short(number: str) -> str:
    try:
        return f"{float(number):.4g}"
    except ValueError:
        return number


def match_images(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Return the predictions of the images that two tables share by image_id, in the order of the first.

    Raises:
        BadInput: no image_id, one twice in a table, none shared, other classes, or labels that differ.
    """
    for predictions in (first, second):
        if "image_id" not in predictions.images:
            raise BadInput(
                f"{predictions.path}: no column 'image_id', by which images of two tables are matched"
            )
        ids = predictions.images["image_id"]
        for image in ids[ids.duplicated()]:
            raise BadInput(f"{predictions.path}: image_id {image!r} is there twice")
    if set(first.answers.classes) == set(second.answers.classes):
        second = replace(second, answers=second.answers.in_order(first.answers.classes))
    if first.answers.classes != second.answers.classes:
        classes = (", ".join(map(repr, of.answers.classes)) for of in (second, first))
        raise BadInput(
            f"{second.path}: its classes are {next(classes)}; those of {first.path} {next(classes)}"
        )
    places = pd.Index(second.images["image_id"]).get_indexer(pd.Index(first.images["image_id"]))
    shared = np.flatnonzero(places >= 0)
    if not len(shared):
        raise BadInput(f"{second.path}: has no image of {first.path}, by image_id")
    one, other = first.take(shared), second.take(places[shared])
    for place in np.flatnonzero(one.answers.labels != other.answers.labels):
        image = one.images["image_id"].iloc[place]
        labels = [of.images["label"].iloc[place] for of in (other, one)]
        raise BadInput(
            f"{second.path}: label of image {image} is {labels[0]!r}; in {first.path} it is {labels[1]!r}"
        )
    return one, other
