"""Strata as tables: for a terminal, CSV, JSON, LaTeX and Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cxr_cli.evaluation.subgroups.differences import Difference
from cxr_cli.evaluation.subgroups.strata import Stratum
from cxr_cli.evaluation.text_table import columns
from cxr_cli.evaluation.uncertainty.estimates import Estimate

# Table 4 of the pneumoperitoneum paper has these six, in this order.
OF_A_POSITIVE = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "precision": "precision",
    "f1": "F1",
    "auc": "AUC",
}
OF_CLASSES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
}
FURTHER = ("balanced_accuracy", "average_precision", "brier", "calibration_error")
HEADINGS = {**OF_A_POSITIVE, **OF_CLASSES, "balanced_accuracy": "balanced accuracy"}


@dataclass(frozen=True)
class Subject:
    """What the tables are of.

    Attributes:
        classes: names.
        positive: the number of the finding's class, None for more than two classes.
        small: images of a class, below which a stratum is marked.
    """

    classes: tuple[str, ...]
    positive: int | None
    small: int

    @property
    def figures(self) -> dict[str, str]:
        """Columns of the table of figures: name and heading."""
        if self.positive is not None:
            return OF_A_POSITIVE
        return {**OF_CLASSES, **{f"sensitivity {name}": name for name in self.classes}}


class Cell(NamedTuple):
    """A cell's text, and an interval that belongs to it."""

    value: str
    limits: str = ""

    def in_one(self) -> str:
        """Write "0.812 (0.750-0.868)"."""
        return f"{self.value} ({self.limits})" if self.limits else self.value


@dataclass(frozen=True)
class Table:
    """Rows of as many cells as there are headings; the first is a name."""

    title: str
    headings: list[str]
    rows: list[list[Cell]]


def figure_of(stratum: Stratum, name: str, subject: Subject) -> Estimate | None:
    """Find a stratum's figure by the name that tables have for it; None where there are no scores for it."""
    if name in stratum.estimates.overall:
        return stratum.estimates.overall[name]
    kind, _, label = name.partition(" ")
    if kind not in stratum.estimates.per_class:
        return None
    number = subject.classes.index(label) if label else subject.positive
    return None if number is None else stratum.estimates.per_class[kind][number]


def records(strata: Sequence[Stratum], subject: Subject) -> list[dict[str, Any]]:
    """Put every stratum into one flat row of numbers, None where unknown: for CSV."""
    names = [*subject.figures, *(FURTHER if subject.positive is not None else FURTHER[2:])]
    rows = []
    for stratum in strata:
        row = _counts(stratum, subject)
        for name in names:
            figure = figure_of(stratum, name, subject)
            if figure is not None:
                row |= _numbered(name, figure.as_json(), ("low", "high", "method"))
        for kind, differences in (
            ("difference", stratum.differences),
            ("model_difference", stratum.model_differences),
        ):
            for name, difference in differences.items():
                row |= _numbered(
                    f"{name}_{kind}", difference.as_json(), ("low", "high", "method", "p", "p_holm")
                )
        rows.append({name.replace(" ", "_"): value for name, value in row.items()})
    return rows


def _counts(stratum: Stratum, subject: Subject) -> dict[str, Any]:
    names = (
        {name: name for name in subject.classes}
        if subject.positive is None
        else {
            "positives": subject.classes[subject.positive],
            "negatives": subject.classes[1 - subject.positive],
        }
    )
    return {
        "by": stratum.by,
        "stratum": stratum.name,
        "small": stratum.small,
        "images": stratum.images,
        "patients": stratum.patients,
        **{heading: stratum.of_class[name] for heading, name in names.items()},
    }


