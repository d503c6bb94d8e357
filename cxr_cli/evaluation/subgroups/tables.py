"""Strata as tables, and as records for CSV and JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cxr_cli.evaluation.metrics.registry import BY_NAME, heading, shown
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.subgroups.strata import Stratum
from cxr_cli.evaluation.tables import DAGGER, Cell, Table, limits
from cxr_cli.evaluation.uncertainty.estimates import NO_INTERVAL, TOO_FEW, UNRELIABLE, Estimate, Estimates


@dataclass(frozen=True)
class Subject:
    """What the tables are of.

    Attributes:
        classes: names.
        positive: the number of the finding's class, None for more than two classes.
        small: patients of a class, below which a stratum is marked.
    """

    classes: tuple[str, ...]
    positive: int | None
    small: int

    @property
    def columns(self) -> dict[str, str]:
        """Columns of the table of metrics, as in Table 4 of the pneumoperitoneum paper: name, heading."""
        if self.positive is not None:
            return {row.name: row.column or row.heading for row in shown("strata of a finding")}
        rows = shown("strata of classes")
        of_classes = {
            f"{row.name} {label}": f"class {label}"
            for row in rows
            if row.of == "class"
            for label in self.classes
        }
        return {row.name: row.column or row.heading for row in rows if row.of == "all"} | of_classes

    @property
    def names(self) -> list[str]:
        """The metrics in files: those of the table, and more."""
        further = shown("strata CSV of classes" if self.positive is None else "strata CSV of a finding")
        return [*self.columns, *(row.name for row in further if row.name not in self.columns)]


def metric_of(estimates: Estimates, name: str, subject: Subject) -> Estimate | None:
    """Find a metric by the name that tables have for it; None where there are no scores for it."""
    if name in estimates.overall:
        return estimates.overall[name]
    kind, _, label = name.partition(" ")
    if kind not in estimates.per_class:
        return None
    number = subject.classes.index(label) if label else subject.positive
    return None if number is None else estimates.per_class[kind][number]


def records(strata: Sequence[Stratum], subject: Subject) -> list[dict[str, Any]]:
    """Put every stratum into one flat row of numbers, None where unknown: for CSV.

    A column that is of a class has its name at the end, after "_of_": `images_of_normal`,
    `sensitivity_low_of_normal`. No other column has "_of_" in its name, so none is another's.
    """
    rows = []
    for stratum in strata:
        row = {**_place(stratum), **_counts(stratum, subject)}
        for name in subject.names:
            metric = metric_of(stratum.estimates, name, subject)
            if metric is not None:
                row |= _numbered(name, metric.as_json(), ("low", "high", "method", "reliable", "caution"))
        for kind, differences in (
            ("difference", stratum.differences),
            ("model_difference", stratum.model_differences),
        ):
            for name, difference in differences.items():
                parts = ("low", "high", "method", "p", "p_holm", "caution")
                row |= _numbered(name, difference.as_json(), parts, kind)
        rows.append(row)
    return rows


def _place(stratum: Stratum) -> dict[str, Any]:
    return {
        "by": stratum.by,
        "stratum": stratum.name,
        "small": stratum.small,
        "images": stratum.images,
        "patients": stratum.patients,
    }


def _counts(stratum: Stratum, subject: Subject) -> dict[str, int]:
    """Images and patients of each class, by the columns of the CSV."""
    of_class, patients = stratum.of_class, stratum.patients_of_class
    if subject.positive is None:
        images = {f"images_of_{name}": count for name, count in of_class.items()}
        return images | {f"patients_of_{name}": count for name, count in patients.items()}
    positive, negative = (subject.classes[number] for number in (subject.positive, 1 - subject.positive))
    return {
        "positives": of_class[positive],
        "negatives": of_class[negative],
        "positive_patients": patients[positive],
        "negative_patients": patients[negative],
    }


def _numbered(name: str, numbers: Mapping[str, Any], parts: Sequence[str], kind: str = "") -> dict[str, Any]:
    """Name the columns of a value and of its parts; `name` is a metric's, with a class after a blank."""
    metric, blank, label = name.partition(" ")
    end = f"_of_{label}" if blank else ""
    columns = {"value": "", **{part: part for part in parts}}
    return {"_".join(filter(None, (metric, kind, part))) + end: numbers[key] for key, part in columns.items()}


def as_json(strata: Sequence[Stratum], subject: Subject) -> list[dict[str, Any]]:
    """Put every stratum into one object: counts, metrics and differences."""
    found = []
    for stratum in strata:
        metrics = {name: metric_of(stratum.estimates, name, subject) for name in subject.names}
        found.append(
            {
                **_place(stratum),
                "images_of_class": stratum.of_class,
                "patients_of_class": stratum.patients_of_class,
                **({} if subject.positive is None else _counts(stratum, subject)),
                "metrics": {name: metric.as_json() for name, metric in metrics.items() if metric is not None},
                "differences": {
                    name: difference.as_json() for name, difference in stratum.differences.items()
                },
                "model_differences": {
                    name: difference.as_json() for name, difference in stratum.model_differences.items()
                },
            }
        )
    return found


def tables(strata: Sequence[Stratum], subject: Subject) -> list[Table]:
    """Lay strata out as the second paper's Tables 3 and 4, and differences below them."""
    return [
        _table_of_counts(strata, subject),
        _table_of_metrics(strata, subject),
        *_table_of_differences("Difference to all other images", strata, lambda stratum: stratum.differences),
        *_table_of_differences(
            "The other model minus this one", strata, lambda stratum: stratum.model_differences
        ),
    ]


