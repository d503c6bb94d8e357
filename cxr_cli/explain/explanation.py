"""Runs and images -> the images that are chosen, why, and their saliency maps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.operating_point import positive_class
from cxr_cli.explain.cam import (
    Score,
    choose_layer,
    class_score,
    explain_images,
    pair_score,
    run_explainer,
    template_score,
)
from cxr_cli.explain.cam_methods import METHODS
from cxr_cli.explain.choices import Method, Pick, check_choice
from cxr_cli.explain.select import (
    ImageSet,
    class_numbers,
    images_at,
    images_named,
    pick_images,
    target_classes,
)
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.metrics_file import read_operating_point
from cxr_cli.prediction.scores import Scores, decided_scores
from cxr_cli.prediction.templates import read_templates
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import TEMPLATES, OpenRun, open_run_with_images
from cxr_cli.runs.model_store import TrainedRun
from cxr_cli.splitting.criteria import Subset


@dataclass(frozen=True)
class MapSettings:
    """Which saliency maps are made.

    Attributes:
        method, layer: of the maps, see `explain_function`; None for the last layer.
        target: the class that is explained, see `target_classes`.
        templates: of a siamese run; None for the run's own.

    Which of two classes is predicted follows the operating point that `cxr test` chose, if it chose one.
    """

    method: Method
    layer: str | None = None
    target: str = "predicted"
    templates: Path | None = None

    def __post_init__(self) -> None:
        """Check the method."""
        check_choice("method", self.method, METHODS)


@dataclass(frozen=True)
class Selection:
    """Which images of a set are explained.

    Attributes:
        picks: which images to sample from, see `Pick`.
        count: largest number of images of each pick, 0 for all.
        seed: of the sample.
        positive: the class that "tp" and the like refer to; None for the likely one of two.
    """

    picks: Sequence[str]
    count: int
    seed: int
    positive: str | None = None

    def __post_init__(self) -> None:
        """Check the picks."""
        for pick in self.picks:
            check_choice("pick", pick, Pick)


@dataclass(frozen=True)
class Explanation:
    """The saliency maps of a run.

    Attributes:
        images: N of them.
        table: N rows of what is known of each image, its `pick`, and of the run's prediction: `predicted`,
            its `predicted_score`, `target`, its `score` and `logit`, and all `score_<class>`.
        maps: float32 [N, h, w], not negative.
        layer: whose feature map was weighted.
    """

    images: ImageSet
    table: pd.DataFrame
    maps: NDArray[np.float32]
    layer: str


def open_runs(
    run: Path,
    beside: Path | None = None,
    layer: str | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> list[OpenRun]:
    """Open one or two runs.

    Args:
        run: a RUN.
        beside: another RUN.
        layer: that both must have; None for the last.
        dataset, split: of the first, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting: a run without that layer.
        BadInput: no such run.
    """
    opened = [open_run_with_images(run, dataset, split, reporter)]
    if beside is not None:
        opened.append(open_run_with_images(beside, reporter=reporter))
    for each in opened:
        choose_layer(each.run, layer)
    return opened


def candidate_images(
    opened: Sequence[OpenRun], names: Sequence[str], subset: Subset, reporter: Reporter = SILENT
) -> list[ImageSet]:
    """Return the images to choose from, as each run takes them: the same images in the same order.

    Args:
        opened: one or two runs; of two, the images that both have.
        names: images, see `images_named`; none for those of a subset.
        subset: of the images, where none are named.
        reporter: takes notices.

    Raises:
        BadInput: no such image, or no image in common.
    """
    images = [
        images_named(each.dataset, names) if names else images_at(each.dataset, each.split.rows(subset))
        for each in opened
    ]
    if len(images) == 1:
        return images
    first, common = len(images[0].rows), common_images(*images)
    if len(common[0].rows) < first:
        reporter.say(
            f"images of the first run that the second run also has: {len(common[0].rows)} of {first}"
        )
    return list(common)


def common_images(images: ImageSet, others: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return of each set the images that the other also has, in the order of the first.

    Raises:
        BadInput: there is none.
    """
    places = pd.Index(others.table["image_id"]).get_indexer(pd.Index(images.table["image_id"]))
    if not (places >= 0).any():
        raise BadInput("the two runs have no image in common to choose from")
    return images.at(np.flatnonzero(places >= 0)), others.at(places[places >= 0])


