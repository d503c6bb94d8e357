"""Predictions for the images of a DATASET whose labels are not known: a worklist."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.prediction.development import OVERLAP, development_set, report_shared
from cxr_cli.prediction.ensemble import ensemble_scorer, open_ensemble
from cxr_cli.prediction.predictions_file import by_score, predictions_table, write_predictions
from cxr_cli.prediction.preprocessing import check_same_preprocessing
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.model_store import ensemble_id


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
    rows = np.arange(len(images.images))
    runs = ensemble.open_runs()
    scores, spread, point, _ = ensemble_scorer(runs, templates)(images.images, rows)
    if len(classes) == 2 and point is None:
        reporter.say(f"{run}: has no operating point; the higher score decides. `cxr test {run}` chooses one")
    table = predictions_table(
        images, rows, scores, classes, point, model_id=ensemble_id(runs), labels=False, spread=spread
    )
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
