"""metrics.json of a RUN, written by `cxr test`: later predictions follow its calibration and threshold."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.artifacts import read_json, write_json
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.evaluation.recalibration import Calibration
from cxr_cli.runs.folder import METRICS
from cxr_cli.runs.model_store import TrainedRun

if TYPE_CHECKING:
    from cxr_cli.evaluation.report import MetricsReport


def write_metrics(
    path: Path, run: TrainedRun, subset: str, report: "MetricsReport", calibration: Calibration | None = None
) -> None:
    """Write the metrics of a run on a subset, and the calibration of its scores."""
    content = {"run": str(run.folder), "epoch": run.epoch, "subset": subset, **report.as_json()}
    write_json(path, content if calibration is None else {**content, "calibration": calibration.as_json()})


def read_operating_point(run: TrainedRun) -> OperatingPoint | None:
    """Read the operating point that `cxr test` chose for a run of two classes.

    Returns:
        None where none was chosen, or for the model of another epoch.
    """
    metrics = _read_decided(run)
    if "operating_point" not in metrics:
        return None
    reached = {name: value for name, value in metrics["operating_point"].items() if name not in NAMED_APART}
    return OperatingPoint(metrics["positive"], **reached)


def read_calibration(run: TrainedRun) -> Calibration | None:
    """Read the calibration that `cxr test` fitted on the validation images of a run.

    Returns:
        None where none was fitted, or for the model of another epoch.
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
    metrics = read_json(path) if path.exists() else {}
    return metrics if metrics.get("epoch") == run.epoch else {}


NAMED_APART = ("score", "chosen_on")
"""Entries of the operating point in metrics.json that follow from the others."""
