"""Do maps of heat mean something? Nets that forget, the same maps again, masks of findings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, UsageFault
from cxr_cli.explain.cam import explain_films, run_explainer
from cxr_cli.explain.explanation import Explanation, Question, score_of_class
from cxr_cli.explain.localization import judge_localisation, localisation_report, locate, mean_estimate
from cxr_cli.explain.masks import find_masks, read_mask
from cxr_cli.explain.select import class_numbers
from cxr_cli.explain.similarity import (
    Floats,
    between_films,
    judge_forgetting,
    largest_difference,
    mean_of_known,
    rank_correlation,
)
from cxr_cli.images.read import Geometry
from cxr_cli.models.registry import Variables, create
from cxr_cli.models.stages import stage_numbers
from cxr_cli.prediction.forward import INFERENCE_BATCH
from cxr_cli.prediction.loading import film_source
from cxr_cli.runs.model_store import TrainedRun

# Films and draws of new weights: their mean correlation is then known to some hundredths.
FILMS = 32
DRAWS = 5
OTHER_BATCH = 5
"""Films at once when the same maps are made in another way."""
TOLERANCES = {"float32": 1e-3, "tf32": 1e-2, "bfloat16": 1e-1}
"""Largest difference, as a share of a film's largest heat, of maps that are the same, by arithmetic:
the same numbers are added up in another order, and nearly cancel."""

Maps = NDArray[np.float32]
Report = dict[str, Any]
Advance = Callable[[int, int], None]

MakeMaps = Callable[[Variables, NDArray[np.int64], int], Maps]
"""Maps (variables, places of films in an explanation, films at once) to their maps [len(places), h, w]."""


def map_maker(run: TrainedRun, explanation: Explanation, question: Question) -> MakeMaps:
    """Return what makes an explanation's maps again, of the same targets, with any weights.

    A siamese run's templates stay those of the trained net, whatever the weights.
    """
    score = score_of_class(run, question.templates)
    function = run_explainer(run, score, explanation.layer, question.method)
    films = explanation.films
    fetch = film_source(films.images)
    targets = class_numbers(explanation.table["target"], run.config.classes)

    def maps(variables: Variables, places: NDArray[np.int64], batch: int) -> Maps:
        return explain_films(function, variables, fetch, films.rows[places], targets[places], batch).maps

    return maps


class Forgotten(NamedTuple):
    """A net of which the last stages are drawn anew.

    Attributes:
        stage: the first of them, as dotted paths of modules, see `Backbone.STAGES`.
        variables: of the net.
    """

    stage: tuple[str, ...]
    variables: Variables


def forget_from_the_head(run: TrainedRun, rng: np.random.Generator) -> Iterator[Forgotten]:
    """Draw a run's stages anew as before training: the last, then with it the one before, down to the stem.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps", section 3, cascading randomisation.
    """
    stages = run.network.stages
    _, fresh = create(run.config.network, rng)
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
    """Compare maps with those of nets that have forgotten more and more.

    Args:
        run: the trained run.
        maker: see `map_maker`.
        places: of the films [N].
        patients: theirs, int [N].
        rng: of the draws of weights.
        advance: called with (steps done, steps in all).

    Returns:
        By stage the mean `correlation` over films and draws, that of the draws `lowest` and `highest`, and
        whether it is `judged`: the weights by which a siamese net adds up differences of two vectors are not,
        for drawn anew they are much the same. `between_films` of one net; and the `verdict`.
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
        "films": len(places),
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
        "between_films": mean_of_known(between_films(maps, patients, rng)),
        "verdict": judge_forgetting(found[judged]),
    }


def check_repeating(run: TrainedRun, maker: MakeMaps, places: NDArray[np.int64]) -> Report:
    """Make the same maps twice, and in batches of another size."""
    maps, again, other = (
        maker(run.variables, places, batch) for batch in (INFERENCE_BATCH, INFERENCE_BATCH, OTHER_BATCH)
    )
    found = {"same_call": largest_difference(maps, again), "other_batch": largest_difference(maps, other)}
    tolerance = TOLERANCES[run.config.precision]
    return {
        **found,
        "batches": [min(batch, len(places)) for batch in (INFERENCE_BATCH, OTHER_BATCH)],
        "tolerance": tolerance,
        "repeatable": max(found.values()) <= tolerance,
    }


def check_other_run(
    first: Explanation, second: Explanation, patients: NDArray[np.int64], rng: np.random.Generator
) -> Report:
    """Compare a run's maps with another's of the same films, one trained with another seed, say.

    Films are compared where both explain the same class and the first run's map has ranks; `correlation` is
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
        "films": int(counted.sum()),
        "other_target": int((~same).sum()),
        "correlation": correlation,
        "between_films": mean_of_known(between_films(first.maps, patients, rng)),
    }


class Localised(NamedTuple):
    """What masks say of maps: the report, and columns of figures film by film, NaN where there is no mask."""

    report: Report
    columns: dict[str, NDArray[Any]]


def check_masks(
    folder: Path,
    explanation: Explanation,
    geometry: Geometry,
    patients: NDArray[np.int64],
    rng: np.random.Generator,
) -> Localised:
    """Tell how well maps lie on the findings that masks show; films without a finding are left out.

    Raises:
        BadInput: see `find_masks` and `read_mask`; or no film has a finding.
    """
    table = explanation.table
    paths = find_masks(folder, table["source"].tolist())
    masks = [None if path is None else read_mask(path, geometry) for path in paths]
    has_mask = np.array([mask is not None for mask in masks])
    films = np.flatnonzero(np.array([mask is not None and bool(mask.any()) for mask in masks]))
    if not len(films):
        raise BadInput(f"{folder}: the masks of all {has_mask.sum()} films are black: there is no finding")
    findings = np.stack([mask for mask in masks if mask is not None and mask.any()])
    located = locate(explanation.maps[films], findings, patients[films])
    everyone = np.ones(len(films), np.bool_)
    parts = {
        name: chosen for name, chosen in _parts(explanation, films).items() if 0 < chosen.sum() < len(films)
    }
    reports = {
        name: localisation_report(located, patients[films], chosen, rng)
        for name, chosen in {"all": everyone, **parts}.items()
    }
    report = {
        "folder": str(folder),
        "films": len(films),
        "without_mask": int((~has_mask).sum()),
        "without_finding": int(has_mask.sum()) - len(films),
        "groups": reports,
        "verdict": judge_localisation(reports["all"]),
    }
    columns: dict[str, NDArray[Any]] = {
        "mask": np.array(["" if path is None else str(path) for path in paths])
    }
    for name, figure in located.items():
        columns[name] = np.full(len(table), np.nan)
        columns[name][films] = figure.own
    return Localised(report, columns)


def _parts(explanation: Explanation, films: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Part films by label, and by whether the prediction is right; those without a label are in neither."""
    table = explanation.table.iloc[films]
    labels, right = table["label"].to_numpy(), (table["label"] == table["predicted"]).to_numpy()
    of_label = {f"label {name}": labels == name for name in sorted({*labels} - {""})}
    return {**of_label, "predicted right": right, "predicted wrong": ~right & (labels != "")}
