"""A RUN in memory, that predicts arrays, files and datasets; for notebooks."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.folder import INFO
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.images.sources import find_inputs
from cxr_cli.prediction.batches import inference_batch
from cxr_cli.prediction.columns import SCORE
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.ensemble import Ensemble, ScoreEnsemble, ensemble_scorer, mean_point, open_ensemble
from cxr_cli.prediction.metrics_file import read_operating_point
from cxr_cli.prediction.predict import predicted_dataset, shown_predictions
from cxr_cli.prediction.predict_files import FilePredictor, read_files
from cxr_cli.prediction.preprocessing import check_same_preprocessing
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.model_store import TrainedRun, ensemble_id

Images = NDArray[np.uint8] | NDArray[np.floating] | PathLike[str] | str | Sequence[PathLike[str] | str]


@dataclass(frozen=True)
class ImagePredictions:
    """Predictions of N images.

    Attributes:
        table: one row for each: of arrays `predicted` and the scores; of a dataset also the images'
            characteristics, see `predictions_table`; of files also where they are, and why an image was
            `rejected` or has a `flag`, and so no scores.
        classes: names.
        operating_point: by which the positive class is predicted; None where the highest score decides.
        model_id: of the model, or of the ensemble.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    operating_point: OperatingPoint | None
    model_id: str

    @property
    def scores(self) -> pd.DataFrame:
        """The scores, 0 ... 1: a row for each image, a column for each class."""
        columns = {f"{SCORE}{name}": name for name in self.classes}
        return self.table[list(columns)].rename(columns=columns).astype(float)

    def _repr_html_(self) -> str:
        """Show the first images in a notebook."""
        return shown_predictions(self.table, f"model {self.model_id}")


@dataclass(frozen=True)
class LoadedRun:
    """A RUN, or a CV as the ensemble of its runs, with its models in memory; each compiles once.

    Attributes:
        ensemble: what it is of.
        runs: the models.
        score: scores arrays.
        open_files: makes what predicts files, when the first are predicted.
    """

    ensemble: Ensemble
    runs: tuple[TrainedRun, ...]
    score: ScoreEnsemble
    open_files: Callable[[], FilePredictor]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.ensemble.config.classes

    @property
    def size(self) -> int:
        """Height and width in pixels of the images that the models take."""
        return self.ensemble.config.size

    @property
    def model_id(self) -> str:
        """The model's name."""
        return ensemble_id(self.runs)

    @cached_property
    def operating_point(self) -> OperatingPoint | None:
        """By which the positive class is predicted; None where the highest score decides."""
        return mean_point([read_operating_point(run) for run in self.runs])

    @cached_property
    def _files(self) -> FilePredictor:
        return self.open_files()

    def predict(self, images: Images) -> ImagePredictions:
        """Score images.

        Args:
            images: gray arrays [N,H,W] of 0 ... 255, cropped and resized as the run's own images; or a
                DATASET; or paths of image files, folders and archives, which are preprocessed on the way.

        Raises:
            InvalidSetting: arrays of another shape, or of other values.
            BadInput: no such files, or a dataset that was made with other settings.
        """
        if isinstance(images, np.ndarray):
            table = self._arrays(images)
        elif isinstance(images, str | PathLike) and (Path(images) / INFO).is_file():
            dataset = open_dataset(Path(images))
            check_same_preprocessing(dataset, self.ensemble.config)
            table, _ = predicted_dataset(dataset, self.runs, self.score)
        else:
            table = self._paths([images] if isinstance(images, str | PathLike) else images)
        return ImagePredictions(table, self.classes, self.operating_point, self.model_id)

    def _arrays(self, images: NDArray[np.uint8] | NDArray[np.floating]) -> pd.DataFrame:
        pixels: Any = images if images.dtype == np.uint8 else images.astype(np.float32)
        _check_gray(pixels, self.size)
        scores = self.score(pixels, np.arange(len(pixels))).scores
        table = pd.DataFrame(scores.values, columns=[f"{SCORE}{name}" for name in self.classes])
        table.insert(0, "predicted", np.array(self.classes, dtype=object)[scores.predicted])
        return table

    def _paths(self, sources: Sequence[PathLike[str] | str]) -> pd.DataFrame:
        paths = find_inputs([Path(source) for source in sources]).paths
        self._files.batch = inference_batch(len(paths), self.size, devices=local_devices().count)
        # What a rejected image has no value of.
        scores = dict.fromkeys(f"{SCORE}{name}" for name in self.classes)
        blank = {"source": "", "predicted": None, **scores, "flag": "", "rejected": ""}
        with closing(read_files(self.ensemble.config, paths, self._files.batch)) as batches:
            records = [record for files in batches for record in self._files.predict(files)]
        return pd.DataFrame([{**blank, **record} for record in records])


def _check_gray(images: NDArray[Any], size: int) -> None:
    """Raise InvalidSetting for arrays that are no gray images of a run."""
    needed = (
        f"gray images [N, {size}, {size}] are needed, cropped and resized as the run's own; or paths of files"
    )
    if images.ndim != 3 or images.shape[1:] != (size, size) or not len(images):
        raise InvalidSetting("images", list(images.shape), needed)
    low, high = float(images.min()), float(images.max())
    if images.dtype != np.uint8 and not (low >= 0 and 1 < high <= 255):
        raise InvalidSetting("images", f"from {low:g} to {high:g}", "gray values are 0 to 255, bone bright")


def load_run(
    run: PathLike[str] | str,
    *,
    members: Sequence[PathLike[str] | str] = (),
    templates: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> LoadedRun:
    """Load a run's model, to predict any number of times.

    Args:
        run: a RUN, or a CV, which is the ensemble of its runs.
        members: more runs, whose scores are averaged with the first's.
        templates: of a siamese run; None takes the run's own.
        dataset, split: where the run's own are now, if they were moved; files are compared with its images.
        reporter: takes notices.

    Raises:
        InvalidSetting: templates for a run that is not siamese.
        BadInput: no run, or no model yet.
    """
    ensemble = open_ensemble(Path(run), [Path(member) for member in members])
    runs = ensemble.open_runs()

    def open_files() -> FilePredictor:
        return FilePredictor(ensemble, 1, templates, dataset, split, reporter, runs)

    return LoadedRun(ensemble, runs, ensemble_scorer(runs, templates), open_files)
