"""Facts about the test, the audit, and the saliency maps."""

from collections.abc import Mapping

from cxr_cli.evaluation.report import format_metric
from cxr_cli.report.facts.data import selection
from cxr_cli.report.facts.words import count, counts, listed, spaced
from cxr_cli.report.study import Study

FAIRNESS = ("sex", "age")
"""Characteristics of patients, not of imaging systems."""


def metrics(study: Study) -> str | None:
    """The metrics that were computed."""
    if study.metrics is None:
        return None
    named = [name for name, value in study.metrics.items() if isinstance(value, Mapping) and "low" in value]
    return f"{listed(map(spaced, named))}; confusion matrix."


def uncertainty(study: Study) -> str | None:
    """How intervals were computed."""
    return None if study.metrics is None else f"Intervals: {study.metrics['interval']}."


def robustness(study: Study) -> str | None:
    """What the audit examined."""
    if study.audit is None:
        return None
    return (
        "Classes were predicted from regions of the images alone, such as the corners and the border, and "
        f"from characteristics alone: {count(len(study.audit['findings']), 'finding')}, listed under Audit."
    )


def explainability(study: Study) -> str | None:
    """The saliency maps."""
    if not study.sheets:
        return None
    return f"Grad-CAM saliency maps; {count(len(study.sheets), 'contact sheet')} below."


def internal_test(study: Study) -> str | None:
    """Number of test images, if they are of the training images' domain."""
    if study.metrics is None or selection(study):
        return None
    return f"{count(study.metrics['images'], 'test image')} of {count(study.metrics['patients'], 'patient')}."


def performance(study: Study) -> str | None:
    """The main metrics."""
    if study.metrics is None:
        return None
    shown = ("accuracy", "balanced_accuracy", "auc" if "auc" in study.metrics else "macro_auc")
    values = [f"{spaced(name)} {format_metric(study.metrics[name])}" for name in shown]
    return f"{'; '.join(values)}. Other metrics are under Test, subgroups under Subgroups."


def diagnostic_performance(study: Study) -> str | None:
    """Sensitivity and specificity."""
    if study.metrics is None:
        return None
    positive = study.metrics.get("positive")
    values = [
        f"{name}: sensitivity {format_metric(of['sensitivity'])}, "
        f"specificity {format_metric(of['specificity'])}"
        for name, of in study.metrics["per_class"].items()
        if positive in (None, name)
    ]
    return f"{'; '.join(values)}."


def failures(study: Study) -> str | None:
    """Number of images that were misclassified, by classes."""
    if study.metrics is None:
        return None
    confusion, classes = study.metrics["confusion_matrix"], study.metrics["classes"]
    wrong = {
        f"{true} as {predicted}": confusion[i][j]
        for i, true in enumerate(classes)
        for j, predicted in enumerate(classes)
        if i != j and confusion[i][j]
    }
    return f"{count(sum(wrong.values()), 'image')} misclassified{f': {counts(wrong)}' if wrong else ''}."


def limitations(study: Study) -> str | None:
    """The kinds of the audit's findings."""
    if study.audit is None or not study.audit["findings"]:
        return None
    kinds = [
        f"{finding['kind']} ({finding['label'] or 'between subsets'})" for finding in study.audit["findings"]
    ]
    return f"Findings of the audit: {listed(dict.fromkeys(kinds))}; see Audit."


def heterogeneity(study: Study) -> str | None:
    """Subgroups that were analyzed."""
    return f"Subgroups by {listed(map(spaced, study.strata.by))}, under Subgroups." if study.strata else None


def fairness(study: Study) -> str | None:
    """Subgroups by sex and age."""
    groups = [name for name in study.strata.by if name in FAIRNESS] if study.strata else []
    return f"Metrics by {listed(groups)}, under Subgroups." if groups else None
