"""Predictions for the images of a DATASET whose labels are not known: a worklist."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.tables import Cell, Table, as_html
from cxr_cli.prediction.columns import MODEL_ID
from cxr_cli.prediction.development import OVERLAP, development_set, report_shared
from cxr_cli.prediction.ensemble import ScoreEnsemble, ensemble_scorer, open_ensemble
from cxr_cli.prediction.predictions_file import by_score, predictions_table, write_predictions
from cxr_cli.prediction.preprocessing import check_same_preprocessing
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.model_store import TrainedRun, ensemble_id

SHOWN = 10
"""Images that a notebook shows of many."""


@dataclass(frozen=True)
class PredictResult:
    """Predictions of every image of a dataset.

    Attributes:
        table: one row for each image, see `predictions_table`; `overlap` says what it shares with training.
        path: where it was written; None if nowhere.
        operating_point: by which the positive class is predicted; None where the highest score decides.
    """

    table: pd.DataFrame
    path: Path | None
    operating_point: OperatingPoint | None

    def _repr_html_(self) -> str:
        """Show the first images in a notebook."""
        return shown_predictions(self.table, f"model {self.table[MODEL_ID].iloc[0]}")


def predict(
    run: Path | str,
    dataset: Path | str,
    *,
    output: Path | None = None,
    first: str | None = None,
    members: Sequence[Path | str] = (),
    templates: Path | None = None,
    own_dataset: Path | None = None,
    own_split: Path | None = None,
    reporter: Reporter = SILENT,
) -> PredictResult:
    """Score all images of a dataset, and warn of those that were in training or validation.

    Args:
        run: folder of the run, or of a cross-validation, which is the ensemble of its runs.
        dataset: folder of the images, made with the size and crops of the run's own images.
        output: write the table there.
        first: the class by whose score images are sorted, highest first; None for the positive class of the
            operating point, and without one the dataset's order.
        members: more runs, whose scores are averaged with the first's.
        templates: of a siamese run; None takes the run's own.
        own_dataset, own_split: where the run's own are now, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting: no such class, or templates for a run that is not siamese.
        BadInput: no run, no dataset, or one that was made with other settings.
    """
    images, ensemble = open_dataset(Path(dataset)), open_ensemble(Path(run), [Path(one) for one in members])
    classes = ensemble.config.classes
    if first is not None and first not in classes:
        raise InvalidSetting("first", first, f"the classes are {', '.join(map(repr, classes))}")
    check_same_preprocessing(images, ensemble.config)
    runs = ensemble.open_runs()
    table, point = predicted_dataset(images, runs, ensemble_scorer(runs, templates))
    if len(classes) == 2 and point is None:
        reporter.say(f"{run}: has no operating point; the higher score decides. `cxr test {run}` chooses one")
    if (development := development_set(ensemble, own_dataset, own_split, reporter)) is not None:
        ids = images.manifest[["image_id", "patient_id"]].itertuples(index=False)
        table[OVERLAP] = [development.shares(*each) for each in ids]
        report_shared(table[OVERLAP].tolist(), ensemble, reporter)
    if first is None and point is not None:
        first = point.positive
    if first is not None:
        table = by_score(table, first)
    if output is not None:
        write_predictions(output, table)
    return PredictResult(table, output, point)


def predicted_dataset(
    images: Dataset, runs: Sequence[TrainedRun], score: ScoreEnsemble
) -> tuple[pd.DataFrame, OperatingPoint | None]:
    """Score all images of a dataset by the function that `ensemble_scorer` made of runs.

    Returns:
        The table of predictions in the order of the images, see `predictions_table`, and by which operating
        point one of two classes is predicted.
    """
    rows = np.arange(len(images.images))
    scores, spread, point, _ = score(images.images, rows)
    classes, model_id = runs[0].config.classes, ensemble_id(runs)
    table = predictions_table(
        images, rows, scores, classes, point, model_id=model_id, labels=False, spread=spread
    )
    return table, point


def shown_predictions(table: pd.DataFrame, model: str) -> str:
    """Show the first rows of a table of predictions in a notebook, below the name of their model."""
    first = table.head(SHOWN)
    rows = [
        [Cell(str(name)), *(Cell(f"{each:.3f}" if isinstance(each, float) else str(each)) for each in row)]
        for name, row in zip(first.index, first.to_numpy(object), strict=True)
    ]
    title = "Predictions" if len(first) == len(table) else f"Predictions, the first {SHOWN}"
    heading = f"{len(table)} images, {model}. For research, not for diagnosis."
    return as_html([Table(title, ["", *map(str, first.columns)], rows)], heading=[heading])
