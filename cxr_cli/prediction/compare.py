"""Several models on the same images: one table, one ROC figure, and tests of the differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cxr_cli.artifacts import json_text
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.choices import ShownFormat, TableFormat
from cxr_cli.evaluation.tables import files_of, write_tables
from cxr_cli.locks import locked
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import EXTERNAL, PREDICTIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cxr_cli.evaluation.comparison import Agreement, Comparison, ReaderResult
    from cxr_cli.evaluation.subgroups.tables import Subject
    from cxr_cli.prediction.predictions_file import Predictions

ENSEMBLE = "ensemble"
FILES = files_of("comparison")


@dataclass(frozen=True)
class CompareResult:
    """Models, and human readers, on the same images.

    Attributes:
        models: their predictions by name, of the same images in the same order.
        comparisons: all images first, then each characteristic's strata.
        readers: what human readers reached.
        agreement: between every two readers, and all.
        margin: of noninferiority; None where that was not asked.
        small: a stratum with fewer patients of a class is marked.
        resamples, seed: of intervals and tests.
    """

    models: "dict[str, Predictions]"
    comparisons: "tuple[Comparison, ...]"
    readers: "tuple[ReaderResult, ...]"
    agreement: "tuple[Agreement, ...]"
    margin: float | None
    small: int
    resamples: int
    seed: int

    @property
    def subject(self) -> "Subject":
        """What the tables are of."""
        from cxr_cli.evaluation.subgroups.tables import Subject

        answers = next(iter(self.models.values())).answers
        return Subject(answers.classes, answers.positive, self.small)

    def table(self, form: ShownFormat = "table") -> str:
        """Write the comparison as text in one of the formats; it ends with a line break."""
        import pandas as pd

        from cxr_cli.evaluation import comparison_tables as of

        subject, margin = self.subject, self.margin
        if form == "csv":
            return pd.DataFrame(of.records(self.comparisons, subject, margin)).to_csv(index=False)
        if form == "json":
            content = {
                "models": {
                    name: {"predictions": str(model.path), "predicted": model.rule}
                    for name, model in self.models.items()
                },
                "positive": None if subject.positive is None else subject.classes[subject.positive],
                "noninferiority_margin": margin,
                "resamples": self.resamples,
                "seed": self.seed,
                "small": self.small,
                "comparisons": of.as_json(self.comparisons, subject, margin),
                "readers": of.readers_as_json(self.readers),
                "agreement": of.agreement_as_json(self.agreement),
            }
            return json_text(content)
        tables = of.tables(self.comparisons, subject, self.readers, self.agreement, margin)
        return write_tables(form, tables, of.notes(self.comparisons, subject, margin), self._heading())

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        return self.table("html")

    def _heading(self) -> list[str]:
        """What is compared, in lines above the tables."""
        lines = [f"{name}: {model.path}, {model.rule}" for name, model in self.models.items()]
        positive = next(iter(self.models.values())).positive
        return lines if positive is None else [*lines, f"positive: {positive}"]

    def write(self, folder: Path) -> None:
        """Write the tables in every format, and ROC and precision-recall curves of all models.

        Without a positive class there is a figure of each for every class.
        """
        from cxr_cli.artifacts import file_stems, write_text
        from cxr_cli.plots.precision_recall import precision_recall_curves, precision_recall_of
        from cxr_cli.plots.roc import curve_of, roc_curves

        for form in get_args(TableFormat):
            write_text(folder / FILES[form], self.table(form))
        everything = self.comparisons[0]
        some = next(iter(self.models.values())).answers
        stems = file_stems(some.classes)
        for number, label in enumerate(some.classes):
            if some.positive not in (None, number):
                continue
            suffix = "" if some.positive is not None else f"-{stems[number]}"
            rocs, precisions = [], []
            for name, model in self.models.items():
                of_class = {metric: of[number] for metric, of in everything.estimates[name].per_class.items()}
                if "auc" in of_class:
                    rocs.append(curve_of(model.answers, number, name, of_class["auc"].as_json()))
                    average = of_class["average_precision"]
                    precisions.append(precision_recall_of(model.answers, number, name, average))
            if not rocs:
                continue
            positives = int((some.labels == number).sum())
            title = f"{label}: {len(some)} images, {positives} positive"
            points = {
                reader.name: (1 - reader.specificity.value, reader.sensitivity.value)
                for reader in self.readers
            }
            roc_curves(rocs, title, folder / f"roc{suffix}.png", points)
            prevalence, path = positives / len(some), folder / f"precision-recall{suffix}.png"
            precision_recall_curves(precisions, prevalence, title, path)
            if some.positive is not None:
                self._draw_clinical(number, title, folder)

    def _draw_clinical(self, number: int, title: str, folder: Path) -> None:
        """Draw calibration and decision curves of the models whose scores are probabilities."""
        from cxr_cli.evaluation.metrics.calibration import are_probabilities
        from cxr_cli.evaluation.report import format_metric
        from cxr_cli.plots.calibration import CalibrationCurve, calibration_plot
        from cxr_cli.plots.decision_curve import decision_curves

        curves = {}
        for name, model in self.models.items():
            scores = model.answers.scores
            if scores is not None and are_probabilities(scores):
                slope = self.comparisons[0].estimates[name].per_class["calibration_slope"][number]
                positive, slope_of = model.answers.labels == number, f"slope {format_metric(slope)}"
                curves[name] = CalibrationCurve(name, positive, scores[:, number], slope_of)
        if curves:
            calibration_plot(list(curves.values()), title, folder / "calibration.png")
            positive = next(iter(curves.values())).positive
            chances = {name: curve.chance for name, curve in curves.items()}
            decision_curves(positive, chances, title, folder / "decision-curve.png")


def compare(
    models: Sequence[Path | str],
    *,
    by: Sequence[str] = (),
    readers: Sequence[str] = (),
    positive: str | None = None,
    noninferiority: float | None = None,
    ensemble: bool = False,
    prevalence: float | None = None,
    small: int = 20,
    ids_verbatim: bool = False,
    output: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> CompareResult:
    """Compare models on the images that all of them predicted.

    Args:
        models: one or more RUN or CV folders that were tested, folders of external tests, or predictions.csv
            files of any tool. One alone is compared with the readers.
        by: characteristics, as in `stratify`.
        readers: columns of any model's predictions that hold the calls of human readers, as class names;
            empty where a reader did not read an image. The columns of the label table are among them.
        positive: the positive class; of more than two it is compared with all others.
        noninferiority: the largest loss of a metric that is acceptable.
        ensemble: also compare the mean of the models' scores, as a model of its own.
        prevalence: of the positive class, for predictive values elsewhere.
        small: mark strata with fewer patients of a class.
        ids_verbatim: take patient ids that differ only in zeros, blanks, case or .0 as different patients.
        output: a folder for the tables in every format, and for the figures.
        resamples: of patients, and of swaps.
        seed: of both.
        reporter: takes notices.

    Raises:
        BadInput: predictions that cannot be read, or that do not have the same classes and labels.
        InvalidSetting: too few models, one twice, or a setting that does not suit them.
    """
    import numpy as np

    from cxr_cli.evaluation.comparison import agreement_of, compare_models, compare_reader
    from cxr_cli.evaluation.subgroups.strata import divide
    from cxr_cli.prediction.predictions_file import read_predictions

    if len(models) < (1 if readers else 2):
        raise InvalidSetting(
            "models", " ".join(map(str, models)), "two or more are needed, or one and `readers`"
        )
    if noninferiority is not None and not 0 < noninferiority < 1:
        raise InvalidSetting("noninferiority", noninferiority, "more than 0 is needed, and less than 1")
    if prevalence is not None and not 0 < prevalence < 1:
        raise InvalidSetting("prevalence", prevalence, "more than 0 is needed, and less than 1")
    named = _named([Path(model) for model in models])
    read: dict[str, Predictions] = {}
    for name, path in named.items():
        read[name] = read_predictions(path, positive, ids_verbatim=ids_verbatim, reporter=reporter)
        positive = positive or read[name].positive
    matched = _on_the_same_images(read, reporter)
    if ensemble:
        if ENSEMBLE in matched:
            raise InvalidSetting("ensemble", True, f"a model is named {ENSEMBLE!r} already")
        matched[ENSEMBLE] = _mean_of(matched)
    answers = {
        name: replace(predictions.answers, prevalence=prevalence) for name, predictions in matched.items()
    }
    first = next(iter(matched.values()))
    if not first.has_patients:
        reporter.say(f"{first.path}: no column patient_id: each image counts as a patient of its own")
    if readers and first.answers.positive is None:
        raise InvalidSetting(
            "readers",
            ", ".join(readers),
            "their sensitivity is that of one class; name it by `positive`",
        )
    calls = {name: _calls(list(matched.values()), name) for name in dict.fromkeys(readers)}
    masks = divide(by, first.column, str(first.path), reporter)
    rng = np.random.default_rng(seed)
    patients, classes = first.answers.patients, len(first.answers.classes)
    result = CompareResult(
        models=matched,
        comparisons=tuple(compare_models(answers, masks, seed, resamples, small)),
        readers=tuple(compare_reader(name, of, answers, rng, resamples) for name, of in calls.items()),
        agreement=tuple(agreement_of(calls, classes, patients, rng, resamples)),
        margin=noninferiority,
        small=small,
        resamples=resamples,
        seed=seed,
    )
    if output is not None:
        with locked(output):
            result.write(output)
    return result


def _mean_of(models: "Mapping[str, Predictions]") -> "Predictions":
    """Average the scores of models; of two classes the threshold is the mean of theirs, if all have one."""
    from cxr_cli.prediction.mean_scores import mean_scores

    first = next(iter(models.values()))
    mean = mean_scores(
        [model.answers.scores for model in models.values() if model.answers.scores is not None],
        first.answers.positive,
        [model.thresholds for model in models.values()],
    )
    thresholds = mean.threshold
    if thresholds is None:
        rule = "the class of the highest mean score"
    elif thresholds.min() == thresholds.max():
        rule = f"mean score >= {thresholds[0]:.4g}, the mean threshold"
    else:
        rule = "mean score >= the mean threshold"
    answers = replace(first.answers, scores=mean.values, predicted=mean.predicted)
    path = Path(f"mean of {len(models)} models")
    return replace(first, path=path, answers=answers, rule=rule, thresholds=thresholds)


def _named(models: Sequence[Path]) -> dict[str, Path]:
    """Name each model by its folder, or by its file, and find its predictions."""
    named: dict[str, Path] = {}
    for place in models:
        path = place / PREDICTIONS if place.is_dir() else place
        if not path.exists():
            hint = f"; run `cxr test {place}` first" if place.is_dir() else ""
            raise BadInput(f"{path}: no such file{hint}")
        folder = place if place.is_dir() else place.parent if place.name == PREDICTIONS else None
        name = place.stem if folder is None else _name_of(folder.resolve())
        if name in named:
            name = str(place)
        if name in named or path.resolve() in [other.resolve() for other in named.values()]:
            raise InvalidSetting("models", place, "is there twice")
        named[name] = path
    return named


def _name_of(folder: Path) -> str:
    """Name a RUN or CV; of an external test also where."""
    if folder.parent.name == EXTERNAL:
        return f"{folder.parent.parent.name} on {folder.name}"
    return folder.name


def _on_the_same_images(models: "Mapping[str, Predictions]", reporter: Reporter) -> "dict[str, Predictions]":
    """Leave the images that all tables have, by image_id: the order of the tables says nothing.

    Patients are as the first table has them.
    """
    import numpy as np

    from cxr_cli.prediction.predictions_file import match_images

    first, *others = models
    common = models[first]
    for name in others:
        common, _ = match_images(common, models[name])
    common = common.take(np.argsort(common.images["image_id"].to_numpy(dtype=str)))
    matched = {first: common} | {name: match_images(common, models[name])[1] for name in others}
    for predictions in models.values():
        left_out = len(predictions.answers) - len(common.answers)
        if left_out:
            reporter.say(
                f"{predictions.path}: {left_out} of {len(predictions.answers)} images are not in every table "
                "and are left out"
            )
    return {
        name: replace(of, answers=replace(of.answers, patients=common.answers.patients))
        for name, of in matched.items()
    }


def _calls(models: "Sequence[Predictions]", reader: str) -> "NDArray[np.int64]":
    """Number the classes that a reader called, -1 where the cell is empty.

    Where one class is compared with all others, each of the others is a call of "not this class".
    """
    import numpy as np

    from cxr_cli.prediction.columns import key_of
    from cxr_cli.recorded_values import recorded

    table = next((model for model in models if reader in model.images), models[0])
    answers = table.answers
    # What the table calls a class: by the labels that it was read from, and by the scores' names.
    others = {} if answers.positive is None else dict.fromkeys(table.score_names, 1 - answers.positive)
    labels = dict(zip(table.images["label"], answers.labels.tolist(), strict=True))
    named = {**others, **labels, **{name: number for number, name in enumerate(answers.classes)}}
    numbers = {key_of(name): number for name, number in named.items()}
    calls = [recorded(value) for value in table.column(reader)]
    for place, value in enumerate(calls):
        if value and key_of(value) not in numbers:
            raise BadInput(
                f"{table.path}: image {table.images['image_id'][place]}: {reader} is {value!r}; a class is "
                f"needed, {', '.join(map(repr, sorted(named)))}, or nothing where the image was not read"
            )
    return np.array([numbers[key_of(value)] if value else -1 for value in calls], np.int64)
