"""Everything that a report shows, read from a RUN, its DATASET and its split; None where still missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import read_record
from cxr_cli.dataset.reader import Dataset, rejected_by_reason
from cxr_cli.errors import BadInput
from cxr_cli.evaluation.characteristics import characteristics_table
from cxr_cli.evaluation.subgroups.strata import SMALL, describe_strata, divide
from cxr_cli.evaluation.subgroups.tables import Subject, notes, tables
from cxr_cli.evaluation.tables import Table
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES
from cxr_cli.explain.choices import GALLERY
from cxr_cli.plots.save import VECTOR, as_svg
from cxr_cli.prediction.columns import MODEL_ID
from cxr_cli.prediction.metrics_file import check_model, read_metrics
from cxr_cli.prediction.predictions_file import Predictions, read_predictions
from cxr_cli.prediction.stratify import forest_of
from cxr_cli.recorded_values import NOT_RECORDED, number_of
from cxr_cli.runs.config import RunConfig, read_config
from cxr_cli.runs.folder import (
    AUDIT,
    EXTERNAL,
    FIGURES,
    HISTORY,
    METRICS,
    PREDICTIONS,
    open_images,
    read_training_record,
)
from cxr_cli.runs.model_store import model_id_of, read_model_record
from cxr_cli.splitting.criteria import SUBSETS
from cxr_cli.splitting.file import Split
from cxr_cli.splitting.flow import CHARACTERISTICS
from cxr_cli.training.history import EpochRecord, best_epoch, check_selected, read_run_history

GRADCAM = "gradcam"
SHEETS = "sheet*.png"
DESCRIBED = ("sex", *CHARACTERISTICS)
"""Characteristics that are reported as images by value."""
AGE_GROUPS = "age:40,60"
MOST_VALUES = 12
"""A characteristic with more values is stratified only by request."""

Rows = NDArray[np.int64]
"""Images of a subset, by row of the dataset."""


class StrataTables(NamedTuple):
    """Metrics by characteristics: which ones, the tables, their notes, and a forest plot as SVG."""

    by: tuple[str, ...]
    tables: list[Table]
    notes: list[str]
    forest: str


@dataclass(frozen=True)
class Study:
    """Everything that a report shows.

    Attributes:
        folder: of the run.
        config: the run's settings.
        record: run.json: device, times, versions.
        history: the run's epochs.
        dataset: dataset.json: how images were read, and how many.
        rejected: number of inputs that were rejected, by reason.
        split: split.json: criteria and counts.
        images, patients: numbers by subset, those of images also by class.
        characteristics: numbers of images by characteristic, value and subset.
        table_one: the images of the subsets side by side.
        metrics: of the test; None before `cxr test`.
        external: metrics of each external test, by its name.
        strata: metrics of the test by characteristics; None before `cxr test`, or where none varies.
        audit: of the run; None before `cxr audit`.
        figures: the run's plots by name.
        sheets: contact sheets of Grad-CAM.
    """

    folder: Path
    config: RunConfig
    record: dict[str, Any]
    history: list[EpochRecord]
    dataset: dict[str, Any]
    rejected: dict[str, int]
    split: dict[str, Any]
    images: dict[str, dict[str, int]]
    patients: dict[str, int]
    characteristics: dict[str, dict[str, dict[str, int]]]
    table_one: Table
    metrics: dict[str, Any] | None
    external: dict[str, dict[str, Any]]
    strata: StrataTables | None
    audit: dict[str, Any] | None
    figures: dict[str, Path]
    sheets: tuple[Path, ...]

    @property
    def selected(self) -> EpochRecord:
        """The epoch whose model was kept."""
        return best_epoch(self.history)


def read_study(
    folder: Path,
    dataset: Path | None = None,
    split: Path | None = None,
    gradcam: Path | None = None,
    by: Sequence[str] = (),
) -> Study:
    """Read everything that a finished run has so far.

    Args:
        folder: the RUN.
        dataset, split: where they are now, if they were moved.
        gradcam: the folder of `cxr gradcam`; None takes RUN/gradcam, if it is there.
        by: characteristics to stratify by, as `cxr stratify` takes them; none for those that vary among the
            test images.

    Raises:
        BadInput: no run, an unfinished one, or images that are not those of the run.
    """
    config = read_config(folder)
    record = read_training_record(folder)
    if record is None or not record["finished"]:
        raise BadInput(f"{folder}: training is not finished; finish `cxr train` first")
    images, divided = open_images(config, dataset, split)
    rows = {subset: divided.rows(subset) for subset in SUBSETS}
    history, model = read_run_history(folder, config), read_model_record(folder, config)
    check_selected(folder / HISTORY, history, model["epoch"], config.optimization.select)
    model_id = model_id_of(config.digest, model["epoch"])
    metrics = read_metrics_of(folder / METRICS, model_id)
    if gradcam is not None and not any(gradcam.glob(SHEETS)):
        raise BadInput(f"{gradcam}: has no contact sheet ({SHEETS}) of `cxr gradcam`")
    return Study(
        folder=folder,
        config=config,
        record=record,
        history=history,
        dataset=images.info,
        rejected=rejected_by_reason(images.folder),
        split=read_record(divided.path.with_suffix(".json")),
        images={
            subset: {
                name: int((divided.labels[of_subset] == number).sum())
                for number, name in enumerate(divided.classes)
            }
            for subset, of_subset in rows.items()
        },
        patients={subset: len(np.unique(divided.patients[of_subset])) for subset, of_subset in rows.items()},
        characteristics=_characteristics(images, rows),
        table_one=_table_one(images, divided, rows),
        metrics=metrics,
        external={
            path.parent.name: _read_external(path, model_id, metrics)
            for path in sorted((folder / EXTERNAL).glob(f"*/{METRICS}"))
        },
        strata=_strata(folder / PREDICTIONS, by, model_id, metrics),
        audit=read_audit(folder / AUDIT, model_id),
        figures=figures_of(folder / FIGURES),
        sheets=contact_sheets_of(gradcam or folder / GRADCAM, config, model["epoch"], metrics),
    )


def read_metrics_of(path: Path, model_id: str | None) -> dict[str, Any] | None:
    """Read the metrics of a model; None if there are none.

    Raises:
        BadInput: they are damaged, or of another model.
    """
    if not path.exists():
        return None
    metrics = read_metrics(path)
    if model_id is not None:
        check_model(path, metrics, model_id, "cxr test")
    return metrics


def read_predictions_of(path: Path, model_id: str) -> Predictions:
    """Read the predictions of a model.

    Raises:
        BadInput: they are damaged, or of another model.
    """
    predictions = read_predictions(path, ids_verbatim=True)
    for found in dict.fromkeys(predictions.images.get(MODEL_ID, pd.Series([""]))):
        check_model(path, {MODEL_ID: found}, model_id, "cxr test")
    return predictions


def read_audit(path: Path, model_id: str) -> dict[str, Any] | None:
    """Read the audit of a model; None if there is none.

    Raises:
        BadInput: it is damaged, or of another model.
    """
    if not path.exists():
        return None
    audit = read_record(path)
    check_model(path, audit, model_id, "cxr audit")
    return audit


Decided = tuple[str, float] | None
"""The positive class and its threshold; None where the highest score decides."""


def _decided(metrics: Mapping[str, Any]) -> Decided:
    point = metrics.get("operating_point")
    return None if point is None else (metrics["positive"], point["threshold"])


def check_operating_point(path: Path, found: Decided, metrics: Mapping[str, Any] | None, remedy: str) -> None:
    """Check that results are those of the test's operating point, so that a report mixes no two.

    Args:
        path: of the results, for the message.
        found: their operating point.
        metrics: of the test; None before one.
        remedy: the command that makes them again.

    Raises:
        BadInput: they are of another operating point.
    """
    if metrics is None:
        return
    here = _decided(metrics)
    if found != here and not (found and here and found[0] == here[0] and np.isclose(found[1], here[1])):
        said = ["the highest score" if of is None else f"{of[0]} from {of[1]:.4g} on" for of in (found, here)]
        raise BadInput(
            f"{path}: its operating point is {said[0]}, that of {METRICS} is {said[1]}; "
            f"make it again with `{remedy}`"
        )


def _read_external(path: Path, model_id: str, metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read the metrics of an external test of the model, at the operating point of its internal test."""
    found = read_metrics_of(path, model_id) or {}
    check_operating_point(path, _decided(found), metrics, "cxr test")
    return found


