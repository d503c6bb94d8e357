"""The metrics of a model by characteristics of the images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cxr_cli.artifacts import json_text
from cxr_cli.evaluation.choices import ShownFormat, TableFormat
from cxr_cli.evaluation.tables import files_of, write_tables
from cxr_cli.locks import locked
from cxr_cli.reporting import SILENT, Reporter

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from cxr_cli.evaluation.subgroups.strata import Stratum
    from cxr_cli.evaluation.subgroups.tables import Subject
    from cxr_cli.plots.curves import Curve
    from cxr_cli.prediction.predictions_file import Predictions

FILES = files_of("strata")

INTERVALS = (
    "95% intervals by patients: proportions by Wilson, with the effective number of images;\n"
    "AUC by DeLong and Newcombe, means of metrics by MOVER"
)


@dataclass(frozen=True)
class Stratification:
    """The metrics of a model by characteristics of the images.

    Attributes:
        predictions: of the model.
        compared_with: another model's predictions of the same images; None without one.
        masks: bool [N] of each characteristic's strata, by their names.
        strata: all images first, then each characteristic's strata.
        small: a stratum with fewer patients of a class is marked.
        resamples, seed: of the intervals and tests.
    """

    predictions: "Predictions"
    compared_with: "Predictions | None"
    masks: "Mapping[str, Mapping[str, NDArray[np.bool_]]]"
    strata: "tuple[Stratum, ...]"
    small: int
    resamples: int
    seed: int

    @property
    def subject(self) -> "Subject":
        """What the tables are of."""
        from cxr_cli.evaluation.subgroups.tables import Subject

        answers = self.predictions.answers
        return Subject(answers.classes, answers.positive, self.small)

    def table(self, form: ShownFormat = "table") -> str:
        """Write the strata as text in one of the formats; it ends with a line break."""
        import pandas as pd

        from cxr_cli.evaluation.subgroups.tables import as_json, notes, records, tables

        strata, subject = self.strata, self.subject
        if form == "csv":
            return pd.DataFrame(records(strata, subject)).to_csv(index=False)
        if form == "json":
            content = {**self._about(), "strata": as_json(strata, subject)}
            return json_text(content)
        return write_tables(form, tables(strata, subject), notes(strata, subject), self._heading())

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        return self.table("html")

    def _about(self) -> dict[str, Any]:
        """What the strata are of, for JSON."""
        about = {
            "predictions": str(self.predictions.path),
            "positive": self.predictions.positive,
            "predicted": self.predictions.rule,
            "interval": INTERVALS.replace("\n", " "),
        }
        if self.compared_with is not None:
            about |= {
                "compared_with": str(self.compared_with.path),
                "predicted_there": self.compared_with.rule,
            }
        return about | {"resamples": self.resamples, "seed": self.seed, "small": self.small}

    def _heading(self) -> list[str]:
        """What the strata are of, in lines above the tables."""
        first, other = self.predictions, self.compared_with
        positive = "" if first.positive is None else f"positive: {first.positive}, "
        lines = [f"{first.path}: {positive}{first.rule}"]
        if other is not None:
            lines.append(f"the other model: {other.path}: {other.rule}")
        return [*lines, *INTERVALS.split("\n")]

    def roc_curves(self) -> "dict[tuple[str, ...], list[Curve]]":
        """Compute the curves of each characteristic's strata; for each class, where none is the finding.

        Returns:
            By the characteristic, or by the characteristic and the class.
        """
        from cxr_cli.plots.roc import curve_of

        answers = self.predictions.answers
        found: dict[tuple[str, ...], list[Curve]] = {}
        for number, label in enumerate(answers.classes):
            if answers.positive not in (None, number):
                continue
            for stratum in self.strata:
                if stratum.by:
                    images = answers.take(self.masks[stratum.by][stratum.name])
                    name = f"{stratum.name}{' *' * stratum.small}"
                    auc = stratum.estimates.per_class["auc"][number].as_json()
                    plot = (stratum.by,) if answers.positive is not None else (stratum.by, label)
                    found.setdefault(plot, []).append(curve_of(images, number, name, auc))
        return found

    def write(self, folder: Path) -> None:
        """Write the tables in every format, a forest plot, and ROC curves for each characteristic."""
        from cxr_cli.artifacts import file_stems, write_text
        from cxr_cli.plots.roc import roc_curves
        from cxr_cli.plots.save import save

        save(forest_of(self.strata, self.subject), folder / "forest.png")
        for form in get_args(TableFormat):
            write_text(folder / FILES[form], self.table(form))
        plots = {", ".join(names): curves for names, curves in self.roc_curves().items()}
        for (title, curves), stem in zip(plots.items(), file_stems(list(plots)), strict=True):
            roc_curves(curves, title, folder / f"roc-{stem}.png")


FOREST = ("auc", "macro_auc", "sensitivity", "specificity", "balanced_accuracy")
"""Metrics of the forest plot: those that do not depend on how frequent the classes are."""


def forest_of(strata: "Sequence[Stratum]", subject: "Subject") -> "Figure":
    """Draw the forest plot of strata, all images first."""
    from cxr_cli.evaluation.metrics.registry import heading
    from cxr_cli.evaluation.subgroups.tables import metric_of, name_of
    from cxr_cli.plots.forest import ForestRow, forest_plot

    shown = [
        name for name in FOREST if name in subject.columns and metric_of(strata[0].estimates, name, subject)
    ]
    rows = [
        ForestRow(
            name_of(stratum),
            stratum.images,
            {
                heading(name): metric
                for name in shown
                if (metric := metric_of(stratum.estimates, name, subject)) is not None
            },
        )
        for stratum in strata
    ]
    return forest_plot(rows)


def stratify(
    predictions: "Path | Predictions",
    by: Sequence[str],
    *,
    compare: "Path | Predictions | None" = None,
    positive: str | None = None,
    threshold: float | None = None,
    small: int = 20,
    ids_verbatim: bool = False,
    output: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> Stratification:
    """Compute every metric of a model by characteristics of the images.

    Args:
        predictions: a predictions.csv, or any table with `label` and `score_<class>`; or one that is read.
        by: characteristics; "a,b" crosses two, "age:40,60" puts numbers into bins.
        compare: another model's predictions of the same images.
        positive: the class that is the finding; of more than two, against all others.
        threshold: call images positive from this score on; None: as the table's column `predicted` says.
        small: mark strata with fewer patients of a class.
        ids_verbatim: take patient ids that differ only in zeros, blanks, case or .0 as different patients.
        output: a folder for all tables and plots.
        resamples: of patients, and of permutations.
        seed: of both.
        reporter: of what is left out, and of strata that may be one.

    Raises:
        BadInput: a table or column is not what it should be.
        InvalidSetting: `by`, `positive` or `threshold` does not suit the table.
    """
    import numpy as np

    from cxr_cli.evaluation.subgroups.strata import compare_strata, describe_strata, divide
    from cxr_cli.prediction.predictions_file import match_images, read_predictions

    def read(table: "Path | Predictions", finding: str | None) -> "Predictions":
        if not isinstance(table, Path):
            return table
        return read_predictions(table, finding, threshold, ids_verbatim=ids_verbatim, reporter=reporter)

    table, other = read(predictions, positive), None
    if compare is not None:
        first, second = table, read(compare, positive or table.positive)
        table, other = match_images(first, second)
        for whole in (first, second):
            left_out = len(whole.images) - len(table.images)
            if left_out:
                reporter.say(
                    f"{whole.path}: {left_out} of {len(whole.images)} images are not in the other table and "
                    "are left out"
                )
    if not table.has_patients:
        reporter.say(f"{table.path}: no column patient_id: each image counts as a patient of its own")
    masks = divide(by, table.column, str(table.path), reporter)
    for name, strata_of in masks.items():
        _report_spellings(name, strata_of, reporter)
    rng = np.random.default_rng(seed)
    strata = describe_strata(table.answers, masks, rng, resamples, small)
    if other is not None:
        strata = compare_strata(strata, table.answers, other.answers, masks)
    result = Stratification(table, other, masks, tuple(strata), small, resamples, seed)
    if output is not None:
        with locked(output):
            result.write(output)
    return result


def _report_spellings(by: str, names: "Mapping[str, NDArray[np.bool_]]", reporter: Reporter) -> None:
    """Report strata that may be one, spelled in two ways; they stay apart."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name.casefold().strip(), []).append(name)
    for alike in spellings.values():
        if len(alike) > 1:
            reporter.say(
                f"{by}: {' and '.join(map(repr, alike))} differ in case or blanks alone; they stay apart"
            )
