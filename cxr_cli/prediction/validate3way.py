"""Three-way validation of a siamese RUN: an image against one image of each class, many times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.artifacts import write_json
from cxr_cli.evaluation.threeway import ThreeWayReport, three_way_report
from cxr_cli.plots.confusion_matrix import confusion_matrix
from cxr_cli.prediction.forward import image_vectors
from cxr_cli.prediction.similarity import differences_function
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import FIGURES, open_run_with_images
from cxr_cli.splitting.criteria import Subset


@dataclass(frozen=True)
class ThreeWayResult:
    """The trials of a run on one subset.

    Attributes:
        report: metrics of all trials, and of those sampled.
        images: of the subset.
        figure: the confusion matrix of the sampled trials.
    """

    report: ThreeWayReport
    images: int
    figure: Path


def validate3way(
    run: Path | str,
    *,
    trials: int = 129,
    repeats: int = 1,
    seed: int = 0,
    subset: Subset = "val",
    json: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> ThreeWayResult:
    """Classify images by the most similar of one reference image of each class.

    Args:
        run: folder of a siamese run.
        trials: sampled in each repeat; no image is classified twice in one.
        repeats: independent random samples of trials.
        seed: of the samples.
        subset: whose images.
        json: also write the report there.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices.

    Raises:
        InvalidSetting, BadInput: see `open_run_with_images`, `image_vectors` and `draw_trials`.
    """
    run = Path(run)
    trained, images, division = open_run_with_images(run, dataset, split, reporter)
    rows = division.rows(subset)
    vectors = image_vectors(trained, images.images, rows)  # one forward pass, however many trials
    compare = differences_function(trained.network)
    report = three_way_report(
        vectors,
        division.labels[rows],
        division.patients[rows],
        division.classes,
        lambda x, y: compare(trained.variables, x, y),
        trials=trials,
        repeats=repeats,
        rng=np.random.default_rng(seed),
    )
    if json is not None:
        about = {"run": str(run), "epoch": trained.epoch, "subset": subset, "seed": seed}
        write_json(json, {**about, **report.as_json()})
    figure = run / FIGURES / f"three-way-{subset}.png"
    title = f"three-way, {subset}: {trials * repeats} trials, accuracy {report.mean:.2f}"
    confusion_matrix(report.sampled, division.classes, title, figure)
    return ThreeWayResult(report, len(rows), figure)