def _table_of_counts(strata: Sequence[Stratum], subject: Subject) -> Table:
    order = list(subject.classes)
    headings = [f"class {name}" for name in order]
    if subject.positive is not None:
        order = [subject.classes[subject.positive], subject.classes[1 - subject.positive]]
        headings = ["positives", "negatives"]
    rows = [
        [
            _name(stratum),
            *(Cell(str(count)) for count in (stratum.images, stratum.patients)),
            *(Cell(str(stratum.of_class[name])) for name in order),
        ]
        for stratum in strata
    ]
    return Table("Images", ["", "images", "patients", *headings], rows)


def _table_of_metrics(strata: Sequence[Stratum], subject: Subject) -> Table:
    shown = [name for name in subject.columns if metric_of(strata[0].estimates, name, subject)]
    rows = [
        [_name(stratum), *(metric_cell(metric_of(stratum.estimates, name, subject)) for name in shown)]
        for stratum in strata
    ]
    title = "Metrics" if subject.positive is not None else "Metrics, and the sensitivity of each class"
    return Table(title, ["", *(subject.columns[name] for name in shown)], rows)


def _table_of_differences(
    title: str, strata: Sequence[Stratum], differences: Callable[[Stratum], dict[str, Difference]]
) -> list[Table]:
    rows = [
        [_name(stratum), Cell(heading(name) if name in BY_NAME else name), *difference_cells(difference)]
        for stratum in strata
        for name, difference in differences(stratum).items()
        if not np.isnan(difference.value)
    ]
    return [Table(title, ["", "metric", "difference", "95%", "p", "Holm"], rows)] if rows else []


def name_of(stratum: Stratum) -> str:
    """Name a stratum with its characteristic, and mark a small one."""
    by = f"{stratum.by}: " if stratum.by else ""
    return f"{by}{stratum.name}{' *' if stratum.small else ''}"


def _name(stratum: Stratum) -> Cell:
    return Cell(name_of(stratum))


def metric_cell(metric: Estimate | None) -> Cell:
    """Write a metric and its interval, "-" where it is undefined."""
    if metric is None or np.isnan(metric.value):
        return Cell("-")
    low, high = metric.interval.low, metric.interval.high
    if np.isnan(low):
        return Cell(f"{metric.value:.3f}", metric.reason.partition(":")[0])
    return Cell(f"{metric.value:.3f}", f"{limits(low, high)}{DAGGER if metric.reason else ''}")


def difference_cells(difference: Difference) -> list[Cell]:
    """Write a difference, its interval, p and Holm's p, "-" where one is unknown."""
    low, high = difference.interval.low, difference.interval.high
    return [
        Cell("-" if np.isnan(difference.value) else f"{difference.value:+.3f}"),
        Cell("-" if np.isnan(low) else f"{low:+.3f} to {high:+.3f}{DAGGER if difference.caution else ''}"),
        *(
            Cell("-" if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}")
            for p in (difference.p, difference.p_holm)
        ),
    ]


class Group(Protocol):
    """What a row of a table is of: a stratum, for one model or for several."""

    @property
    def by(self) -> str:
        """The characteristic, "" for all images."""

    @property
    def name(self) -> str:
        """Its value."""

    @property
    def small(self) -> bool:
        """Whether a class has few patients."""

    @property
    def of_class(self) -> Mapping[str, int]:
        """Images of each class."""


def notes_of_groups(groups: Sequence[Group], subject: Subject) -> list[str]:
    """Say what the mark of small strata means, and why metrics are blank where a class has no image."""
    found = []
    if any(group.small for group in groups):
        found.append(f"* fewer than {subject.small} patients of a class: read with care")
    lacking = []
    for group in groups:
        missing = [label for label, images in group.of_class.items() if not images]
        if missing:
            by = f"{group.by}: " if group.by else ""
            lacking.append(f"{by}{group.name} (no {', no '.join(missing)})")
    if lacking:
        found.append(
            f"- undefined, for a class has no image there; means are over the others: {'; '.join(lacking)}"
        )
    return found


def reliability_notes(tables: Sequence[Table]) -> list[str]:
    """Say what the mark of intervals means, and why there is none, where that is so."""
    texts = {cell.in_one() for table in tables for row in table.rows for cell in row}
    meanings = {DAGGER: UNRELIABLE, NO_INTERVAL: f"{NO_INTERVAL}: {TOO_FEW}"}
    return [meaning for mark, meaning in meanings.items() if any(mark in text for text in texts)]


def notes(strata: Sequence[Stratum], subject: Subject) -> list[str]:
    """Say what the marks and the columns mean."""
    found = notes_of_groups(strata, subject) + reliability_notes(tables(strata, subject))
    if any(
        not np.isnan(difference.value) for stratum in strata for difference in stratum.differences.values()
    ):
        found += [
            "Differences: a stratum's metric minus that of all other images. p: patients permuted between "
            "strata, class by class; AUCs of many patients by DeLong. Holm: p corrected for all of a "
            "characteristic."
        ]
    if any(stratum.model_differences for stratum in strata):
        found += [
            "Differences of the models: p of shares by McNemar's exact test, or by all swaps of the models' "
            "answers, patient by patient, where patients have several images; of the AUC by DeLong. Holm as "
            "above."
        ]
    return found
