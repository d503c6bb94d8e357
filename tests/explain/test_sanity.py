"""Models that forget, and what is said of maps that do not care."""

from dataclasses import replace
from pathlib import Path

import cv2
import jax
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.explain.explanation import Explanation
from cxr_cli.explain.sanity import (
    DRAWS,
    check_forgetting,
    check_masks,
    check_other_run,
    check_repeating,
    forget_from_the_head,
)
from cxr_cli.explain.select import ImageSet
from cxr_cli.images.read import Geometry
from cxr_cli.models.network import Variables, create
from cxr_cli.runs.model_store import TrainedRun

PLACES = np.arange(4)
PATIENTS = np.arange(4)


@pytest.fixture(scope="module")
def narrow(single: TrainedRun) -> TrainedRun:
    """A run whose configuration is that of its model."""
    config = replace(single.config, width=0.05, size=32)
    network, variables = create(config.network_spec, np.random.default_rng(7))
    return replace(single, config=config, network=network, variables=variables)


def changed(before: Variables, after: Variables) -> dict[str, bool]:
    """Tell by module which kernels are others."""
    pairs = zip(
        jax.tree_util.tree_leaves_with_path(before.params), jax.tree.leaves(after.params), strict=True
    )
    return {
        ".".join(str(key.key) for key in path[:-1]): not np.array_equal(old, new)
        for (path, old), new in pairs
        if path[-1].key == "kernel"
    }


def test_a_network_forgets_from_the_head_down_to_the_stem(narrow: TrainedRun) -> None:
    steps = list(forget_from_the_head(narrow, np.random.default_rng(0)))
    assert [step.stage for step in steps] == list(reversed(narrow.network.stages))
    for depth, step in enumerate(steps):
        gone = tuple(name for other in steps[: depth + 1] for name in other.stage)
        found = changed(narrow.variables, step.variables)
        assert found == {name: name.startswith(gone) for name in found}
    others = next(iter(forget_from_the_head(narrow, np.random.default_rng(1))))
    assert changed(steps[0].variables, others.variables)["classifier"]


