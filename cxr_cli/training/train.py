"""A DATASET and its split to a RUN folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cxr_cli.evaluation.tables import Cell, Table, as_html
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import RunConfig
from cxr_cli.runs.folder import FIGURES
from cxr_cli.training.history import EpochRecord, best_epoch
from cxr_cli.training.run import CURVES, resolve_run, train_run
from cxr_cli.training.trackers import find_trackers


@dataclass(frozen=True)
class TrainResult:
    """A trained run.

    Attributes:
        folder: the RUN.
        config: all that decided it.
        selected: the epoch whose model was kept.
        epochs: how many were trained, fewer than the configuration's where `patience` ended training.
        trained: whether there was anything to do; False where the run was finished before.
    """

    folder: Path
    config: RunConfig
    selected: EpochRecord
    epochs: int
    trained: bool

    @property
    def curves(self) -> Path:
        """The figure of loss and accuracy by epoch."""
        return self.folder / FIGURES / CURVES

    def _repr_html_(self) -> str:
        """Show the selected epoch in a notebook."""
        rows = [
            [Cell(name.replace("_", " ")), Cell(f"{value:.4g}")]
            for name, value in asdict(self.selected).items()
        ]
        network = self.config.network
        heading = f"{self.folder}: {self.config.recipe}, {network.arch}, width {network.width:g}"
        return as_html([Table("Selected epoch", ["", "value"], rows)], heading=[heading])


def train(
    dataset: Path | str,
    split: Path | str,
    output: Path | str,
    *,
    recipe: str = "single",
    fold: int | None = None,
    seed: int = 0,
    micro_batch: int | None = None,
    tensorboard: bool = False,
    mlflow: bool = False,
    reporter: Reporter = SILENT,
    **settings: Any,
) -> TrainResult:
    """Train a model; the same call again resumes from the last checkpoint, or finds the run finished.

    Args:
        dataset: a DATASET folder.
        split: the split.csv that divides it.
        output: the RUN folder.
        recipe: a name in `recipes.RECIPES`.
        fold: the fold that tests, where the split has folds.
        seed: of initial weights, sampling, augmentation and dropout.
        micro_batch: images that go through the model at once, gradients being summed; None for as many as
            memory holds. It is no part of the run, though batch normalization takes the statistics of each
            part.
        tensorboard, mlflow: whether trackers receive the epochs, see `trackers`; no part of the run.
        reporter: takes notices, and a line an epoch.
        **settings: in place of the recipe's, by the names of the fields in `runs.settings`, such as
            `lr=1e-3`; None leaves the recipe's.

    Raises:
        InvalidSetting: see `resolve_recipe`.
        UsageError: see `find_trackers`.
        SettingsChanged: `output` holds a run of another configuration.
        BadInput: the dataset or the split cannot be used, or `output` holds something else.
        TrainingDiverged: the loss is no longer finite.
        Preempted: the process was asked to stop; the state is saved.
    """
    trackers = find_trackers(tensorboard=tensorboard, mlflow=mlflow)
    run = resolve_run(
        dataset,
        split,
        output,
        recipe=recipe,
        fold=fold,
        seed=seed,
        micro_batch=micro_batch,
        reporter=reporter,
        **settings,
    )
    history, trained = train_run(*run, reporter, trackers)
    return TrainResult(run.folder, run.config, best_epoch(history), history[-1].epoch, trained)
