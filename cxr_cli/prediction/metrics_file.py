"""metrics.json of a RUN, written by `cxr test`: later predictions follow its calibration and threshold."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from cxr_cli.artifacts import read_record, write_record
from cxr_cli.errors import BadInput
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.recalibration import Calibration
from cxr_cli.runs.folder import METRICS
from cxr_cli.runs.model_store import TrainedRun, is_of_run

if TYPE_CHECKING:
    from cxr_cli.evaluation.report import MetricsReport


class Entry(TypedDict):
    """A metric with its 95% interval; None where it is undefined or has none."""

    value: float | None
    low: float | None
    high: float | None
    method: str | None
    caution: NotRequired[str | None]


class Point(TypedDict):
    """An operating point, see `OperatingPoint`."""

    score: str
    threshold: float
    rule: str
    chosen_on: str | None
    sensitivity: float | None
    specificity: float | None
    positives: int | None
    negatives: int | None


@cache
def metrics_kind(*, of_class: bool = False) -> Any:
    """Return the type of the fields of metrics.json, or of one class in it, that commands read."""
    import msgspec

    from cxr_cli.evaluation.metrics.registry import METRICS as ROWS

    fields: list[Any] = [(row.name, Entry | msgspec.UnsetType, msgspec.UNSET) for row in ROWS]
    if of_class:
        return msgspec.defstruct("OfClass", [("images", int), *fields], kw_only=True)
    own: list[Any] = [
        ("images", int),
        ("patients", int),
        ("classes", list[str]),
        ("confusion_matrix", list[list[int]]),
        ("interval", str),
        ("per_class", dict[str, metrics_kind(of_class=True)]),  # type: ignore[misc]
        ("positive", str | msgspec.UnsetType, msgspec.UNSET),
        ("operating_point", Point | msgspec.UnsetType, msgspec.UNSET),
        ("calibration", dict[str, str | float | list[float]] | msgspec.UnsetType, msgspec.UNSET),
        ("epoch", int | msgspec.UnsetType, msgspec.UNSET),
        ("model_id", str | msgspec.UnsetType, msgspec.UNSET),
    ]
    return msgspec.defstruct("Metrics", [*own, *fields], kw_only=True)


def write_metrics(
    path: Path, run: TrainedRun, subset: str, report: "MetricsReport", calibration: Calibration | None = None
) -> None:
    """Write the metrics of a run on a subset, and the calibration of its scores."""
    content = {
        "run": str(run.folder),
        "model_id": run.model_id,
        "dataset_digest": run.config.dataset_digest,
        "split_digest": run.config.split_digest,
        "epoch": run.epoch,
        "subset": subset,
        **report.as_json(),
    }
    write_record(path, content if calibration is None else {**content, "calibration": calibration.as_json()})


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a metrics.json.

    Raises:
        BadInput: it is missing or damaged, or was changed.
    """
    return read_record(path, metrics_kind())


def check_model(path: Path, found: Mapping[str, Any], model_id: str, remedy: str) -> None:
    """Check that results are those of a model.

    Args:
        path: of the results, for the message.
        found: their record, with `model_id`.
        model_id: of the run's selected model.
        remedy: the command that makes them again.

    Raises:
        BadInput: they are of another run or epoch.
    """
    if found.get("model_id") != model_id:
        raise BadInput(
            f"{path}: is of model {found.get('model_id')}, the run's model is {model_id}; "
            f"make it again with `{remedy}`"
        )


def read_operating_point(run: TrainedRun) -> OperatingPoint | None:
    """Read the operating point that `cxr test` chose for a run of two classes.

    Returns:
        None where none was chosen, or for an earlier epoch's model of the same run.

    Raises:
        BadInput: metrics.json is damaged, or of another run.
    """
    metrics = _read_decided(run)
    if "operating_point" not in metrics:
        return None
    reached = {name: value for name, value in metrics["operating_point"].items() if name not in NAMED_APART}
    return OperatingPoint(metrics["positive"], **reached)


def read_calibration(run: TrainedRun) -> Calibration | None:
    """Read the calibration that `cxr test` fitted on the validation images of a run.

    Returns:
        None where none was fitted, or for an earlier epoch's model of the same run.

    Raises:
        BadInput: metrics.json is damaged, or of another run.
    """
    found = _read_decided(run).get("calibration")
    if found is None:
        return None
    parameters = {
        name: value for name, value in found.items() if name not in ("method", "fitted_on", "images")
    }
    return Calibration(found["method"], parameters, found["images"])


def _read_decided(run: TrainedRun) -> dict[str, Any]:
    """Read what the test of a run's present model says; nothing where there was none."""
    path = run.folder / METRICS
    if not path.exists():
        return {}
    metrics = read_metrics(path)
    found = str(metrics.get("model_id"))
    if not is_of_run(found, run.config.digest):
        check_model(path, metrics, run.model_id, f"cxr test {run.folder}")
    return metrics if found == run.model_id else {}


NAMED_APART = ("score", "chosen_on")
"""Entries of the operating point in metrics.json that follow from the others."""