def maps_like(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    """Maps that are made of the classifier's weights."""
    kernel = np.asarray(variables.params["classifier"]["kernel"])[:3]
    return np.stack([np.abs(np.roll(kernel, place)) for place in places]).astype(np.float32)


def same_maps(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    """Maps that are of the images alone, whatever the model."""
    return np.random.default_rng(0).random((len(places), 4, 4)).astype(np.float32)


def flat_maps(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    return np.ones((len(places), 4, 4), np.float32)


def test_maps_that_follow_the_head_are_sound(narrow: TrainedRun) -> None:
    rng, steps = np.random.default_rng(0), []
    report = check_forgetting(narrow, maps_like, PLACES, PATIENTS, rng, lambda *step: steps.append(step))
    assert report["verdict"].startswith("sound")
    again = check_forgetting(narrow, maps_like, PLACES, PATIENTS, np.random.default_rng(0), lambda *_: None)
    assert again == report
    assert [stage["drawn_anew"] for stage in report["stages"]][:2] == ["classifier", "fc1+fc2"]
    first = report["stages"][0]
    assert -1 <= first["lowest"] <= first["correlation"] <= first["highest"] < 0.9
    assert steps[-1] == (DRAWS * len(narrow.network.stages),) * 2


@pytest.mark.parametrize(("maker", "reason"), [(same_maps, "stay as they are"), (flat_maps, "are flat")])
def test_maps_that_do_not_care_for_the_head_are_no_explanation(
    narrow: TrainedRun, maker: object, reason: str
) -> None:
    report = check_forgetting(narrow, maker, PLACES, PATIENTS, np.random.default_rng(0), lambda *_: None)
    assert report["verdict"].startswith("no explanation")
    assert reason in report["verdict"]


def test_the_weights_of_a_siamese_networks_distance_are_not_judged(narrow: TrainedRun) -> None:
    siamese = replace(narrow, config=replace(narrow.config, siamese=True))
    network, variables = create(siamese.config.network_spec, np.random.default_rng(7))
    run = replace(siamese, network=network, variables=variables)

    def by_the_vector(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
        kernel = np.asarray(variables.params["backbone"]["fc2"]["kernel"])[:3]
        return np.stack([np.abs(np.roll(kernel, place)) for place in places]).astype(np.float32)

    report = check_forgetting(run, by_the_vector, PLACES, PATIENTS, np.random.default_rng(0), lambda *_: None)
    first, second, *_ = report["stages"]
    assert (first["drawn_anew"], first["judged"], second["judged"]) == ("alpha+bias", False, True)
    assert first["correlation"] == pytest.approx(1)
    assert report["verdict"].startswith("sound")


def test_maps_that_depend_on_the_batch_are_not_repeatable(narrow: TrainedRun) -> None:
    def by_batch(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
        return same_maps(variables, places, batch) + np.float32(batch == 5)

    assert check_repeating(narrow, same_maps, PLACES)["repeatable"] is True
    report = check_repeating(narrow, by_batch, PLACES)
    assert report["same_call"] == 0
    assert report["other_batch"] > 0.5
    assert report["repeatable"] is False


def explanation(maps: NDArray[np.float32], targets: list[str]) -> Explanation:
    table = pd.DataFrame({"target": targets})
    images = ImageSet(np.zeros((len(maps), 2, 2), np.uint8), np.arange(len(maps)), table)
    return Explanation(images, table, maps, "stage4")


def put_mask(folder: Path, name: str, filled: bool) -> None:
    assert cv2.imwrite(str(folder / f"{name}.png"), np.full((8, 8), 255 * filled, np.uint8))


def test_images_without_a_finding_are_counted_and_left_out(tmp_path: Path) -> None:
    images = explanation(same_maps(None, PLACES, 1), ["a", "a", "b", "b"])
    images.table["source"] = [f"images/{number}.dcm" for number in PLACES]
    images.table["label"] = ["a", "a", "b", "b"]
    images.table["predicted"] = ["a", "b", "b", "b"]
    put_mask(tmp_path, "0", filled=False)
    with pytest.raises(BadInput, match="the masks of all 1 images are black: there is no finding"):
        check_masks(tmp_path, images, Geometry(8), PATIENTS, np.random.default_rng(0))
    for name in ("1", "3"):
        put_mask(tmp_path, name, filled=True)
    report, columns = check_masks(tmp_path, images, Geometry(8), PATIENTS, np.random.default_rng(0))
    assert (report["images"], report["without_finding"], report["without_mask"]) == (2, 1, 1)
    assert np.isnan(columns["heat_share"]).tolist() == [True, False, True, False]
    assert columns["mask"].tolist() == [
        str(tmp_path / "0.png"),
        str(tmp_path / "1.png"),
        "",
        str(tmp_path / "3.png"),
    ]
    # Of a mask that is all of the image, all heat lies inside, on any map.
    assert report["groups"]["all"]["heat_share"]["value"] == pytest.approx(1)
    assert report["groups"]["all"]["heat_share"]["above_chance"] is False
    images_of = {name: group["images"] for name, group in report["groups"].items()}
    assert images_of == {"all": 2, "label a": 1, "label b": 1, "predicted right": 1, "predicted wrong": 1}


def test_another_run_is_compared_where_both_explain_the_same_class() -> None:
    maps = same_maps(None, PLACES, 1)
    first = explanation(maps, ["a", "a", "b", "b"])
    second = explanation(np.concatenate([maps[:3], -maps[3:]]), ["a", "b", "b", "b"])
    report = check_other_run(first, second, PATIENTS, np.random.default_rng(0))
    assert (report["images"], report["other_target"]) == (3, 1)
    # Two images are alike, one is the other way round.
    assert report["correlation"]["value"] == pytest.approx(1 / 3)
    with pytest.raises(UsageFault, match="4 x 4 and 2 x 2 cells"):
        check_other_run(first, explanation(maps[:, :2, :2], ["a"] * 4), PATIENTS, np.random.default_rng(0))
