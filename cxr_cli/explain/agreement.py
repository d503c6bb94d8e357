"""Sanity checks by repetition: do the same maps come out again, and do maps of another run agree?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.localization_check import mean_estimate
from cxr_cli.explain.randomization import MakeMaps
from cxr_cli.explain.similarity import between_patients, largest_difference, mean_of_known, rank_correlation
from cxr_cli.prediction.batches import BACKWARD_BYTES, inference_batch
from cxr_cli.runs.model_store import TrainedRun

OTHER_BATCH_SIZE = 5
TOLERANCES = {"float32": 1e-3, "tf32": 1e-2, "bfloat16": 1e-1}
"""Largest difference of maps that count as the same, relative to an image's largest value, by precision:
the same terms are summed in another order, and nearly cancel."""


@dataclass(frozen=True)
class Repeatability:
    """How far maps that should be the same differ, relative to an image's largest value.

    Attributes:
        same_call: of the same call again.
        other_batch_size: of a call with batches of another size.
        batch_sizes: the usual and the other one.
        tolerance: largest difference that counts as the same.
    """

    same_call: float
    other_batch_size: float
    batch_sizes: tuple[int, int]
    tolerance: float

    @property
    def repeatable(self) -> bool:
        """Whether both differences are within the tolerance."""
        return max(self.same_call, self.other_batch_size) <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """All of it, with the verdict."""
        return {
            "same_call": self.same_call,
            "other_batch_size": self.other_batch_size,
            "batch_sizes": list(self.batch_sizes),
            "tolerance": self.tolerance,
            "repeatable": self.repeatable,
        }


def check_repeatability(run: TrainedRun, make_maps: MakeMaps, places: NDArray[np.int64]) -> Repeatability:
    """Make the same maps twice, and in batches of another size."""
    usual = inference_batch(len(places), run.config.size, BACKWARD_BYTES)
    maps, again, other = (
        make_maps(run.variables, places, batch) for batch in (usual, usual, OTHER_BATCH_SIZE)
    )
    return Repeatability(
        largest_difference(maps, again),
        largest_difference(maps, other),
        (min(usual, len(places)), min(OTHER_BATCH_SIZE, len(places))),
        TOLERANCES[run.config.network.precision],
    )


@dataclass(frozen=True)
class OtherRun:
    """How similar a run's maps are to another run's, one trained with another seed, for example.

    Attributes:
        run: folder of the other run.
        images: that are compared: both runs explain the same class, and the first run's map is not constant.
        other_target: images of which the runs explain different classes.
        correlation: mean rank correlation; None where there is no such image.
        between_patients: mean rank correlation of two patients' maps of the first run, the baseline.
    """

    run: str
    images: int
    other_target: int
    correlation: Estimate | None
    between_patients: float | None

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "run": self.run,
            "images": self.images,
            "other_target": self.other_target,
            "correlation": self.correlation and self.correlation.as_json(),
            "between_patients": self.between_patients,
        }


def compare_runs(
    first: Explanation, second: Explanation, name: str, patients: NDArray[np.int64], rng: np.random.Generator
) -> OtherRun:
    """Compare the maps of two runs of the same N images.

    Args:
        first, second: of each run.
        name: of the second.
        patients: int [N].
        rng: of the resamples, and of the baseline's pairs.

    Raises:
        InvalidSetting: the maps have different sizes.
    """
    if first.maps.shape != second.maps.shape:
        sizes = (" x ".join(map(str, each.maps.shape[1:])) for each in (first, second))
        raise InvalidSetting(
            "beside", name, f"the runs' maps have different sizes, {' and '.join(sizes)} cells"
        )
    same = (first.table["target"] == second.table["target"]).to_numpy()
    values = rank_correlation(first.maps, second.maps)
    counted = same & ~np.isnan(values)
    return OtherRun(
        run=name,
        images=int(counted.sum()),
        other_target=int((~same).sum()),
        correlation=mean_estimate(values[counted], patients[counted], rng) if counted.any() else None,
        between_patients=mean_of_known(between_patients(first.maps, patients, rng)),
    )
