"""Comparisons of models as tables (Tables 2 and 4 of the pneumoperitoneum paper), and as records for CSV."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr_cli.evaluation.comparison import Agreement, Comparison, ReaderResult, is_noninferior
from cxr_cli.evaluation.metrics.registry import BY_NAME, heading
from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.subgroups.tables import (
    Subject,
    difference_cells,
    metric_cell,
    metric_of,
    notes_of_groups,
    reliability_notes,
)
from cxr_cli.evaluation.tables import Cell, Table


def records(
    comparisons: Sequence[Comparison], subject: Subject, margin: float | None = None
) -> list[dict[str, Any]]:
    """Put each metric of each model, and each difference, into a row of its own, None where unknown: for CSV.

    A row with a name in `minus` is a difference: the metric of `model` minus that of `minus`.
    """
    rows = []
    for group in comparisons:
        about = {"by": group.by, "stratum": group.name, "images": group.images, "patients": group.patients}
        for model, estimates in group.estimates.items():
            for name in subject.names:
                metric = metric_of(estimates, name, subject)
                if metric is not None:
                    rows.append({**about, "model": model, "minus": "", "metric": name, **metric.as_json()})
        for pair in group.pairs:
            for name, difference in pair.differences.items():
                row = {**about, "model": pair.second, "minus": pair.first, "metric": name}
                rows.append({**row, **_difference(difference, margin)})
    return rows


def _difference(difference: Difference, margin: float | None) -> dict[str, Any]:
    found: dict[str, Any] = difference.as_json()
    return found if margin is None else {**found, "noninferior": is_noninferior(difference, margin)}


def as_json(
    comparisons: Sequence[Comparison], subject: Subject, margin: float | None = None
) -> list[dict[str, Any]]:
    """Put each comparison into an object: counts, each model's metrics, each pair's differences."""
    return [
        {
            "by": group.by,
            "stratum": group.name,
            "small": group.small,
            "images": group.images,
            "patients": group.patients,
            "images_of_class": group.of_class,
            "patients_of_class": group.patients_of_class,
            "models": {
                model: {
                    name: metric.as_json()
                    for name in subject.names
                    if (metric := metric_of(estimates, name, subject)) is not None
                }
                for model, estimates in group.estimates.items()
            },
            "pairs": [
                {
                    "model": pair.second,
                    "minus": pair.first,
                    "differences": {name: _difference(of, margin) for name, of in pair.differences.items()},
                }
                for pair in group.pairs
            ],
        }
        for group in comparisons
    ]


def readers_as_json(readers: Sequence[ReaderResult]) -> list[dict[str, Any]]:
    """Put each reader into an object."""
    return [
        {
            "reader": reader.name,
            "images": reader.images,
            "sensitivity": reader.sensitivity.as_json(),
            "specificity": reader.specificity.as_json(),
            "models_at_this_specificity": {
                model: {
                    "sensitivity": sensitivity.as_json(),
                    "minus_reader": reader.model_difference[model].as_json(),
                }
                for model, sensitivity in reader.model_sensitivity.items()
            },
        }
        for reader in readers
    ]


def agreement_as_json(agreement: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Put each group of readers into an object."""
    return [
        {
            "readers": list(one.readers),
            "images": one.images,
            "agreed": one.share,
            "kappa": one.kappa.as_json(),
            "method": "Cohen" if len(one.readers) == 2 else "Fleiss",
        }
        for one in agreement
    ]


def tables(
    comparisons: Sequence[Comparison],
    subject: Subject,
    readers: Sequence[ReaderResult] = (),
    agreement: Sequence[Agreement] = (),
    margin: float | None = None,
) -> list[Table]:
    """Lay comparisons out: images, metrics of each model, differences, readers and their agreement."""
    found = [_table_of_images(comparisons), _table_of_metrics(comparisons, subject)]
    differences = _table_of_differences(comparisons, margin)
    if differences.rows:
        found.append(differences)
    if readers:
        found.append(_table_of_readers(readers))
    if agreement:
        found.append(_table_of_agreement(agreement))
    return found


def _place(group: Comparison) -> str:
    by = f"{group.by}: " if group.by else ""
    return f"{by}{group.name}{' *' if group.small else ''}"


def _table_of_images(comparisons: Sequence[Comparison]) -> Table:
    classes = list(comparisons[0].of_class)
    rows = [
        [
            Cell(_place(group)),
            *(Cell(str(n)) for n in (group.images, group.patients, *group.of_class.values())),
        ]
        for group in comparisons
    ]
    return Table("Images", ["", "images", "patients", *(f"class {name}" for name in classes)], rows)


