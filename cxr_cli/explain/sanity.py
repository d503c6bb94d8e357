"""Do maps of heat mean something? Models that forget, the same maps again, masks of findings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.explain.cam import explain_images, run_explainer
from cxr_cli.explain.explanation import Explanation, Question, score_of_class
from cxr_cli.explain.localization import judge_localization, localization_report, locate, mean_estimate
from cxr_cli.explain.masks import find_masks, read_mask
from cxr_cli.explain.select import class_numbers
from cxr_cli.explain.similarity import (
    Floats,
    between_images,
    judge_forgetting,
    largest_difference,
    mean_of_known,
    rank_correlation,
)
from cxr_cli.images.read import Geometry
from cxr_cli.models.network import Variables, create
from cxr_cli.models.stages import stage_numbers
from cxr_cli.prediction.forward import INFERENCE_BATCH
from cxr_cli.prediction.loading import image_source
from cxr_cli.runs.model_store import TrainedRun

# Images and draws of new weights: their mean correlation is then known to some hundredths.
IMAGES = 32
DRAWS = 5
OTHER_BATCH = 5
"""Images at once when the same maps are made in another way."""
TOLERANCES = {"float32": 1e-3, "tf32": 1e-2, "bfloat16": 1e-1}
"""Largest difference, as a share of an image's largest heat, of maps that are the same, by arithmetic:
the same numbers are added up in another order, and nearly cancel."""

Maps = NDArray[np.float32]
Report = dict[str, Any]
Advance = Callable[[int, int], None]

MakeMaps = Callable[[Variables, NDArray[np.int64], int], Maps]
"""Maps (variables, places of images in an explanation, images at once) to their maps [len(places), h, w]."""


def map_maker(run: TrainedRun, explanation: Explanation, question: Question) -> MakeMaps:
    """Return what makes an explanation's maps again, of the same targets, with any weights.

    A siamese run's templates stay those of the trained model, whatever the weights.
    """
    score = score_of_class(run, question.templates)
    function = run_explainer(run, score, explanation.layer, question.method)
    images = explanation.images
    fetch = image_source(images.images)
    targets = class_numbers(explanation.table["target"], run.config.classes)

    def maps(variables: Variables, places: NDArray[np.int64], batch: int) -> Maps:
        return explain_images(function, variables, fetch, images.rows[places], targets[places], batch).maps

    return maps


class Forgotten(NamedTuple):
    """A model of which the last stages are drawn anew.

    Attributes:
        stage: the first of them, as dotted paths of modules, see `Backbone.STAGES`.
        variables: of the model.
    """

    stage: tuple[str, ...]
    variables: Variables


def forget_from_the_head(run: TrainedRun, rng: np.random.Generator) -> Iterator[Forgotten]:
    """Draw a run's stages anew as before training: the last, then with it the one before, down to the stem.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 3, cascading randomization.
    """
    stages = run.network.stages
    _, fresh = create(run.config.network_spec, rng)
    for first in reversed(range(len(stages))):
        pairs = zip(run.variables, fresh, strict=True)
        yield Forgotten(stages[first], Variables(*(_redrawn(*pair, stages, first) for pair in pairs)))


def _redrawn(trained: Any, fresh: Any, stages: tuple[tuple[str, ...], ...], first: int) -> Any:
    """Take the arrays of the stages from `first` on from `fresh`, all others from `trained`."""
    numbers = stage_numbers(trained, stages)
    return jax.tree.map(lambda old, new, stage: new if stage >= first else old, trained, fresh, numbers)


def check_forgetting(
    run: TrainedRun,
    maker: MakeMaps,
    places: NDArray[np.int64],
    patients: NDArray[np.int64],
    rng: np.random.Generator,
    advance: Advance,
) -> Report:
    """Compare maps with those of models that have forgotten more and more.

    Args:
        run: the trained run.
        maker: see `map_maker`.
        places: of the images [N].
        patients: theirs, int [N].
        rng: of the draws of weights.
        advance: called with (steps done, steps in all).

    Returns:
        By stage the mean `correlation` over images and draws, that of the draws `lowest` and `highest`, and
        whether it is `judged`: the weights by which a siamese model adds up differences of two vectors are
        not, for drawn anew they are much the same. `between_images` of one model; and the `verdict`.
    """
    maps = maker(run.variables, places, INFERENCE_BATCH)
    stages = tuple(reversed(run.network.stages))
    found: Floats = np.empty((len(stages), DRAWS, len(places)))
    for draw in range(DRAWS):
        for depth, forgotten in enumerate(forget_from_the_head(run, rng)):
            found[depth, draw] = rank_correlation(maps, maker(forgotten.variables, places, INFERENCE_BATCH))
            advance(draw * len(stages) + depth + 1, found[..., 0].size)
    judged = np.arange(len(stages)) >= int(run.config.siamese)
    means = [[mean_of_known(draw) for draw in stage] for stage in found]
    return {
        "images": len(places),
        "draws": DRAWS,
        "measure": "Spearman's rank correlation over a map's cells",
        "stages": [
            {
                "drawn_anew": "+".join(stage),
                "judged": bool(judged[depth]),
                "correlation": mean_of_known(found[depth]),
                "lowest": min((mean for mean in means[depth] if mean is not None), default=None),
                "highest": max((mean for mean in means[depth] if mean is not None), default=None),
            }
            for depth, stage in enumerate(stages)
        ],
        "between_images": mean_of_known(between_images(maps, patients, rng)),
        "verdict": judge_forgetting(found[judged]),
    }


def check_repeating(run: TrainedRun, maker: MakeMaps, places: NDArray[np.int64]) -> Report:
    """Make the same maps twice, and in batches of another size."""
    maps, again, other = (
        maker(run.variables, places, batch) for batch in (INFERENCE_BATCH, INFERENCE_BATCH, OTHER_BATCH)
    )
    found = {"same_call": largest_difference(maps, again), "other_batch": largest_difference(maps, other)}
    tolerance = TOLERANCES[run.config.network.precision]
    return {
        **found,
        "batches": [min(batch, len(places)) for batch in (INFERENCE_BATCH, OTHER_BATCH)],
        "tolerance": tolerance,
        "repeatable": max(found.values()) <= tolerance,
    }


def check_other_run(
    first: Explanation, second: Explanation, patients: NDArray[np.int64], rng: np.random.Generator
) -> Report:
    """Compare a run's maps with another's of the same images, one trained with another seed, say.

    Images are compared where both explain the same class and the first run's map has ranks; `correlation` is
    None where there is none.

    Raises:
        UsageFault: the maps have other sizes.
    """
    if first.maps.shape != second.maps.shape:
        sizes = (" x ".join(map(str, each.maps.shape[1:])) for each in (first, second))
        raise UsageFault(f"--beside: the runs' maps are not of one size, {' and '.join(sizes)} cells")
    same = (first.table["target"] == second.table["target"]).to_numpy()
    values = rank_correlation(first.maps, second.maps)
    counted = same & ~np.isnan(values)
    correlation = None
    if counted.any():
        correlation = mean_estimate(values[counted], patients[counted], rng).as_json()
    return {
        "images": int(counted.sum()),
        "other_target": int((~same).sum()),
        "correlation": correlation,
        "between_images": mean_of_known(between_images(first.maps, patients, rng)),
    }


class Localized(NamedTuple):
    """What masks say of maps: the report, and columns of figures image by image, NaN where there is no mask."""

    report: Report
    columns: dict[str, NDArray[Any]]


def check_masks(
    folder: Path,
    explanation: Explanation,
    geometry: Geometry,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> Localized:
    """Tell how well maps lie on the findings that masks show; images without a finding are left out.

    Raises:
        BadInput: see `find_masks` and `read_mask`; or no image has a finding.
    """
    table = explanation.table
    paths = find_masks(folder, table["source"].tolist())
    masks = [None if path is None else read_mask(path, geometry) for path in paths]
    has_mask = np.array([mask is not None for mask in masks])
    images = np.flatnonzero(np.array([mask is not None and bool(mask.any()) for mask in masks]))
    if not len(images):
        raise BadInput(f"{folder}: the masks of all {has_mask.sum()} images are black: there is no finding")
    findings = np.stack([mask for mask in masks if mask is not None and mask.any()])
    located = locate(explanation.maps[images], findings, patients[images])
    everyone = np.ones(len(images), np.bool_)
    parts = {
        name: chosen for name, chosen in _parts(explanation, images).items() if 0 < chosen.sum() < len(images)
    }
    reports = {
        name: localization_report(located, patients[images], chosen, rng)
        for name, chosen in {"all": everyone, **parts}.items()
    }
    report = {
        "folder": str(folder),
        "images": len(images),
        "without_mask": int((~has_mask).sum()),
        "without_finding": int(has_mask.sum()) - len(images),
        "groups": reports,
        "verdict": judge_localization(reports["all"]),
    }
    columns: dict[str, NDArray[Any]] = {
        "mask": np.array(["" if path is None else str(path) for path in paths])
    }
    for name, figure in located.items():
        columns[name] = np.full(len(table), np.nan)
        columns[name][images] = figure.own
    return Localized(report, columns)


def _parts(explanation: Explanation, images: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Part images by label, and by whether the prediction is right; those without a label are in neither."""
    table = explanation.table.iloc[images]
    labels, right = table["label"].to_numpy(), (table["label"] == table["predicted"]).to_numpy()
    of_label = {f"label {name}": labels == name for name in sorted({*labels} - {""})}
    return {**of_label, "predicted right": right, "predicted wrong": ~right & (labels != "")}
