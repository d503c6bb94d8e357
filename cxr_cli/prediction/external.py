"""External test: a run as its validation froze it, on another dataset, beside its internal test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import claim_folder, write_csv, write_record
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.characteristics import (
    CHARACTERISTICS,
    MOST_LEVELS,
    CharacteristicsTable,
    characteristics_table,
)
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import BY_NAME, MeanOf, heading, shown
from cxr_cli.evaluation.operating_point import positive_class
from cxr_cli.evaluation.report import MetricsReport, classification_report
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.subgroups.tables import difference_cells, metric_cell
from cxr_cli.evaluation.tables import Cell, Table, as_html
from cxr_cli.evaluation.uncertainty.estimates import Estimate
from cxr_cli.evaluation.uncertainty.intervals import UNKNOWN, Interval
from cxr_cli.evaluation.uncertainty.mover import difference_interval
from cxr_cli.locks import holds
from cxr_cli.prediction.development import development_images
from cxr_cli.prediction.ensemble import Ensemble, EnsembleScores, ensemble_scorer, open_ensemble
from cxr_cli.prediction.figures import draw_figures
from cxr_cli.prediction.metrics_file import read_metrics
from cxr_cli.prediction.predictions_file import predictions_table, write_predictions
from cxr_cli.prediction.preprocessing import check_same_preprocessing
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import read_config
from cxr_cli.runs.folder import EXTERNAL, FIGURES, METRICS, PREDICTIONS
from cxr_cli.runs.model_store import ensemble_id
from cxr_cli.splitting.leaks import Overlap, find_overlap
from cxr_cli.splitting.patients import patient_numbers

CASE_MIX_FILE = "case-mix.csv"


@dataclass(frozen=True)
class ExternalResult:
    """A run tested on another dataset.

    Attributes:
        folder: of the results.
        report: the metrics there.
        internal: the metrics of the internal test, by name.
        differences: the external metric minus the internal one, by name.
        case_mix: characteristics of the images of both tests.
        table: of predictions, see `predictions_table`.
        left_out: images that were not tested, by reason.
        overlap: with the images of training and validation; None where these are not on this machine.
    """

    folder: Path
    report: MetricsReport
    internal: dict[str, Estimate]
    differences: dict[str, Difference]
    case_mix: CharacteristicsTable
    table: pd.DataFrame
    left_out: dict[str, int]
    overlap: Overlap | None

    def comparison(self) -> Table:
        """Lay the metrics of both tests out beside each other."""
        rows = []
        for name, difference in self.differences.items():
            value, limits, *_ = difference_cells(difference)
            both = metric_cell(self.internal[name]), metric_cell(self.report.metric(name))
            rows.append(
                [
                    Cell(heading(name)),
                    *(Cell(cell.in_one()) for cell in both),
                    Cell(f"{value.value} ({limits.value})" if limits.value != "-" else value.value),
                ]
            )
        return Table("External and internal test", ["", "internal", "external", "difference"], rows)

    def _repr_html_(self) -> str:
        """Show the metrics in a notebook, beside those of the internal test."""
        return "\n".join([self.report._repr_html_(), as_html([self.comparison(), self.case_mix.table()])])


@holds("place")
def external_test(
    place: Path | str,
    dataset: Path | str,
    *,
    name: str | None = None,
    class_map: Mapping[str, str] | None = None,
    exclude_overlap: bool = False,
    members: Sequence[Path] = (),
    templates: Path | None = None,
    prevalence: float | None = None,
    own_dataset: Path | None = None,
    own_split: Path | None = None,
    reporter: Reporter = SILENT,
) -> ExternalResult:
    """Test a run, or an ensemble, on images of another source.

    Model, calibration and operating point are those that the run's own validation decided; nothing is chosen
    here. Results are written into the run's folder, `external/NAME`.

    Args:
        place: a RUN that was tested, or a CV.
        dataset: the other DATASET, preprocessed as the run's own.
        name: of the results; None for that of the dataset's folder.
        class_map: the run's class for a class of the dataset, where the names differ.
        exclude_overlap: leave out images that overlap with those of training and validation, rather than
            refuse.
        members: more runs, whose scores are averaged with the first's.
        templates: of a siamese run; None takes the run's own.
        prevalence: see `test`.
        own_dataset, own_split: where the run's own are now, if they were moved.
        reporter: takes notices.

    Raises:
        PreprocessedOtherwise: the images were cropped or sized otherwise.
        BadInput: no internal test yet; images or patients of training or validation are in the dataset.
        InvalidSetting: a class map that does not suit.
    """
    place, images = Path(place), open_dataset(Path(dataset))
    ensemble = open_ensemble(place, [Path(member) for member in members])
    check_same_preprocessing(images, ensemble.config)
    if not (place / METRICS).exists():
        raise BadInput(f"{place}: its internal test comes first; run `cxr test {place}`")
    internal = read_metrics(place / METRICS)
    classes = ensemble.config.classes
    if prevalence is not None and not (len(classes) == 2 and 0 < prevalence < 1):
        raise InvalidSetting("prevalence", prevalence, "is for two classes, more than 0 and less than 1")
    labels = _labels(images, classes, class_map or {})
    left_out = _unknown_classes(images, labels, reporter)
    overlap = _overlap(ensemble, images, own_dataset, own_split, reporter)
    tested = labels >= 0
    if overlap is not None and len(overlap.rows):
        if not exclude_overlap:
            raise BadInput(
                f"{images.folder}: overlaps with training or validation of {ensemble.name}: {overlap}; "
                "`exclude_overlap` leaves these out"
            )
        reporter.say(f"left out, for overlap with training or validation: {overlap}")
        left_out["overlaps with training or validation"] = int(tested[overlap.rows].sum())
        tested[overlap.rows] = False
    rows = np.flatnonzero(tested)
    if not len(rows):
        raise BadInput(f"{images.folder}: no image is left to test")
    name = name or images.folder.resolve().name
    folder = place / EXTERNAL / name
    claim_folder(
        folder,
        METRICS,
        {"dataset_digest": images.digest},
        holds="external test",
        before=(PREDICTIONS, CASE_MIX_FILE),
        words={"dataset_digest": "the dataset"},
        made_with=lambda path: read_metrics(path).get("external", {}),
    )
    runs = ensemble.open_runs()
    scored = ensemble_scorer(runs, templates)(images.images, rows)
    if len(classes) == 2 and scored.point is None:
        raise BadInput(f"{place}: has no operating point; run `cxr test {place}` first")
    answers = _answers(images, classes, labels, rows, scored, prevalence)
    for missing in np.flatnonzero(np.bincount(answers.labels, minlength=len(classes)) == 0):
        reporter.say(f"{images.folder}: no image of class {classes[missing]!r}; what needs it is undefined")
    report = classification_report(answers, scored.point)
    internal_metrics = _estimates(internal, report)
    differences = _differences(report, internal_metrics)
    table = predictions_table(
        images, rows, scored.scores, classes, scored.point, model_id=ensemble_id(runs), spread=scored.spread
    ).assign(label=np.array(classes, dtype=object)[answers.labels])
    case_mix = _case_mix(pd.read_csv(place / PREDICTIONS, dtype=str, keep_default_na=False), table)
    result = ExternalResult(folder, report, internal_metrics, differences, case_mix, table, left_out, overlap)
    _write(result, images, ensemble, ensemble_id(runs), class_map or {})
    draw_figures(answers, report, name, folder / FIGURES, images=(images, rows))
    return result


def _labels(dataset: Dataset, classes: tuple[str, ...], class_map: Mapping[str, str]) -> NDArray[np.int64]:
    """Number the run's class of each image; -1 for a class that the run does not know."""
    labels = dataset.manifest["label"]
    for theirs, ours in class_map.items():
        if ours not in classes:
            raise InvalidSetting(
                "class_map", f"{theirs}={ours}", f"the run's classes are {', '.join(map(repr, classes))}"
            )
        if theirs not in set(labels):
            there = ", ".join(map(repr, sorted(set(labels))))
            raise InvalidSetting("class_map", f"{theirs}={ours}", f"the dataset's classes are {there}")
    return pd.Index(classes).get_indexer(pd.Index(labels.replace(dict(class_map)))).astype(np.int64)


