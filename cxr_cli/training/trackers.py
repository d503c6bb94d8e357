"""Trackers of experiments, TensorBoard and MLflow: they receive each epoch's numbers. Extras, of their own.

A tracker may receive an epoch that it has already, after a resumption: it keeps one of each.
"""

import json
import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

from cxr_cli.artifacts import read_record, write_record
from cxr_cli.errors import BadInput, Preempted, UsageError
from cxr_cli.extras import install_command
from cxr_cli.runs.config import RunConfig
from cxr_cli.training.history import EpochRecord
from cxr_cli.training.loop import Track

Tracker = Callable[[Path, RunConfig], AbstractContextManager[Track]]
"""Opens the tracking of a run, by its folder and configuration."""

TENSORBOARD, MLFLOW = "tensorboard", "mlflow.json"
EXPERIMENT = "cxr"
"""The MLflow experiment, where MLFLOW_EXPERIMENT_NAME names none."""


def find_trackers(*, tensorboard: bool, mlflow: bool) -> tuple[Tracker, ...]:
    """Return the trackers that are asked for.

    Raises:
        UsageError: one whose package is not installed.
    """
    wanted = {
        "tensorboard": (tensorboard, "tensorboardX", tensorboard_files),
        "mlflow": (mlflow, "mlflow", mlflow_run),
    }
    for name, (asked, package, _) in wanted.items():
        if asked and find_spec(package) is None:
            raise UsageError(f"`{name}`: needs {package}; {install_command(name)}")
    return tuple(tracker for asked, _, tracker in wanted.values() if asked)


@contextmanager
def tracking(trackers: Collection[Tracker], folder: Path, config: RunConfig) -> Iterator[Track]:
    """Track a run with all of these."""
    with ExitStack() as stack:
        tracks = [stack.enter_context(tracker(folder, config)) for tracker in trackers]

        def track(record: EpochRecord) -> None:
            for one in tracks:
                one(record)

        yield track


def scalars_of(record: EpochRecord) -> dict[str, float]:
    """Return an epoch's numbers by column of history.csv, those that it has."""
    values = {name: value for name, value in asdict(record).items() if name not in ("epoch", "selected")}
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


@contextmanager
def tensorboard_files(folder: Path, config: RunConfig) -> Iterator[Track]:  # noqa: ARG001 - a `Tracker`
    """Write RUN/tensorboard: each session one file, in place of those before it, with their epochs too."""
    with ExitStack() as stack:
        writer: Any = None

        def track(record: EpochRecord) -> None:
            nonlocal writer
            if writer is None:
                from tensorboardX import SummaryWriter

                for old in (folder / TENSORBOARD).glob("events.out.tfevents.*"):
                    old.unlink()
                writer = SummaryWriter(logdir=str(folder / TENSORBOARD), write_to_disk=True)
                stack.callback(writer.close)
            for name, value in scalars_of(record).items():
                subset, _, metric = name.partition("_")
                writer.add_scalar(f"{metric}/{subset}" if metric else name, value, record.epoch)
            writer.flush()

        yield track


class MlflowRecord(TypedDict):
    """The fields of RUN/mlflow.json: which of MLflow's runs has the numbers of this one."""

    run_id: str


@contextmanager
def mlflow_run(folder: Path, config: RunConfig) -> Iterator[Track]:
    """Log to MLflow, at the place and the experiment that its environment variables name.

    The run has the folder's name; its parameters are all that decides it, without the places of files.

    Raises:
        BadInput: MLflow does not answer, or refuses.
    """
    # Not that a hospital's machine reports to anybody.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    client: Any = None
    run_id, known = "", -1

    def track(record: EpochRecord) -> None:
        nonlocal run_id, known
        if not run_id:
            run_id = _open_run(client, folder)
            params = [
                Param(name, value if isinstance(value, str) else json.dumps(value))
                for name, value in config.decisive.items()
            ]
            client.log_batch(run_id, params=params)
            known = max((one.step for one in client.get_metric_history(run_id, "val_loss")), default=-1)
        if record.epoch > known:
            now = int(time.time() * 1000)
            metrics = [Metric(name, value, now, record.epoch) for name, value in scalars_of(record).items()]
            client.log_batch(run_id, metrics=metrics)

    try:
        client = MlflowClient()
        client.search_experiments(max_results=1)  # asked for now, not after an epoch
        yield track
    except MlflowException as error:
        first = str(error).partition("\n")[0]
        raise BadInput(f"`mlflow`: {first}; MLFLOW_TRACKING_URI says where MLflow is") from error
    except BaseException as error:
        if run_id:
            client.set_terminated(run_id, "KILLED" if isinstance(error, Preempted) else "FAILED")
        raise
    if run_id:
        client.set_terminated(run_id, "FINISHED")


def _open_run(client: Any, folder: Path) -> str:
    """Find the MLflow run of a RUN folder, or make it."""
    from mlflow.exceptions import MlflowException

    if (folder / MLFLOW).exists():
        run_id: str = read_record(folder / MLFLOW, MlflowRecord)["run_id"]
        try:
            client.update_run(run_id, status="RUNNING")
        except MlflowException:  # it was deleted, or is at another place than now
            pass
        else:
            return run_id
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
    run_id = client.create_run(experiment_id, run_name=folder.resolve().name).info.run_id
    write_record(folder / MLFLOW, {"run_id": run_id})
    return run_id