def _numbered(name: str, numbers: dict[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    return {name: numbers["value"], **{f"{name}_{part}": numbers[part] for part in parts}}


def as_json(strata: Sequence[Stratum], subject: Subject) -> list[dict[str, Any]]:
    """Put every stratum into one object: counts, figures, differences and differences."""
    found = []
    for stratum in strata:
        names = [*subject.figures, *(FURTHER if subject.positive is not None else FURTHER[2:])]
        figures = {name: figure_of(stratum, name, subject) for name in names}
        found.append(
            {
                **_counts(stratum, subject),
                "figures": {name: figure.as_json() for name, figure in figures.items() if figure is not None},
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
    """Lay strata out as the second paper's Tables 3 and 4, and differences and differences below them."""
    return [
        _table_of_counts(strata, subject),
        _table_of_figures(strata, subject),
        *_table_of_differences("Difference to all other images", strata, lambda stratum: stratum.differences),
        *_table_of_differences(
            "The other model minus this one", strata, lambda stratum: stratum.model_differences
        ),
    ]


def _table_of_counts(strata: Sequence[Stratum], subject: Subject) -> Table:
    counts = [list(_counts(stratum, subject).items())[3:] for stratum in strata]
    rows = [
        [_name(stratum), *(Cell(str(value)) for _, value in of)]
        for stratum, of in zip(strata, counts, strict=True)
    ]
    return Table("Images", ["", *(heading for heading, _ in counts[0])], rows)


def _table_of_figures(strata: Sequence[Stratum], subject: Subject) -> Table:
    shown = [name for name in subject.figures if figure_of(strata[0], name, subject)]
    rows = [
        [_name(stratum), *(_figure_cell(figure_of(stratum, name, subject)) for name in shown)]
        for stratum in strata
    ]
    title = "Figures" if subject.positive is not None else "Figures, and the sensitivity of each class"
    return Table(title, ["", *(subject.figures[name] for name in shown)], rows)


def _table_of_differences(
    title: str, strata: Sequence[Stratum], differences: Callable[[Stratum], dict[str, Difference]]
) -> list[Table]:
    rows = [
        [_name(stratum), Cell(HEADINGS.get(name, name)), *_difference_cells(difference)]
        for stratum in strata
        for name, difference in differences(stratum).items()
        if not np.isnan(difference.value)
    ]
    return [Table(title, ["", "figure", "difference", "95 %", "p", "Holm"], rows)] if rows else []


def _name(stratum: Stratum) -> Cell:
    """Name a stratum with its characteristic, and mark a small one."""
    by = f"{stratum.by}: " if stratum.by else ""
    return Cell(f"{by}{stratum.name}{' *' if stratum.small else ''}")


def _figure_cell(figure: Estimate | None) -> Cell:
    if figure is None or np.isnan(figure.value):
        return Cell("-")
    low, high = figure.interval.low, figure.interval.high
    return Cell(f"{figure.value:.3f}", "" if np.isnan(low) else f"{low:.3f}-{high:.3f}")


def _difference_cells(difference: Difference) -> list[Cell]:
    low, high = difference.interval.low, difference.interval.high
    return [
        Cell("-" if np.isnan(difference.value) else f"{difference.value:+.3f}"),
        Cell("-" if np.isnan(low) else f"{low:+.3f} to {high:+.3f}"),
        *(
            Cell("-" if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}")
            for p in (difference.p, difference.p_holm)
        ),
    ]


def notes(strata: Sequence[Stratum], subject: Subject) -> list[str]:
    """Say what the marks and the columns mean."""
    found = []
    if any(stratum.small for stratum in strata):
        found.append(f"* fewer than {subject.small} images of a class: read with care")
    if any(
        not np.isnan(difference.value) for stratum in strata for difference in stratum.differences.values()
    ):
        found += [
            "Differences: a stratum's figure minus that of all other images. p: patients permuted between strata,",
            "class by class. Holm: p corrected for the number of differences of the same characteristic.",
        ]
    if any(stratum.model_differences for stratum in strata):
        found += [
            "Differences: p of shares by McNemar's exact test, or by swapping the models' answers patient by",
            "patient where patients have several images; of the AUC by DeLong. Holm as for differences.",
        ]
    return found


def as_text(strata: Sequence[Stratum], subject: Subject) -> str:
    """Lay tables out for a terminal, intervals on a line of their own: about 100 columns."""
    blocks = ["\n".join([table.title, *_text_lines(table)]) for table in tables(strata, subject)]
    return "\n\n".join([*blocks, "\n".join(notes(strata, subject))]).rstrip()


def _text_lines(table: Table) -> list[str]:
    rows = [table.headings]
    for cells in table.rows:
        rows.append([cell.value for cell in cells])
        if any(cell.limits for cell in cells):
            rows.append([cell.limits for cell in cells])
    return list(columns(rows))


def as_markdown(strata: Sequence[Stratum], subject: Subject) -> str:
    """Write pipe tables."""
    blocks = []
    for table in tables(strata, subject):
        rows = [table.headings, ["---"] * len(table.headings)]
        rows += [
            [cell.in_one().replace("|", r"\|").replace("*", r"\*") for cell in row] for row in table.rows
        ]
        blocks.append("\n".join([f"{table.title}:", "", *("| " + " | ".join(row) + " |" for row in rows)]))
    return "\n\n".join([*blocks, *(note.replace("*", r"\*") for note in notes(strata, subject))])


LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
}


def as_latex(strata: Sequence[Stratum], subject: Subject) -> str:
    """Write tabulars with booktabs' rules, a comment above each saying what it is."""
    blocks = []
    for table in tables(strata, subject):
        columns = "l" + "r" * (len(table.headings) - 1)
        rows = [" & ".join(_latex(cell.in_one()) for cell in row) + r" \\" for row in table.rows]
        head = " & ".join(_latex(heading) for heading in table.headings) + r" \\"
        lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows]
        blocks.append("\n".join([f"% {table.title}", *lines, r"\bottomrule", r"\end{tabular}"]))
    return "\n\n".join([*blocks, *(f"% {note}" for note in notes(strata, subject))])


def _latex(text: str) -> str:
    return "".join(LATEX_SPECIAL.get(sign, sign) for sign in text)