def _unknown_classes(dataset: Dataset, labels: NDArray[np.int64], reporter: Reporter) -> dict[str, int]:
    unknown = dataset.manifest["label"][labels < 0].value_counts()
    for label, images in unknown.items():
        reporter.say(
            f"left out: {images} images of class {label!r}, unknown to the run; `class_map` can map it"
        )
    return {f"class {label!r} is unknown to the run": int(images) for label, images in unknown.items()}


def _overlap(
    ensemble: Ensemble, images: Dataset, dataset: Path | None, split: Path | None, reporter: Reporter
) -> Overlap | None:
    """Search for images and patients that any run was trained or validated on."""
    for member in ensemble.members:
        config = read_config(member)
        if dataset is None and not Path(config.dataset).exists():
            reporter.say(
                f"{config.dataset}: the run's own images are not there; no search for overlap with them"
            )
            return None
    development = development_images(ensemble, dataset, split)
    found = [find_overlap(images, own, rows) for own, rows in development]
    return Overlap(*(np.unique(np.concatenate(kind)) for kind in zip(*found, strict=True)))


def _answers(
    images: Dataset,
    classes: tuple[str, ...],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    scored: EnsembleScores,
    prevalence: float | None,
) -> Answers:
    return Answers(
        classes=classes,
        labels=labels[rows],
        predicted=scored.scores.predicted,
        patients=patient_numbers(images.manifest)[rows],
        scores=scored.scores.values,
        positive=None if scored.point is None else positive_class(classes, scored.point.positive),
        prevalence=prevalence,
    )