def explain_selection(
    opened: Sequence[OpenRun], images: Sequence[ImageSet], selection: Selection, settings: MapSettings
) -> list[Explanation]:
    """Choose images by the first run's predictions, and explain them by each run.

    Raises:
        InvalidSetting, BadInput: see `choose_images` and `explain_scores`.
    """
    places, picks = choose_images(opened[0], images[0], selection, settings)
    # A pick is by the first run's prediction, and says nothing about the second's.
    picks_of_each: tuple[Sequence[str], ...] = (picks, [""] * len(picks))
    return [
        explain_scores(each, of_run.at(places), picks, settings)
        for each, of_run, picks in zip(opened, images, picks_of_each, strict=False)
    ]


def choose_images(
    opened: OpenRun, images: ImageSet, selection: Selection, settings: MapSettings
) -> tuple[NDArray[np.int64], list[str]]:
    """Choose among images, at random or by the run's predictions.

    Returns:
        Places in the set, and the pick of each.

    Raises:
        InvalidSetting: of more than two classes none is named as positive, or an unknown one.
        BadInput: no such image.
    """
    run, classes = opened.run, opened.run.config.classes
    labels = class_numbers(images.table["label"], classes)
    positive, predicted = None, labels
    if set(selection.picks) != {"random"}:
        point = read_operating_point(run)
        wanted = selection.positive or (settings.target if settings.target in classes else None)
        if wanted is None and point is not None:
            wanted = point.positive
        if wanted is None and len(classes) > 2:
            raise InvalidSetting(
                "pick",
                " ".join(selection.picks),
                f"name the positive class by `positive`: {', '.join(classes)}",
            )
        positive = positive_class(classes, wanted)
        predicted = _scores(run, images, settings).predicted
    rng = np.random.default_rng(selection.seed)
    places, picks = pick_images(selection.picks, labels, predicted, positive, selection.count, rng)
    if not len(places):
        raise BadInput(f"`pick` {' '.join(selection.picks)}: no such image among {len(images.rows)}")
    return places, picks


def _scores(run: TrainedRun, images: ImageSet, settings: MapSettings) -> Scores:
    return decided_scores(run, images.pixels, images.rows, settings.templates)


def explain_scores(
    opened: OpenRun, images: ImageSet, picks: Sequence[str], settings: MapSettings
) -> Explanation:
    """Explain the score of a class for each image.

    Args:
        opened: the run.
        images: which images.
        picks: of each image.
        settings: of the maps.

    Raises:
        InvalidSetting, BadInput: see `choose_layer`, `target_classes`, `read_templates`.
    """
    run = opened.run
    classes = np.array(run.config.classes, dtype=object)
    scores = _scores(run, images, settings)
    targets = target_classes(settings.target, images, scores.predicted, run.config.classes)
    each = np.arange(len(targets))
    prediction = {
        "pick": list(picks),
        "predicted": classes[scores.predicted],
        "predicted_score": scores.values[each, scores.predicted],
        "target": classes[targets],
        "score": scores.values[each, targets],
    }
    prediction |= {f"score_{name}": scores.values[:, number] for number, name in enumerate(classes)}
    score = score_of_class(run, settings.templates)
    return _explanation(run, images, score, targets, prediction, settings)


def score_of_class(run: TrainedRun, templates: Path | None = None) -> Score:
    """Return the score of a class by a run; see `class_score` and `template_score`.

    Raises:
        BadInput: see `read_templates`.
    """
    if not run.config.siamese:
        return class_score
    return template_score(read_templates(templates or run.folder / TEMPLATES, run))


def explain_pair(opened: OpenRun, images: ImageSet, settings: MapSettings) -> Explanation:
    """Explain the similarity of two images, in each of them, by a siamese run.

    Raises:
        InvalidSetting: not two images.
    """
    if len(images.rows) != 2:
        ids = " ".join(images.table["image_id"])
        raise InvalidSetting("pair", ids, f"two images are needed, these are {len(images.rows)}")
    vectors = image_vectors(opened.run, images.pixels, images.rows)
    names = images.table["image_id"].tolist()
    prediction = {
        "pick": ["", ""],
        "predicted": ["", ""],
        "predicted_score": ["", ""],
        "target": [f"same as {name}" for name in reversed(names)],
        "score": [0.0, 0.0],
    }
    found = _explanation(opened.run, images, pair_score, vectors[::-1].copy(), prediction, settings)
    return replace(found, table=found.table.assign(score=expit(found.table["logit"])))


def _explanation(
    run: TrainedRun,
    images: ImageSet,
    score: Score,
    targets: NDArray[Any],
    prediction: dict[str, Any],
    settings: MapSettings,
) -> Explanation:
    layer = choose_layer(run, settings.layer)
    function = run_explainer(run, score, layer, settings.method)
    explained = explain_images(function, run.variables, image_source(images.pixels), images.rows, targets)
    table = images.table.assign(**prediction, logit=explained.scores)
    return Explanation(images, table, explained.maps, layer)
