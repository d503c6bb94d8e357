"""TensorBoard and MLflow receive each epoch once, however often a run was resumed."""

import re
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cxr_cli.errors import BadInput, Preempted, UsageError
from cxr_cli.extras import install_command
from cxr_cli.training import trackers
from cxr_cli.training.history import EpochRecord

CONFIG: Any = SimpleNamespace(decisive={"lr": 1e-3, "arch": "covidnet", "fold": None, "classes": ("a", "b")})


def record(epoch: int) -> EpochRecord:
    before = float("nan")
    return EpochRecord(epoch, before if epoch == 0 else 1.0, 0.5, 1 / (epoch + 1), 0.25, 2.0, 1, val_auc=0.75)


def track(tracker: trackers.Tracker, folder: Path, epochs: int, stopped: bool = False) -> None:
    with trackers.tracking([tracker], folder, CONFIG) as one:
        for epoch in range(epochs):
            one(record(epoch))
        if stopped:
            raise Preempted("stopped")


def scalars_in(path: Path) -> list[tuple[str, int, float]]:
    """Read an event file: records of length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
        content = content[16 + length :]
    return found


def test_tensorboard_has_each_epoch_once_after_a_resumption(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="the extra `tensorboard` is not installed")
    with pytest.raises(Preempted):
        track(trackers.tensorboard_files, tmp_path, 2, stopped=True)
    track(trackers.tensorboard_files, tmp_path, 3)
    (events,) = (tmp_path / "tensorboard").iterdir()
    found = scalars_in(events)
    assert [(step, value) for tag, step, value in found if tag == "loss/val"] == [
        (0, 1.0),
        (1, 0.5),
        (2, pytest.approx(1 / 3)),
    ]
    assert [step for tag, step, _ in found if tag == "loss/train"] == [1, 2]
    assert {tag for tag, _, _ in found} == {
        *("loss/train", "accuracy/train", "loss/val", "accuracy/val", "auc/val", "seconds")
    }


def test_no_epoch_no_files(tmp_path: Path) -> None:
    track(trackers.tensorboard_files, tmp_path, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_each_epoch_once_after_a_resumption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "chest")
    run = tmp_path / "single"
    run.mkdir()
    with pytest.raises(Preempted):
        track(trackers.mlflow_run, run, 2, stopped=True)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("chest").experiment_id
    assert client.search_runs([experiment])[0].info.status == "KILLED"
    track(trackers.mlflow_run, run, 3)
    (found,) = client.search_runs([experiment])
    assert (found.info.run_name, found.info.status) == ("single", "FINISHED")
    assert found.data.params == {"lr": "0.001", "arch": "covidnet", "fold": "null", "classes": '["a", "b"]'}
    assert [one.step for one in client.get_metric_history(found.info.run_id, "val_loss")] == [0, 1, 2]
    assert found.data.metrics["val_auc"] == 0.75
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://here")
    with pytest.raises(BadInput, match="`mlflow`: "):
        track(trackers.mlflow_run, run, 1)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_an_extra_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    asked = {"tensorboard": False, "mlflow": False}
    assert trackers.find_trackers(**asked) == ()
    with pytest.raises(UsageError, match=rf"^`{name}`: needs \w+; {re.escape(install_command(name))}$"):
        trackers.find_trackers(**asked | {name: True})
