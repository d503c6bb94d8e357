"""A run's scores of images of which all but a region is occluded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.audit.regions import Region, occlude
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.loading import FetchBatch
from cxr_cli.prediction.scores import image_scorer
from cxr_cli.runs.model_store import TrainedRun


def scores_by_region(
    run: TrainedRun,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    regions: Sequence[Region],
    fill: NDArray[np.uint8],
    templates: Path | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Score the same images by class, once for each visible region.

    Args:
        run: the trained run.
        images: uint8 [N, H, W].
        rows: which images.
        regions: what stays visible.
        fill: uint8 [H, W], in the place of what is occluded.
        templates: of a siamese run; None takes the run's own.

    Returns:
        By the region's name, float32 [len(rows), C], 0 ... 1.

    Raises:
        InvalidSetting, BadInput: see `image_scorer`.
    """
    score = image_scorer(run, templates)

    def fetch_of(region: Region) -> FetchBatch:
        def fetch(batch: NDArray[np.int64]) -> Array:
            return local_devices().divide(occlude(images[batch], region, fill))

        return fetch

    return {region.name: score(fetch_of(region), rows).values for region in regions}
