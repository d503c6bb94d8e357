"""Maps that should be the same, and maps of two runs."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.explain.agreement import check_repeatability, compare_runs
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.select import ImageSet
from cxr_cli.models.network import Variables
from cxr_cli.runs.model_store import TrainedRun

PLACES = np.arange(4)
PATIENTS = np.arange(4)


def same_maps(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    """Make maps from the images alone, whatever the model."""
    return np.random.default_rng(0).random((len(places), 4, 4)).astype(np.float32)


def test_maps_that_depend_on_the_batch_are_not_repeatable(single: TrainedRun) -> None:
    def by_batch(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
        return same_maps(variables, places, batch) + np.float32(batch == 5)

    assert check_repeatability(single, same_maps, PLACES).repeatable is True
    report = check_repeatability(single, by_batch, PLACES)
    assert report.same_call == 0
    assert report.other_batch_size > 0.5
    assert report.repeatable is False


def explanation(maps: NDArray[np.float32], targets: list[str]) -> Explanation:
    table = pd.DataFrame({"target": targets})
    images = ImageSet(np.zeros((len(maps), 2, 2), np.uint8), np.arange(len(maps)), table)
    return Explanation(images, table, maps, "stage4")


def test_another_run_is_compared_where_both_explain_the_same_class() -> None:
    maps = same_maps(None, PLACES, 1)
    first = explanation(maps, ["a", "a", "b", "b"])
    second = explanation(np.concatenate([maps[:3], -maps[3:]]), ["a", "b", "b", "b"])
    report = compare_runs(first, second, "other", PATIENTS, np.random.default_rng(0))
    assert (report.images, report.other_target) == (3, 1)
    # Two maps are equal, one is inverted.
    assert report.correlation.value == pytest.approx(1 / 3)
    smaller = explanation(maps[:, :2, :2], ["a"] * 4)
    with pytest.raises(InvalidSetting, match=r"^`beside` other: .*4 x 4 and 2 x 2 cells"):
        compare_runs(first, smaller, "other", PATIENTS, np.random.default_rng(0))
