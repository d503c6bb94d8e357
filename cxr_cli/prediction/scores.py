"""Images of a subset -> scores of each class -> the predictions table."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, softmax

from cxr_cli.artifacts import read_json
from cxr_cli.dataset.store import Dataset
from cxr_cli.errors import UsageFault
from cxr_cli.prediction.forward import (
    Forward,
    Scaling,
    forward_function,
    logits_reader,
    read_vectors,
    run_over,
)
from cxr_cli.prediction.loading import FetchBatch, image_source
from cxr_cli.prediction.templates import TEMPLATES, read_templates, similarity_logits
from cxr_cli.runs.folder import METRICS
from cxr_cli.runs.model_store import TrainedRun

# Columns of the manifest that say where an image is stored, not what it is.
STORAGE_COLUMNS = ("row", "image_id", "patient_id", "label")


class Scores(NamedTuple):
    """What a run says of images.

    Attributes:
        values: float32 [N, C], 0 ... 1: softmax probabilities, or similarities to a siamese run's templates.
        predicted: int [N], the class of the highest logit; values near 0 and 1 may be rounded to ties.
    """

    values: NDArray[np.float32]
    predicted: NDArray[np.int64]

    def take(self, images: slice) -> "Scores":
        """Leave some of the images."""
        return Scores(self.values[images], self.predicted[images])


ScoreImages = Callable[[FetchBatch, NDArray[np.int64]], Scores]
"""Maps a source of images and rows to what a run says of them."""


def class_scores(
    run: TrainedRun, images: NDArray[np.uint8], rows: NDArray[np.int64], templates: Path | None = None
) -> Scores:
    """Score images by class.

    Args:
        run: the trained run.
        images: uint8 [N, H, W].
        rows: which images.
        templates: of a siamese run; None takes the run's own.

    Raises:
        UsageFault, BadInput: see `image_scorer`.
    """
    return image_scorer(run, templates)(image_source(images), rows)


def image_scorer(run: TrainedRun, templates: Path | None = None) -> ScoreImages:
    """Make the function that scores images by class; it compiles once, however often it is called.

    Args:
        run: the trained run.
        templates: of a siamese run; None takes the run's own.

    Raises:
        UsageFault: templates for a run that classifies.
        BadInput: no templates, or those of another run.
    """
    forward = _forward(run)
    if run.config.siamese:
        references = read_templates(templates or run.folder / TEMPLATES, run)

        def compare(fetch: FetchBatch, rows: NDArray[np.int64]) -> Scores:
            logits = similarity_logits(run, run_over(forward, run.variables, fetch, rows), references)
            return Scores(expit(logits), logits.argmax(-1))

        return compare
    if templates is not None:
        raise UsageFault(
            f"--templates {templates}: {run.folder} is no siamese run and has no use for templates"
        )

    def classify(fetch: FetchBatch, rows: NDArray[np.int64]) -> Scores:
        logits = run_over(forward, run.variables, fetch, rows)
        return Scores(softmax(logits, axis=-1), logits.argmax(-1))

    return classify


def operating_point(run: TrainedRun) -> tuple[str, float] | None:
    """Read the finding of two classes, and the score from which on an image has it, as `cxr test` chose it.

    None where it chose none, or for another epoch's model.
    """
    path = run.folder / METRICS
    metrics = read_json(path) if path.exists() else {}
    if "operating_point" not in metrics or metrics.get("epoch") != run.epoch:
        return None
    return metrics["positive"], metrics["operating_point"]["threshold"]


def called_at(scores: Scores, classes: tuple[str, ...], point: tuple[str, float] | None) -> Scores:
    """Predict the finding of two classes from a score on; without such a point the highest score decides."""
    if point is None:
        return scores
    finding = classes.index(point[0])
    called = scores.values[:, finding] >= point[1]
    return scores._replace(predicted=np.where(called, finding, 1 - finding))


def image_vectors(run: TrainedRun, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute a siamese run's vectors [len(rows), E], one pass an image.

    Raises:
        UsageFault: the run classifies images and has no vectors to compare.
    """
    if not run.config.siamese:
        raise UsageFault(
            f"{run.folder}: is a {run.config.recipe!r} run; vectors to compare need a siamese run"
        )
    return run_over(_forward(run), run.variables, image_source(images), rows)


def _forward(run: TrainedRun) -> Forward:
    scaling = Scaling(run.config.mean, run.config.std, run.config.network.precision)
    read = read_vectors if run.config.siamese else logits_reader(run.config)
    return forward_function(run.network, scaling, read)


def predictions_table(
    dataset: Dataset,
    rows: NDArray[np.int64],
    scores: Scores,
    classes: tuple[str, ...],
    threshold: tuple[str, float] | None = None,
) -> pd.DataFrame:
    """Put scores and predicted class beside what is known of each image.

    Args:
        dataset: the images.
        rows: which of them, one row each in the result.
        scores: of these images.
        classes: their names.
        threshold: the positive class, and the score from which on it is predicted: a column of its own, so
            that the table says by itself what `predicted` follows.
    """
    images = dataset.manifest.iloc[rows].reset_index(drop=True)
    columns = {name: images[name] for name in ("image_id", "patient_id", "label")}
    columns["predicted"] = pd.Series(np.array(classes, dtype=object)[scores.predicted])
    scored = pd.DataFrame({f"score_{name}": scores.values[:, i] for i, name in enumerate(classes)})
    if threshold is not None:
        scored[f"threshold_{threshold[0]}"] = threshold[1]
    known = images.drop(columns=list(STORAGE_COLUMNS))
    # A column of the user's own may bear one of these names: the manifest's keeps its table_ prefix.
    known = known.rename(columns={name: f"table_{name}" for name in known if name in {"predicted", *scored}})
    return pd.concat([pd.DataFrame(columns), scored, known], axis=1)


def worklist(
    dataset: Dataset,
    scores: Scores,
    classes: tuple[str, ...],
    point: tuple[str, float] | None = None,
    first: str | None = None,
) -> pd.DataFrame:
    """Put scores beside what is known of images whose class is not.

    Args:
        dataset: the images.
        scores: of all of them.
        classes: their names.
        point: the finding, and the score from which on an image is said to have it; None where the highest
            score decides.
        first: the class by whose score images are ordered, the highest first; None for the finding's, and
            without one the dataset's order.
    """
    scores = called_at(scores, classes, point)
    table = predictions_table(dataset, np.arange(len(dataset.images)), scores, classes, point)
    table = table.drop(columns="label")
    leading = first or (point and point[0])
    if leading is None:
        return table
    return table.iloc[np.argsort(-table[f"score_{leading}"].to_numpy(), kind="stable")]
