"""One run, or several as one model: the mean of their scores, and how far these are apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.forward import Read, apply_run
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.mean_scores import mean_scores, mean_threshold
from cxr_cli.prediction.metrics_file import read_calibration, read_operating_point
from cxr_cli.prediction.preprocessing import run_geometry
from cxr_cli.prediction.scores import Scores, answer_scorer, calibrated, called_at
from cxr_cli.runs.config import RunConfig, read_config
from cxr_cli.runs.crossval_folder import member_folders
from cxr_cli.runs.model_store import TrainedRun, open_run


@dataclass(frozen=True)
class Ensemble:
    """Runs whose scores are averaged.

    Attributes:
        folder: of the RUN or CV that was named first; results are written there.
        members: the RUN folders.
        config: of the first run; classes and preprocessing are those of all.
    """

    folder: Path
    members: tuple[Path, ...]
    config: RunConfig

    def open_runs(self, meanwhile: Callable[[TrainedRun], None] | None = None) -> tuple[TrainedRun, ...]:
        """Open the runs' models; see `open_run`."""
        return tuple(open_run(folder, meanwhile) for folder in self.members)

    @property
    def name(self) -> str:
        """Say what it is, for messages."""
        return str(self.folder) if len(self.members) == 1 else f"{self.folder}, {len(self.members)} runs"


class EnsembleScores(NamedTuple):
    """Scores of N images.

    Attributes:
        scores: the mean over the runs, calibrated where a run is; the class that is predicted.
        spread: float32 [N, C], the standard deviation over the runs; None of a single run.
        point: by which one of two classes is predicted; None where the highest score decides.
        others: what else was read of the first run, one array [N, ...] each.
    """

    scores: Scores
    spread: NDArray[np.float32] | None
    point: OperatingPoint | None
    others: tuple[NDArray[np.float32], ...] = ()


def open_ensemble(place: Path, others: Sequence[Path] = ()) -> Ensemble:
    """Find the runs of an ensemble.

    Args:
        place: a RUN or a CV.
        others: more of them.

    Raises:
        BadInput: no run, or runs of other classes or preprocessing than the first.
    """
    members = tuple(dict.fromkeys(run for each in (place, *others) for run in member_folders(each)))
    configs = [read_config(run) for run in members]
    for run, config in zip(members, configs, strict=True):
        if config.classes != configs[0].classes:
            classes = (", ".join(of.classes) for of in (config, configs[0]))
            raise BadInput(f"{run}: its classes are {next(classes)}; those of {members[0]} {next(classes)}")
        if run_geometry(config) != run_geometry(configs[0]):
            raise BadInput(f"{run}: its images were preprocessed otherwise than those of {members[0]}")
    return Ensemble(place, members, configs[0])


ScoreEnsemble = Callable[[NDArray[np.uint8], NDArray[np.int64]], EnsembleScores]
"""Maps images uint8 [N, H, W], and rows of them, to their scores."""


def ensemble_scorer(
    runs: Sequence[TrainedRun], templates: Path | None = None, others: tuple[Read, ...] = ()
) -> ScoreEnsemble:
    """Make the function that scores images by every run as its test decided on validation, and averages.

    The ensemble's operating point is the mean of the runs' thresholds: each was chosen on validation images
    of its own, which other runs may have been trained on. Each run compiles once, however often it is called.

    Args:
        runs: of the ensemble, see `Ensemble.open_runs`.
        templates: of a siamese run; None takes each run's own.
        others: what else is read of the first run, in the same pass.

    Raises:
        InvalidSetting, BadInput: see `image_scorer`.
    """
    models = [apply_run(runs[0], *others), *map(apply_run, runs[1:])]
    scorers = [(answer_scorer(run, templates), read_calibration(run)) for run in runs]
    point = mean_point([read_operating_point(run) for run in runs])
    classes = runs[0].config.classes

    def score(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> EnsembleScores:
        fetch = image_source(images, devices=local_devices())
        answers = [apply(fetch, rows) for apply in models]
        read: list[NDArray[np.float32]] = []
        if others:
            answers[0], *read = answers[0]
        each = [
            calibrated(scorer(answer), calibration)
            for (scorer, calibration), answer in zip(scorers, answers, strict=True)
        ]
        if len(each) == 1:
            return EnsembleScores(called_at(each[0], classes, point), None, point, tuple(read))
        mean = mean_scores([scores.values for scores in each])
        scores = Scores(mean.values, mean.predicted)
        return EnsembleScores(called_at(scores, classes, point), mean.spread, point, tuple(read))

    return score


def mean_point(points: Sequence[OperatingPoint | None]) -> OperatingPoint | None:
    """Average the thresholds of runs; None where a run has none, or of another class."""
    first = points[0]
    if first is None or any(point is None or point.positive != first.positive for point in points):
        return None
    if len(points) == 1:
        return first
    threshold = mean_threshold([np.array(point.threshold) for point in points if point is not None])
    assert threshold is not None
    return OperatingPoint(
        first.positive, float(threshold), f"mean of {len(points)} runs' thresholds, {first.rule}"
    )