def _table_of_metrics(comparisons: Sequence[Comparison], subject: Subject) -> Table:
    every = [estimates for group in comparisons for estimates in group.estimates.values()]
    shown = [
        name
        for name in subject.columns
        if any(metric_of(estimates, name, subject) is not None for estimates in every)
    ]
    rows = [
        [
            Cell(_place(group)),
            Cell(model),
            *(metric_cell(metric_of(estimates, name, subject)) for name in shown),
        ]
        for group in comparisons
        for model, estimates in group.estimates.items()
    ]
    title = "Metrics" if subject.positive is not None else "Metrics, and the sensitivity of each class"
    return _without_lone_group(
        Table(title, ["", "model", *(subject.columns[name] for name in shown)], rows), comparisons
    )


def _table_of_differences(comparisons: Sequence[Comparison], margin: float | None) -> Table:
    rows = [
        [
            Cell(_place(group)),
            Cell(f"{pair.second} - {pair.first}"),
            Cell(heading(name) if name in BY_NAME else name),
            *difference_cells(difference),
            *([] if margin is None else [_noninferior_cell(difference, margin)]),
        ]
        for group in comparisons
        for pair in group.pairs
        for name, difference in pair.differences.items()
        if not np.isnan(difference.value)
    ]
    headings = ["", "models", "metric", "difference", "95%", "p", "Holm"]
    if margin is not None:
        headings.append(f"noninferior by {margin:g}")
    return _without_lone_group(Table("Differences between models", headings, rows), comparisons)


def _noninferior_cell(difference: Difference, margin: float) -> Cell:
    return Cell({True: "yes", False: "not shown", None: "-"}[is_noninferior(difference, margin)])


def _without_lone_group(table: Table, comparisons: Sequence[Comparison]) -> Table:
    """Drop the column of strata where all images are the only one."""
    if len(comparisons) > 1:
        return table
    return Table(table.title, table.headings[1:], [row[1:] for row in table.rows])


def _table_of_readers(readers: Sequence[ReaderResult]) -> Table:
    models = list(readers[0].model_sensitivity)
    headings = ["reader", "images", "sensitivity", "specificity"]
    for model in models:
        headings += [f"sensitivity of {model} there", "difference"]
    rows = []
    for reader in readers:
        cells = [Cell(reader.name), Cell(str(reader.images))]
        cells += [metric_cell(reader.sensitivity), metric_cell(reader.specificity)]
        for model in models:
            cells += [metric_cell(reader.model_sensitivity[model]), _signed(reader.model_difference[model])]
        rows.append(cells)
    return Table("Readers, and the models at each reader's specificity", headings, rows)


def _signed(difference: Difference) -> Cell:
    value, interval, *_ = difference_cells(difference)
    return Cell(value.value, "" if interval.value == "-" else interval.value)


def _table_of_agreement(agreement: Sequence[Agreement]) -> Table:
    rows = [
        [
            Cell(", ".join(one.readers)),
            Cell(str(one.images)),
            Cell(f"{one.share:.3f}"),
            metric_cell(one.kappa),
            Cell("Cohen" if len(one.readers) == 2 else "Fleiss"),
        ]
        for one in agreement
    ]
    return Table("Agreement between readers", ["readers", "images", "agreed", "kappa", "method"], rows)


def notes(comparisons: Sequence[Comparison], subject: Subject, margin: float | None = None) -> list[str]:
    """Say what the marks and the columns mean."""
    found = notes_of_groups(comparisons, subject)
    found += reliability_notes(
        [_table_of_metrics(comparisons, subject), _table_of_differences(comparisons, margin)]
    )
    if any(group.pairs for group in comparisons):
        found += [
            "Differences are paired. Intervals: of accuracy, sensitivity and specificity by Agresti and Min, "
            "with the variance between patients; of the AUC by DeLong, as its p; of the rest by MOVER. p of "
            "accuracy, sensitivity and specificity by McNemar's exact test, or by all swaps of the models' "
            "answers, patient by patient; of the others by sampled swaps. "
            "Holm: p corrected for the number of pairs, and of strata.",
        ]
    if margin is not None:
        found.append(f"Noninferior: the lower 95% limit of the difference is above -{margin:g}.")
    return found
