"""The predictions file: written by `cxr test` and `cxr predict`, read from there or from another tool."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import write_csv
from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting, no_column
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.operating_point import OperatingPoint, called, likely_positive, positive_class
from cxr_cli.images.characteristics import RAW_COLUMNS
from cxr_cli.images.view_position import view_of
from cxr_cli.prediction.columns import (
    MODEL_ID,
    NAMES,
    PREFIXES,
    SCORE,
    SPREAD,
    THRESHOLD,
    binary_numbers,
    class_numbers,
    identified,
    numbers,
    other_class,
    score_values,
    scored_classes,
    with_known_names,
)
from cxr_cli.prediction.plausibility import report_disagreement, report_scores
from cxr_cli.recorded_values import is_missing
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.user_tables import read_user_table

if TYPE_CHECKING:
    from cxr_cli.prediction.scores import Scores  # imports JAX, which no reader of a file needs

STORAGE_COLUMNS = ("row", "image_id", "patient_id", "label", *RAW_COLUMNS)
"""Columns of the manifest that are not characteristics of the images."""


def predictions_table(
    dataset: Dataset,
    rows: NDArray[np.int64],
    scores: "Scores",
    classes: tuple[str, ...],
    point: OperatingPoint | None = None,
    *,
    model_id: str,
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
        model_id: of the model, or the ensemble, that gave the scores.
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
    scored = scored.assign(**{MODEL_ID: model_id})
    known = images.drop(columns=list(STORAGE_COLUMNS), errors="ignore")
    return pd.concat([pd.DataFrame(columns), scored, known.rename(columns=_set_apart(known))], axis=1)


def _set_apart(known: pd.DataFrame) -> dict[str, str]:
    """Prefix `table_` to columns of the user's own that would be read as columns of predictions."""
    names = list(map(str, known.columns))
    renamed: dict[str, str] = {}
    for name in names:
        if name.casefold() in NAMES or name.casefold().startswith(PREFIXES):
            renamed[name] = f"table_{name}"
            while renamed[name] in {*names, *(of for key, of in renamed.items() if key != name)}:
                renamed[name] = f"table_{renamed[name]}"
    return renamed


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
        thresholds: [N], of the positive class's score, where the table has them; else None.
    """

    path: Path
    answers: Answers
    images: pd.DataFrame
    rule: str
    thresholds: NDArray[np.float64] | None = None

    def column(self, name: str) -> list[str]:
        """Return a characteristic of the images; views in one spelling.

        Raises:
            BadInput: no such column; the message names those there are.
        """
        if name not in self.images:
            known = [column for column in self.images.columns if not column.startswith(PREFIXES)]
            raise BadInput(f"{self.path}: {no_column(name, known)}")
        values = list(self.images[name])
        if name != "view_position":
            return values
        views = {value: view_of(value) or value for value in set(values)}
        return [views[value] for value in values]

    def take(self, images: NDArray[np.int64]) -> "Predictions":
        """Return the predictions of the images at these places."""
        kept = self.images.iloc[images].reset_index(drop=True)
        thresholds = None if self.thresholds is None else self.thresholds[images]
        return replace(self, answers=self.answers.take(images), images=kept, thresholds=thresholds)

    @property
    def positive(self) -> str | None:
        """The name of the positive class; None where every class counts alike."""
        return None if self.answers.positive is None else self.answers.classes[self.answers.positive]

    @property
    def score_names(self) -> list[str]:
        """The classes that the table has scores of."""
        return [name.removeprefix(SCORE) for name in self.images.columns if name.startswith(SCORE)]

    @property
    def has_patients(self) -> bool:
        """Whether the table says which images are of one patient."""
        return "patient_id" in self.images.columns


def read_predictions(
    path: Path,
    positive: str | None = None,
    threshold: float | None = None,
    *,
    ids_verbatim: bool = False,
    reporter: Reporter = SILENT,
) -> Predictions:
    """Read a table with the columns `label` and `score_<class>`.

    Optional columns: `predicted`; `patient_id` (an image without one is a patient of its own); `image_id`;
    and `threshold_<class>`, which names the positive class. A single score column is that of the positive
    class, unless its name is that of a negative. Without `predicted` the class of the highest score is
    predicted, or a single score is cut at 0.5.

    Args:
        path: the table.
        positive: the positive class; of more than two classes it is set against all others. None: of two
            classes the one that `threshold_<class>` names, or the likely one; of more none.
        threshold: call images positive from this score on, whatever the table predicts.
        ids_verbatim: take patient ids that differ only in zeros, blanks, case or .0 as different patients.
        reporter: takes notices of how the table was read, and of what is odd in it.

    Raises:
        BadInput: a column is missing or a value is not what it should be; the row is named. Or an image is
            there twice.
        InvalidSetting: no such class, a threshold without a positive class, or two classes of which the names
            do not say which is positive.
    """
    images = with_known_names(path, read_user_table(path, ("label",), unique=True, reporter=reporter))
    if images.empty:
        raise BadInput(f"{path}: has no image")
    named = scored_classes(path, images)
    scores = score_values(path, images, named)
    if len(named) == 1 and threshold is None and "predicted" not in images:
        _refuse_undecided(path, named[0], scores)
    images, patients = identified(path, images, reporter, ids_verbatim=ids_verbatim)
    everything = _answers(path, images, named, scores, patients)
    report_scores(path, everything, named, scores, reporter)
    answers = _choose_positive(everything, images, positive, lone=len(named) == 1)
    name = None if answers.positive is None else answers.classes[answers.positive]
    column = f"{THRESHOLD}{name}"
    has_thresholds = column in images and not images[column].map(is_missing).all()
    thresholds = numbers(path, images[column]) if has_thresholds else None
    if threshold is None:
        rule = _rule(answers, images, named, thresholds)
        if "predicted" in images:
            report_disagreement(path, everything, answers, thresholds, reporter)
        return Predictions(path, answers, images, rule, thresholds)
    if answers.positive is None or answers.scores is None:
        raise InvalidSetting(
            "threshold", threshold, f"{path} has {len(answers.classes)} classes; name one with `positive`"
        )
    predicted = called(answers.scores, answers.positive, threshold)
    if len(set(predicted.tolist())) == 1 and len(images) > 1:
        reach = "every" if predicted[0] == answers.positive else "no"
        reporter.say(f"{path}: `threshold` {threshold:g}: {reach} image's {SCORE}{name} reaches it")
    answers = replace(answers, predicted=predicted)
    rule = f"{_score_in_words(answers, named)} >= {threshold:g}, as given"
    return Predictions(path, answers, images, rule, np.full(len(images), threshold))


def _refuse_undecided(path: Path, name: str, scores: NDArray[np.float64]) -> None:
    if not 0 <= scores.min() <= scores.max() <= 1:
        raise BadInput(
            f"{path}: {SCORE}{name} goes from {scores.min():g} to {scores.max():g}; "
            "give a column 'predicted', or say with `threshold` from which on an image is positive"
        )


def _answers(
    path: Path,
    images: pd.DataFrame,
    named: tuple[str, ...],
    scores: NDArray[np.float64],
    patients: NDArray[np.int64],
) -> Answers:
    """Number labels and predicted classes; a single score's class is set against the other one."""
    if len(named) > 1:
        labels = class_numbers(path, images["label"], named)
        predicted = (
            class_numbers(path, images["predicted"], named) if "predicted" in images else scores.argmax(1)
        )
        return Answers(named, labels, predicted, patients, scores)
    classes = other_class(path, images["label"], named[0]), named[0]
    labels = binary_numbers(path, images["label"], classes)
    predicted = (
        binary_numbers(path, images["predicted"], classes)
        if "predicted" in images
        else (scores[:, 0] >= 0.5).astype(np.int64)
    )
    return Answers(classes, labels, predicted, patients, np.concatenate([1 - scores, scores], axis=1))


