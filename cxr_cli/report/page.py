"""A study -> one self-contained HTML page."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cxr_cli.artifacts import write_text
from cxr_cli.audit.text import format_audit
from cxr_cli.evaluation.metrics.registry import heading
from cxr_cli.evaluation.report import format_metric, format_operating_point
from cxr_cli.printable import printable
from cxr_cli.report.checklists import CLAIM, TRIPOD
from cxr_cli.report.study import Study
from cxr_cli.splitting.criteria import SUBSETS

TEMPLATE = "page.html"


def write_page(study: Study, path: Path) -> None:
    """Write the report of a study into one file, plots included, that needs no other."""
    write_text(path, render(study))


def render(study: Study) -> str:
    """Lay out a study as HTML; every text is escaped, because labels and columns come from the user."""
    templates = Environment(
        loader=PackageLoader("cxr_cli.report", "."),
        autoescape=True,
        finalize=lambda value: printable(value, keep="\n\t") if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "metric": format_metric,
        "heading": heading,
        "operating_point": format_operating_point,
        "inline": lambda plot: f"data:image/png;base64,{base64.b64encode(plot.read_bytes()).decode()}",
        "words": lambda name: name.replace("_", " "),
    }
    checklists = [(checklist, checklist.answers(study)) for checklist in (CLAIM, TRIPOD)]
    return templates.get_template(TEMPLATE).render(
        study=study,
        subsets=SUBSETS,
        metrics=_overall_metrics(study.metrics),
        audit=study.audit and format_audit(study.audit),
        checklists=checklists,
        settings=study.config.decisive,
    )


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