def _estimates(internal: Mapping[str, Any], report: MetricsReport) -> dict[str, Estimate]:
    """Read the internal test's metrics that a report has too."""
    rows = shown("classes" if report.positive is None else "finding")
    found = {}
    for row in rows:
        entry = internal.get(row.name)
        if isinstance(entry, dict) and report.metric(row.name) is not None:
            value, low, high = (
                np.nan if entry[key] is None else entry[key] for key in ("value", "low", "high")
            )
            found[row.name] = Estimate(
                value, Interval(low, high, entry["method"]), entry.get("caution") or ""
            )
    return found


def _differences(report: MetricsReport, internal: Mapping[str, Estimate]) -> dict[str, Difference]:
    """Compute each external metric minus the internal one, of other patients.

    The interval is made from those of both (Zou & Donner 2008, Statistics in Medicine 27:1693; of proportions
    that is Newcombe's).
    """
    found = {}
    for name, inside in internal.items():
        outside = report.metric(name)
        assert outside is not None
        if isinstance(BY_NAME[name].interval, MeanOf) and not report.confusion_matrix.any(1).all():
            found[name] = Difference(np.nan, UNKNOWN, np.nan)  # means over other classes
            continue
        values, intervals = (outside.value, inside.value), (outside.interval, inside.interval)
        interval = difference_interval(values, intervals)
        caution = "" if interval is UNKNOWN else outside.caution or inside.caution
        found[name] = Difference(values[0] - values[1], interval, np.nan, caution=caution)
    return found


def _case_mix(internal: pd.DataFrame, external: pd.DataFrame) -> CharacteristicsTable:
    """Describe the images of both tests: the classes' shares are the prevalence."""
    both = pd.concat([internal, external.astype(str)], ignore_index=True).fillna("")
    inside = np.arange(len(both)) < len(internal)
    columns = {
        name: both[name].tolist()
        for name in ("label", *CHARACTERISTICS)
        if name in both
        and (both[name] != "").any()
        and (name == "age" or both[name].nunique() <= MOST_LEVELS)
    }
    patients = patient_numbers(both[["image_id", "patient_id"]])
    return characteristics_table(
        "Case mix", {"internal": inside, "external": ~inside}, columns, patients, overall=None
    )


def _write(
    result: ExternalResult,
    images: Dataset,
    ensemble: Ensemble,
    model_id: str,
    class_map: Mapping[str, str],
) -> None:
    write_predictions(result.folder / PREDICTIONS, result.table)
    write_csv(result.folder / CASE_MIX_FILE, pd.DataFrame(result.case_mix.records()))
    overlap = result.overlap
    about = {
        "dataset": str(images.folder),
        "dataset_digest": images.digest,
        "class_map": dict(class_map),
        "left_out": result.left_out,
        "overlap": None if overlap is None else {kind: len(rows) for kind, rows in overlap._asdict().items()},
    }
    content = {
        "run": str(ensemble.folder),
        "model_id": model_id,
        "runs": [str(member) for member in ensemble.members],
        "subset": "external",
        "external": about,
        **result.report.as_json(),
        "internal": {metric: estimate.as_json() for metric, estimate in result.internal.items()},
        "difference": {metric: difference.as_json() for metric, difference in result.differences.items()},
        "case_mix": result.case_mix.records(),
    }
    write_record(result.folder / METRICS, content)
