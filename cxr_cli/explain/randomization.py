"""Sanity check by cascading randomization: do the maps depend on what the model has learned?

Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 3.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from cxr_cli.explain.cam import explain_images, run_explainer
from cxr_cli.explain.explanation import Explanation, MapSettings, score_of_class
from cxr_cli.explain.select import class_numbers
from cxr_cli.explain.similarity import Floats, between_patients, mean_of_known, rank_correlation
from cxr_cli.models.network import Variables, create
from cxr_cli.models.stages import stage_numbers
from cxr_cli.prediction.loading import image_source
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.model_store import TrainedRun

# With these numbers, the standard error of the mean correlation is a few hundredths.
IMAGES = 32
INITIALIZATIONS = 5
UNCHANGED = 0.9
"""Mean rank correlation from which maps count as unchanged."""
SIMILAR = 0.5
"""Mean rank correlation from which maps count as similar."""

Maps = NDArray[np.float32]

MakeMaps = Callable[[Variables, NDArray[np.int64], int | None], Maps]
"""Maps (variables, places of images in an explanation, batch size) to their maps [len(places), h, w]."""


def map_maker(run: TrainedRun, explanation: Explanation, settings: MapSettings) -> MakeMaps:
    """Return a function that makes an explanation's maps again, of the same targets, with any parameters.

    A siamese run's templates stay those of the trained model, whatever the parameters.
    """
    score = score_of_class(run, settings.templates)
    function = run_explainer(run, score, explanation.layer, settings.method)
    images = explanation.images
    fetch = image_source(images.pixels)
    targets = class_numbers(explanation.table["target"], run.config.classes)

    def maps(variables: Variables, places: NDArray[np.int64], batch: int | None) -> Maps:
        return explain_images(function, variables, fetch, images.rows[places], targets[places], batch).maps

    return maps


class Randomized(NamedTuple):
    """A model whose last stages are re-initialized.

    Attributes:
        stage: the first of these, as dotted paths of modules, see `Backbone.STAGES`.
        variables: of the model.
    """

    stage: tuple[str, ...]
    variables: Variables


def randomize_from_the_head(run: TrainedRun, rng: np.random.Generator) -> Iterator[Randomized]:
    """Re-initialize a run's stages cumulatively, one after another, from the head to the stem."""
    stages = run.network.stages
    _, fresh = create(run.config.network_spec, rng)
    for first in reversed(range(len(stages))):
        pairs = zip(run.variables, fresh, strict=True)
        yield Randomized(stages[first], Variables(*(_mix(*pair, stages, first) for pair in pairs)))


def _mix(trained: Any, fresh: Any, stages: tuple[tuple[str, ...], ...], first: int) -> Any:
    """Take the arrays of the stages from `first` on from `fresh`, all others from `trained`."""
    numbers = stage_numbers(trained, stages)
    return jax.tree.map(lambda old, new, stage: new if stage >= first else old, trained, fresh, numbers)


@dataclass(frozen=True)
class RandomizedStage:
    """Similarity of maps to those of models that are randomized down to a stage.

    Attributes:
        randomized: the modules of the stage.
        judged: whether the verdict counts it.
        correlation: mean rank correlation over images and initializations.
        lowest, highest: the initialization with the lowest and the highest mean.
    """

    randomized: str
    judged: bool
    correlation: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class Randomization:
    """Similarity of maps to those of models that are randomized stage by stage.

    Attributes:
        images, initializations: their numbers.
        measure: of similarity, in words.
        stages: from the head to the stem.
        between_patients: mean rank correlation of two patients' maps of the trained model, the baseline.
        verdict: in words; it begins with "pass", "questionable" or "fail".
    """

    images: int
    initializations: int
    measure: str
    stages: tuple[RandomizedStage, ...]
    between_patients: float | None
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "stages": [asdict(stage) for stage in self.stages]}


def check_randomization(
    run: TrainedRun,
    make_maps: MakeMaps,
    places: NDArray[np.int64],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    reporter: Reporter = SILENT,
) -> Randomization:
    """Compare maps with those of models that are randomized from the head down, stage by stage.

    The head of a siamese model, the weights of the differences of two vectors, is not judged: re-initialized
    it is much the same.

    Args:
        run: the trained run.
        make_maps: see `map_maker`.
        places: of the images [N].
        patients: int [N].
        rng: of the initializations.
        reporter: takes the progress.
    """
    maps = make_maps(run.variables, places, None)
    stages = tuple(reversed(run.network.stages))
    found: Floats = np.empty((len(stages), INITIALIZATIONS, len(places)))
    with reporter.progress("randomized models") as advance:
        for number in range(INITIALIZATIONS):
            for depth, model in enumerate(randomize_from_the_head(run, rng)):
                randomized = make_maps(model.variables, places, None)
                found[depth, number] = rank_correlation(maps, randomized)
                advance(number * len(stages) + depth + 1, found[..., 0].size)
    first_judged = int(run.config.siamese)
    reports = []
    for depth, stage in enumerate(stages):
        means = [mean for values in found[depth] if (mean := mean_of_known(values)) is not None]
        reports.append(
            RandomizedStage(
                "+".join(stage),
                depth >= first_judged,
                mean_of_known(found[depth]),
                min(means, default=None),
                max(means, default=None),
            )
        )
    return Randomization(
        images=len(places),
        initializations=INITIALIZATIONS,
        measure="Spearman's rank correlation over a map's cells",
        stages=tuple(reports),
        between_patients=mean_of_known(between_patients(maps, patients, rng)),
        verdict=judge_randomization(found[first_judged:]),
    )


def judge_randomization(correlations: NDArray[np.floating]) -> str:
    """Judge maps by their similarity to those of randomized models.

    Args:
        correlations: [stages, initializations, images], NaN where an image's map is constant; at every stage
            at least the head is randomized.
    """
    means = [mean for stage in correlations if (mean := mean_of_known(stage)) is not None]
    if not means:
        return "fail: the maps are constant, or have no positive values"
    largest = max(means)
    if largest >= UNCHANGED:
        return "fail: the maps do not change when the parameters are randomized"
    if largest >= SIMILAR:
        return "questionable: the maps stay similar when the parameters are randomized"
    return "pass: the maps change when the parameters are randomized"
