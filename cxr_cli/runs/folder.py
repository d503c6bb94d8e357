"""The RUN folder: the names of its files, whether it is finished, and the images it was trained with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

from cxr_cli.artifacts import read_record
from cxr_cli.errors import BadInput
from cxr_cli.reporting import SILENT, Reporter

if TYPE_CHECKING:
    from cxr_cli.dataset.reader import Dataset
    from cxr_cli.runs.config import RunConfig
    from cxr_cli.runs.model_store import TrainedRun
    from cxr_cli.splitting.file import Split

CHECKPOINTS = "checkpoints"
HISTORY = "history.csv"
RECORD = "run.json"
METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"
AUDIT = "audit.json"
TEMPLATES = "templates.npz"
FIGURES = "figures"
EXTERNAL = "external"


class TrainingRecord(TypedDict):
    """The fields of run.json that commands read; times are in seconds."""

    finished: bool
    device: NotRequired[str]
    micro_batch: NotRequired[int]
    last_session_started: NotRequired[str]
    versions: NotRequired[dict[str, str]]
    epochs: NotRequired[int]
    training_seconds: NotRequired[float]


def read_training_record(folder: Path) -> dict[str, Any] | None:
    """Read run.json; None where training did not begin.

    Raises:
        BadInput: it is damaged, or was changed.
    """
    path = folder / RECORD
    return read_record(path, TrainingRecord) if path.exists() else None


def is_finished(folder: Path) -> bool:
    """Return whether the run in a folder was trained to its last epoch."""
    record = read_training_record(folder)
    return record is not None and bool(record["finished"])


def open_images(
    config: "RunConfig", dataset: Path | None = None, split: Path | None = None
) -> "tuple[Dataset, Split]":
    """Open the dataset and the split that a run was trained with.

    Args:
        config: of the run.
        dataset: where the dataset is now, if it was moved.
        split: where split.csv is now, if it was moved.

    Raises:
        BadInput: they are not there, or not the same as in training.
    """
    from cxr_cli.dataset.reader import open_dataset
    from cxr_cli.splitting.file import open_split

    opened = open_dataset(dataset or Path(config.dataset))
    if opened.digest != config.dataset_digest:
        raise BadInput(f"{opened.folder}: is not the dataset of this run: its images.npy has another digest")
    divided = open_split(split or Path(config.split), opened, config.fold)
    if divided.digest != config.split_digest:
        raise BadInput(f"{divided.path}: is not the split of this run: it was changed after training")
    return opened, divided


class OpenRun(NamedTuple):
    """A trained run, and the images and the split it was trained with."""

    run: "TrainedRun"
    dataset: "Dataset"
    split: "Split"


def open_run_with_images(
    folder: Path, dataset: Path | None = None, split: Path | None = None, reporter: Reporter = SILENT
) -> OpenRun:
    """Open a run and its images, and report where training is not finished.

    Args:
        folder: of the run.
        dataset, split: see `open_images`.
        reporter: takes the notice.

    Raises:
        BadInput: see `open_run` and `open_images`.
    """
    from cxr_cli.runs.model_store import open_run

    run = open_run(folder)
    opened = OpenRun(run, *open_images(run.config, dataset, split))
    if not is_finished(folder):
        reporter.say(
            f"{folder}: training is not finished; this is the best model so far, of epoch {run.epoch}"
        )
    return opened
