"""Images of a run -> which of them, why those, and what in them speaks for a score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from cxr_cli.errors import BadInput, UsageFault
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
from cxr_cli.explain.select import ImageSet, class_numbers, images_at, picked, target_classes
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.metrics_file import read_operating_point
from cxr_cli.prediction.scores import Scores, called_at, class_scores
from cxr_cli.prediction.templates import read_templates
from cxr_cli.runs.folder import TEMPLATES, OpenRun
from cxr_cli.runs.model_store import TrainedRun


@dataclass(frozen=True)
class Question:
    """What is asked of a run.

    Attributes:
        method, layer: of the maps, see `explain_function`; None for the last layer.
        target: the class that is explained, see `pick.target_classes`.
        templates: of a siamese run; None for the run's own.

    What of two classes is predicted follows the operating point that `cxr test` chose, where it has.
    """

    method: str
    layer: str | None = None
    target: str = "predicted"
    templates: Path | None = None


@dataclass(frozen=True)
class Choice:
    """Which images of a set are taken.

    Attributes:
        ways: how they are picked, of `pick.WAYS`.
        count: images of each way, 0 for all.
        seed: of the draw.
        positive: the class that "tp" and its like are of; None for the likely one of two.
    """

    ways: Sequence[str]
    count: int
    seed: int
    positive: str | None = None


@dataclass(frozen=True)
class Explanation:
    """What a run says of images, and why.

    Attributes:
        images: N of them.
        table: N rows of what is known of each image, `pick`, and what the run says: `predicted`, its
            `predicted_score`, `target`, its `score` and `logit`, and all `score_<class>`.
        maps: float32 [N, h, w], not negative.
        layer: whose map was weighed.
    """

    images: ImageSet
    table: pd.DataFrame
    maps: NDArray[np.float32]
    layer: str


def images_of_subset(opened: OpenRun, subset: str) -> ImageSet:
    """Return the images of a subset; see `Split.rows`."""
    return images_at(opened.dataset, opened.split.rows(subset))


def images_of_both(images: ImageSet, others: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return of each set the images that the other has too, in the order of the first.

    Raises:
        BadInput: there is none.
    """
    places = pd.Index(others.table["image_id"]).get_indexer(pd.Index(images.table["image_id"]))
    if not (places >= 0).any():
        raise BadInput("the two runs have no image in common to choose from")
    return images.at(np.flatnonzero(places >= 0)), others.at(places[places >= 0])


def choose_images(
    opened: OpenRun, images: ImageSet, choice: Choice, question: Question
) -> tuple[NDArray[np.int64], list[str]]:
    """Choose among images, by lot or by what the run says of them.

    Returns:
        Places in the set, and how each was picked.

    Raises:
        UsageFault: no class to be positive, or an unknown one.
        BadInput: no image of that kind.
    """
    classes = opened.run.config.classes
    labels = class_numbers(images.table["label"], classes)
    positive, predicted = None, labels
    if set(choice.ways) != {"random"}:
        positive = _positive(choice, question, opened.run)
        predicted = _scores(opened.run, images, question).predicted
    rng = np.random.default_rng(choice.seed)
    places, ways = picked(choice.ways, labels, predicted, positive, choice.count, rng)
    if not len(places):
        raise BadInput(f"--pick {' '.join(choice.ways)}: no such image among {len(images.rows)}")
    return places, ways


def _scores(run: TrainedRun, images: ImageSet, question: Question) -> Scores:
    scores = class_scores(run, images.images, images.rows, question.templates)
    return called_at(scores, run.config.classes, read_operating_point(run))


def _positive(choice: Choice, question: Question, run: TrainedRun) -> int:
    classes = run.config.classes
    point = read_operating_point(run)
    wanted = choice.positive or (question.target if question.target in classes else None)
    if wanted is None and point is not None:
        wanted = point.positive
    if wanted is None and len(classes) > 2:
        raise UsageFault(
            f"--pick {' '.join(choice.ways)}: of which class? name it by --positive: {', '.join(classes)}"
        )
    return positive_class(classes, wanted)


def explain_scores(opened: OpenRun, images: ImageSet, ways: Sequence[str], question: Question) -> Explanation:
    """Explain the score of a class for each image.

    Args:
        opened: the run.
        images: which images.
        ways: how each was picked.
        question: what is asked.

    Raises:
        UsageFault, BadInput: see `choose_layer`, `target_classes`, `read_templates`.
    """
    run = opened.run
    classes = np.array(run.config.classes, dtype=object)
    scores = _scores(run, images, question)
    targets = target_classes(question.target, images, scores.predicted, run.config.classes)
    each = np.arange(len(targets))
    said = {
        "pick": list(ways),
        "predicted": classes[scores.predicted],
        "predicted_score": scores.values[each, scores.predicted],
        "target": classes[targets],
        "score": scores.values[each, targets],
    }
    said |= {f"score_{name}": scores.values[:, number] for number, name in enumerate(classes)}
    return _explanation(run, images, score_of_class(run, question.templates), targets, said, question)


def score_of_class(run: TrainedRun, templates: Path | None = None) -> Score:
    """Return what a run's score of a class is; see `class_score` and `template_score`.

    Raises:
        BadInput: see `read_templates`.
    """
    if not run.config.siamese:
        return class_score
    return template_score(read_templates(templates or run.folder / TEMPLATES, run))


def explain_pair(opened: OpenRun, images: ImageSet, question: Question) -> Explanation:
    """Explain the similarity of two images, in each of them, by a siamese run.

    Raises:
        UsageFault: the run classifies; or not two images.
    """
    if len(images.rows) != 2:
        raise UsageFault(f"--pair: two images are needed, these are {len(images.rows)}")
    vectors = image_vectors(opened.run, images.images, images.rows)
    names = images.table["image_id"].tolist()
    said = {
        "pick": ["", ""],
        "predicted": ["", ""],
        "predicted_score": ["", ""],
        "target": [f"same as {name}" for name in reversed(names)],
        "score": [0.0, 0.0],
    }
    found = _explanation(opened.run, images, pair_score, vectors[::-1].copy(), said, question)
    return replace(found, table=found.table.assign(score=expit(found.table["logit"])))


def _explanation(
    run: TrainedRun,
    images: ImageSet,
    score: Score,
    targets: NDArray[Any],
    said: dict[str, Any],
    question: Question,
) -> Explanation:
    layer = choose_layer(run, question.layer)
    function = run_explainer(run, score, layer, question.method)
    explained = explain_images(function, run.variables, image_source(images.images), images.rows, targets)
    table = images.table.assign(**said, logit=explained.scores)
    return Explanation(images, table, explained.maps, layer)
