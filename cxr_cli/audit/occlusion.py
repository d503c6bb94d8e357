"""Images -> images of which only a part is seen -> a run's scores."""

from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.audit.regions import View, see
from cxr_cli.prediction.loading import FetchBatch
from cxr_cli.prediction.scores import image_scorer
from cxr_cli.runs.model_store import TrainedRun


def scores_by_view(
    run: TrainedRun,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    views: Sequence[View],
    fill: NDArray[np.uint8],
    templates: Path | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Score the same images by class, once for each view of them.

    Args:
        run: the trained run.
        images: uint8 [N, H, W].
        rows: which images.
        views: what is seen of them.
        fill: uint8 [H, W], in the place of what is hidden.
        templates: of a siamese run; None takes the run's own.

    Returns:
        By the view's name, float32 [len(rows), C], 0 ... 1.

    Raises:
        UsageFault, BadInput: see `image_scorer`.
    """
    score = image_scorer(run, templates)

    def fetch_of(view: View) -> FetchBatch:
        def fetch(batch: NDArray[np.int64]) -> Array:
            return jnp.asarray(see(images[batch], view, fill))

        return fetch

    return {view.name: score(fetch_of(view), rows).values for view in views}