def _choose_positive(answers: Answers, images: pd.DataFrame, positive: str | None, *, lone: bool) -> Answers:
    classes = answers.classes
    if len(classes) > 2:
        return answers if positive is None else answers.against_rest(positive_class(classes, positive))
    named = [name for name in classes if f"{THRESHOLD}{name}" in images]
    if positive is None and len(named) == 1:
        positive = named[0]
    if positive is None and lone and likely_positive(classes) is None:
        positive = classes[1]
    return replace(answers, positive=positive_class(classes, positive))


def _rule(
    answers: Answers, images: pd.DataFrame, named: tuple[str, ...], thresholds: NDArray[np.float64] | None
) -> str:
    if "predicted" not in images:
        if len(named) > 1:
            return "predicted by the highest score"
        return f"{SCORE}{named[0]} {'>=' if answers.positive == 1 else '<'} 0.5"
    rule = "as predicted in the table"
    if thresholds is None or answers.scores is None or answers.positive is None or np.ptp(thresholds):
        return rule
    follows = (called(answers.scores, answers.positive, thresholds) == answers.predicted).all()
    return f"{rule}, {_score_in_words(answers, named)} >= {thresholds[0]:.4g}" if follows else rule


def _score_in_words(answers: Answers, named: tuple[str, ...]) -> str:
    """The positive class's score by its column; where the other class alone has a score, 1 minus that."""
    assert answers.positive is not None
    name = answers.classes[answers.positive]
    return f"{SCORE}{name}" if name in named else f"1 - {SCORE}{named[0]}"


def match_images(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Return the predictions of the images that two tables share by image_id, in the order of the first.

    Raises:
        BadInput: an image without image_id, none shared, other classes, or labels that differ.
    """
    for predictions in (first, second):
        if "image_id" not in predictions.images:
            raise BadInput(
                f"{predictions.path}: no column 'image_id', by which images of two tables are matched"
            )
        missing = int((predictions.images["image_id"] == "").sum())
        if missing:
            raise BadInput(
                f"{predictions.path}: {missing} images have no image_id, by which images of two tables are "
                "matched"
            )
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
