"""Cascading randomization: which parameters are re-initialized, and the verdicts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.explain.randomization import (
    INITIALIZATIONS,
    check_randomization,
    judge_randomization,
    randomize_from_the_head,
)
from cxr_cli.models.network import Variables, create
from cxr_cli.reporting import Advance
from cxr_cli.runs.model_store import TrainedRun

PLACES = np.arange(4)
PATIENTS = np.arange(4)


@pytest.fixture(scope="module")
def narrow(single: TrainedRun) -> TrainedRun:
    """A run whose configuration is that of its model."""
    config = replace(single.config, network=replace(single.config.network, width=0.05), size=32)
    network, variables = create(config.network_spec, np.random.default_rng(7))
    return replace(single, config=config, network=network, variables=variables)


def changed(before: Variables, after: Variables) -> dict[str, bool]:
    """Return by module whether the kernel has changed."""
    pairs = zip(
        jax.tree_util.tree_leaves_with_path(before.params), jax.tree.leaves(after.params), strict=True
    )
    return {
        ".".join(str(key.key) for key in path[:-1]): not np.array_equal(old, new)
        for (path, old), new in pairs
        if path[-1].key == "kernel"
    }


def test_stages_are_randomized_cumulatively_from_the_head_to_the_stem(narrow: TrainedRun) -> None:
    steps = list(randomize_from_the_head(narrow, np.random.default_rng(0)))
    assert [step.stage for step in steps] == list(reversed(narrow.network.stages))
    for depth, step in enumerate(steps):
        randomized = tuple(name for other in steps[: depth + 1] for name in other.stage)
        found = changed(narrow.variables, step.variables)
        assert found == {name: name.startswith(randomized) for name in found}
    others = next(iter(randomize_from_the_head(narrow, np.random.default_rng(1))))
    assert changed(steps[0].variables, others.variables)["classifier"]


def maps_like(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    """Make maps from the classifier's weights."""
    kernel = np.asarray(variables.params["classifier"]["kernel"])[:3]
    return np.stack([np.abs(np.roll(kernel, place)) for place in places]).astype(np.float32)


def same_maps(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    """Make maps from the images alone, whatever the model."""
    return np.random.default_rng(0).random((len(places), 4, 4)).astype(np.float32)


def flat_maps(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
    return np.ones((len(places), 4, 4), np.float32)


class Steps:
    """A reporter that keeps the progress."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def say(self, message: str) -> None:
        raise AssertionError(message)

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:
        def advance(done: int, total: int, note: str = "") -> None:
            assert (what, note) == ("randomized models", "")
            self.steps.append((done, total))

        yield advance


def test_maps_that_follow_the_head_pass(narrow: TrainedRun) -> None:
    reporter = Steps()
    rng = np.random.default_rng(0)
    report = check_randomization(narrow, maps_like, PLACES, PATIENTS, rng, reporter)
    assert report.verdict.startswith("pass")
    again = check_randomization(narrow, maps_like, PLACES, PATIENTS, np.random.default_rng(0))
    assert again == report
    assert [stage.randomized for stage in report.stages][:2] == ["classifier", "fc1+fc2"]
    first = report.stages[0]
    assert -1 <= first.lowest <= first.correlation <= first.highest < 0.9
    assert reporter.steps[-1] == (INITIALIZATIONS * len(narrow.network.stages),) * 2


@pytest.mark.parametrize(("maker", "reason"), [(same_maps, "do not change"), (flat_maps, "are constant")])
def test_maps_that_do_not_depend_on_the_head_fail(narrow: TrainedRun, maker: object, reason: str) -> None:
    report = check_randomization(narrow, maker, PLACES, PATIENTS, np.random.default_rng(0))
    assert report.verdict.startswith("fail")
    assert reason in report.verdict


def test_the_distance_weights_of_a_siamese_model_are_not_judged(
    narrow: TrainedRun, siamese: TrainedRun
) -> None:
    config = replace(narrow.config, task=siamese.config.task)
    network, variables = create(config.network_spec, np.random.default_rng(7))
    run = replace(narrow, config=config, network=network, variables=variables)

    def by_the_vector(variables: Variables, places: NDArray[np.int64], batch: int) -> NDArray[np.float32]:
        kernel = np.asarray(variables.params["backbone"]["fc2"]["kernel"])[:3]
        return np.stack([np.abs(np.roll(kernel, place)) for place in places]).astype(np.float32)

    report = check_randomization(run, by_the_vector, PLACES, PATIENTS, np.random.default_rng(0))
    first, second, *_ = report.stages
    assert (first.randomized, first.judged, second.judged) == ("alpha+bias", False, True)
    assert first.correlation == pytest.approx(1)
    assert report.verdict.startswith("pass")


@pytest.mark.parametrize(
    ("correlations", "verdict"),
    [
        (np.full((2, 1, 3), 1.0), "fail: the maps do not change"),
        (np.full((2, 1, 3), np.nan), "fail: the maps are constant"),
        (np.array([[[0.1]], [[0.6]]]), "questionable"),
        (np.array([[[0.4, np.nan]], [[0.2, np.nan]]]), "pass"),
    ],
)
def test_maps_that_change_too_little_fail(correlations: np.ndarray, verdict: str) -> None:
    assert judge_randomization(correlations).startswith(verdict)