def figures_of(folder: Path) -> dict[str, Path]:
    """List the figures in a folder by name: of each the SVG, or else the PNG.

    Raises:
        BadInput: one is damaged.
    """
    found = {path.stem: path for suffix in (".png", VECTOR) for path in sorted(folder.glob(f"*{suffix}"))}
    return {name: _whole(path) for name, path in sorted(found.items())}


def contact_sheets_of(
    folder: Path, config: RunConfig, epoch: int, metrics: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """List the contact sheets of a run's model.

    Raises:
        BadInput: one is damaged, or they are of another model, dataset or operating point.
    """
    sheets = tuple(sorted(folder.glob(SHEETS)))
    if not sheets:
        return ()
    record = read_record(folder / GALLERY)
    runs, own = record["runs"], [config.digest, epoch, config.dataset_digest]
    if own not in runs:
        made_of = ", ".join(model_id_of(*run[:2]) for run in runs)
        raise BadInput(
            f"{folder}: is of model {made_of}, the run's model is {model_id_of(config.digest, epoch)}; "
            "make it again with `cxr gradcam`"
        )
    if "operating_points" in record:
        point = record["operating_points"][runs.index(own)]
        check_operating_point(folder, (point[0], point[1]) if point else None, metrics, "cxr gradcam")
    return tuple(map(_whole, sheets))


def _whole(figure: Path) -> Path:
    """Return a figure that can be shown.

    Raises:
        BadInput: it is damaged.
    """
    from xml.etree import ElementTree

    from PIL import Image

    try:
        if figure.suffix == VECTOR:
            ElementTree.parse(figure)
            return figure
        with Image.open(figure) as image:
            image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(
            f"{figure}: cannot be read as an image ({type(error).__name__}); draw it again"
        ) from error
    return figure


def _strata(
    path: Path, by: Sequence[str], model_id: str, metrics: Mapping[str, Any] | None
) -> StrataTables | None:
    """Describe the strata of a predictions table; None if there is no table, or nothing to stratify by."""
    if not path.exists():
        return None
    predictions = read_predictions_of(path, model_id)
    for threshold in [] if predictions.thresholds is None else np.unique(predictions.thresholds):
        point = (predictions.positive or "", float(threshold))
        check_operating_point(path, point, metrics, "cxr test")
    wanted = tuple(by) or _varying(predictions.images)
    if not wanted:
        return None
    divisions = divide(wanted, predictions.column, str(path))
    strata = describe_strata(predictions.answers, divisions, np.random.default_rng(0), RESAMPLES, SMALL)
    subject = Subject(predictions.answers.classes, predictions.answers.positive, SMALL)
    forest = as_svg(forest_of(strata, subject))
    return StrataTables(tuple(divisions), tables(strata, subject), notes(strata, subject), forest)


def _varying(images: pd.DataFrame) -> tuple[str, ...]:
    """Return the characteristics with several values, but not too many."""
    aged = _years(images["age"]).notna() if "age" in images else pd.Series([False])
    varying = (name for name in DESCRIBED if name in images and 2 <= images[name].nunique() <= MOST_VALUES)
    return (*varying, *([AGE_GROUPS] if aged.any() else []))


def _table_one(images: Dataset, divided: Split, rows: Mapping[str, Rows]) -> Table:
    """Describe the images of the subsets side by side."""
    used = np.concatenate(list(rows.values()))
    groups = {subset: np.isin(used, of_subset) for subset, of_subset in rows.items()}
    manifest = images.manifest.iloc[used]
    columns = {
        "class" if name == "label" else name: manifest[name].tolist()
        for name in ("label", "age", *DESCRIBED)
        if name in manifest and (manifest[name] != "").any()
    }
    title = "Table 1. Images of each subset: number (%); difference: the largest standardized difference"
    return characteristics_table(title, groups, columns, divided.patients[used]).table()


def _characteristics(images: Dataset, rows: Mapping[str, Rows]) -> dict[str, dict[str, dict[str, int]]]:
    """Count images by characteristic, value (most frequent first, missing last) and subset."""
    counted = {}
    for name in DESCRIBED:
        if name not in images.manifest or not (images.manifest[name] != "").any():
            continue
        column = images.manifest[name]
        values = [value for value in column.value_counts().index if value] + [""] * bool((column == "").any())
        counted[name] = {
            str(value) or NOT_RECORDED: {
                subset: int((column.iloc[of_subset] == value).sum()) for subset, of_subset in rows.items()
            }
            for value in values
        }
    return counted


def _years(ages: "pd.Series[str]") -> "pd.Series[float]":
    return ages.map(partial(number_of, "age"))
