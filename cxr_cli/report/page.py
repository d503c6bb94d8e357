"""A study -> one self-contained HTML page."""

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cxr_cli.artifacts import write_text
from cxr_cli.audit.text import format_audit
from cxr_cli.evaluation.metrics.registry import heading
from cxr_cli.evaluation.report import format_metric, format_operating_point
from cxr_cli.report.checklists import CLAIM, TRIPOD
from cxr_cli.report.study import Study
from cxr_cli.splitting.criteria import SUBSETS

TEMPLATE = "page.html"


def write_page(study: Study, path: Path) -> None:
    """Write the report of a study, pictures and all, into one file that needs no other."""
    write_text(path, render(study))


def render(study: Study) -> str:
    """Lay out a study as HTML; every text is escaped, for labels and columns are the user's."""
    templates = Environment(
        loader=PackageLoader("cxr_cli.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "figure": format_metric,
        "heading": heading,
        "operating_point": format_operating_point,
        "picture": _inline,
        "words": lambda name: name.replace("_", " "),
    }
    checklists = [(checklist, checklist.answers(study)) for checklist in (CLAIM, TRIPOD)]
    return templates.get_template(TEMPLATE).render(
        study=study,
        subsets=SUBSETS,
        figures=_named_figures(study.metrics),
        audit=study.audit and format_audit(study.audit),
        checklists=checklists,
        settings=study.config.decisive,
    )


def _named_figures(metrics: dict[str, Any] | None) -> dict[str, Any]:
    """Pick the figures of all images; means over the classes only where none of these is the finding."""
    figures = {name: value for name, value in (metrics or {}).items() if _is_figure(value)}
    if "auc" in figures:
        return {name: value for name, value in figures.items() if not name.startswith("macro_")}
    return figures


def _is_figure(value: Any) -> bool:
    return isinstance(value, dict) and {"value", "low", "high"} <= value.keys()


def _inline(picture: Path) -> str:
    """Return a PNG as a data address."""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
