"""A study -> one self-contained HTML page."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cxr_cli.artifacts import write_text
from cxr_cli.audit.text import audit_tables, format_nothing_found
from cxr_cli.evaluation.metrics.registry import heading
from cxr_cli.evaluation.report import format_metric, format_operating_point
from cxr_cli.evaluation.tables import DAGGER, Cell, Table, limits
from cxr_cli.evaluation.uncertainty.estimates import UNRELIABLE
from cxr_cli.plots.save import VECTOR
from cxr_cli.printable import printable
from cxr_cli.report.checklists import CLAIM, TRIPOD
from cxr_cli.report.facts.words import listed, plain
from cxr_cli.report.study import Study
from cxr_cli.splitting.criteria import SUBSETS

TEMPLATE = "page.html"
MOST_COLUMNS = 8
"""Columns of a table on paper; wider ones are split, and the first column is repeated."""
MEDIA_TYPES = {VECTOR: "image/svg+xml", ".png": "image/png"}
HEADLINE = ("accuracy", "balanced_accuracy", "auc", "macro_auc", "sensitivity", "specificity")
CAPTIONS = {
    "confusion": "Confusion matrix: share of each true class, its 95% interval on the diagonal, and images.",
    "roc": "ROC curves, with what was predicted.",
    "precision-recall": "Precision-recall curves, with what was predicted.",
    "calibration": "Calibration: share of positive images by score, ten groups of equal size; 95% intervals.",
    "scores": "Scores of the images of each class, and of all others.",
    "decision-curve": "Decision curve: net benefit of acting on the score.",
    "errors": "The worst errors: images called another class with the highest scores for it.",
}


def write_page(study: Study, path: Path, title: str | None = None) -> None:
    """Write the report of a study into one file, plots included, that needs no other."""
    write_text(path, render(study, title))


def render(study: Study, title: str | None = None) -> str:
    """Lay out a study as HTML; every text is escaped, because labels and columns come from the user.

    Args:
        study: what is shown.
        title: of the page; None names the classes.
    """
    templates = Environment(
        loader=PackageLoader("cxr_cli.report", "."),
        autoescape=True,
        finalize=lambda value: printable(value, keep="\n\t") if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "operating_point": format_operating_point,
        "inline": lambda plot: _data(plot.read_bytes(), plot.suffix),
        "svg": lambda text: _data(text.encode(), VECTOR),
        "split": split_columns,
        "css": _css_text,
    }
    templates.filters |= filters
    metrics = _overall_metrics(study.metrics)
    headline = {heading(name): _cell(metrics[name]) for name in HEADLINE if name in metrics}
    return templates.get_template(TEMPLATE).render(
        title=title or f"Classification of chest radiographs as {listed(study.config.classes, 'or')}",
        study=study,
        subsets=SUBSETS,
        headline=headline,
        marked=any(DAGGER in cell.limits for cell in headline.values()),
        unreliable=UNRELIABLE,
        metrics_tables=_metrics_tables(study.metrics, metrics),
        external_tables={name: _external_table(of) for name, of in study.external.items()},
        captions={name: CAPTIONS[name] for name in CAPTIONS if name in study.figures},
        alternatives={name: _alternative(name, study) for name in study.figures},
        audit_tables=audit_tables(study.audit) if study.audit else [],
        nothing_found=format_nothing_found(study.audit) if study.audit else [],
        checklists=[(checklist, checklist.answers(study)) for checklist in (CLAIM, TRIPOD)],
        records=[
            _pairs("Settings of the run", study.config.decisive),
            _pairs("Versions used in training", study.record["versions"]),
        ],
    )


def split_columns(table: Table) -> list[Table]:
    """Split a table that is too wide for paper; each part has the first column."""
    width = len(table.headings)
    parts = -(-(width - 1) // (MOST_COLUMNS - 1))
    if parts < 2:
        return [table]
    size = -(-(width - 1) // parts)
    return [
        Table(
            f"{table.title} ({number} of {parts})",
            [table.headings[0], *table.headings[start : start + size]],
            [[row[0], *row[start : start + size]] for row in table.rows],
        )
        for number, start in enumerate(range(1, width, size), start=1)
    ]


def _data(content: bytes, suffix: str) -> str:
    return f"data:{MEDIA_TYPES[suffix]};base64,{base64.b64encode(content).decode()}"


def _css_text(text: str) -> str:
    """Write a text for a string of CSS: letters, digits and blanks as they are, all else as escapes."""
    return "".join(sign if sign.isalnum() or sign == " " else f"\\{ord(sign):x} " for sign in text)


def _cell(metric: Mapping[str, Any]) -> Cell:
    """Write a metric, as it stands in JSON, and its interval."""
    caution = metric.get("caution")
    if metric["value"] is None:
        return Cell("-")
    if metric["low"] is None:
        return Cell(f"{metric['value']:.3f}", (caution or "").partition(":")[0])
    return Cell(f"{metric['value']:.3f}", limits(metric["low"], metric["high"]) + (DAGGER if caution else ""))


def _metrics_tables(metrics: Mapping[str, Any] | None, overall: Mapping[str, Any]) -> list[Table]:
    """Lay out the metrics of all images and, without a positive class, those of each class."""
    if metrics is None:
        return []
    positive = f"; positive: {metrics['positive']}" if "positive" in metrics else ""
    title = f"All test images{positive}. Value (95% confidence interval)"
    rows = [[Cell(heading(name)), Cell(format_metric(value))] for name, value in overall.items()]
    tables = [Table(title, ["metric", "value"], rows)]
    if not positive:
        of_classes = metrics["per_class"]
        names = [name for name in next(iter(of_classes.values())) if name != "images"]
        rows = [
            [Cell(label), Cell(str(of["images"])), *(_cell(of[name]) for name in names)]
            for label, of in of_classes.items()
        ]
        headings = ["class", "images", *map(heading, names)]
        tables.append(Table("Each class against the others; 95% confidence intervals", headings, rows))
    return tables


def _external_table(of: Mapping[str, Any]) -> Table:
    rows = [
        [Cell(heading(name)), _cell(of["internal"][name]), _cell(of[name]), _cell(difference)]
        for name, difference in of["difference"].items()
    ]
    return Table(
        "External and internal test; 95% confidence intervals",
        ["metric", "internal", "external", "difference"],
        rows,
    )


def _pairs(title: str, values: Mapping[str, Any]) -> Table:
    return Table(title, ["name", "value"], [[Cell(name), Cell(plain(of))] for name, of in values.items()])


def _alternative(name: str, study: Study) -> str:
    """Say in words what a figure shows: its metrics, where it is of such."""
    metric = {"roc": "auc", "precision-recall": "average_precision", "confusion": "sensitivity"}.get(name)
    if study.metrics is None or metric is None:
        return {
            "training": f"Loss and accuracy by epoch; epoch {study.selected.epoch} is marked.",
            "audit": "AUC of each class by visible region of the image; the numbers are in the tables below.",
        }.get(name, CAPTIONS.get(name, name))
    values = [
        f"{label} {format_metric(of[metric])}"
        for label, of in study.metrics["per_class"].items()
        if metric in of and label == study.metrics.get("positive", label)
    ]
    return f"{CAPTIONS[name]} {heading(metric)}: {'; '.join(values)}."


def _overall_metrics(metrics: dict[str, Any] | None) -> dict[str, Any]:
    """Pick the metrics of all images; means over classes only if no class is the positive one."""
    overall = {
        name: value
        for name, value in (metrics or {}).items()
        if isinstance(value, dict) and {"value", "low", "high"} <= value.keys()
    }
    if "auc" in overall:
        return {name: value for name, value in overall.items() if not name.startswith("macro_")}
    return overall
