"""metrics.json of a RUN: written by `cxr test`; its operating point is what later predictions follow."""

from pathlib import Path

from cxr_cli.artifacts import read_json
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.runs.folder import METRICS


def read_operating_point(run: Path, epoch: int) -> OperatingPoint | None:
    """Read the operating point that `cxr test` chose for a run of two classes.

    Args:
        run: folder of the run.
        epoch: of its model.

    Returns:
        None where none was chosen, or for the model of another epoch.
    """
    path = run / METRICS
    metrics = read_json(path) if path.exists() else {}
    if "operating_point" not in metrics or metrics.get("epoch") != epoch:
        return None
    point = metrics["operating_point"]
    return OperatingPoint(
        positive=metrics["positive"],
        threshold=point["threshold"],
        rule=point["rule"],
        sensitivity=point["sensitivity"],
        specificity=point["specificity"],
        positives=point["positives"],
        negatives=point["negatives"],
    )
