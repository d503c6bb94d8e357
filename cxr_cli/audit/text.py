"""An audit as plain text: tables first, the verdict last."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from cxr_cli.audit.findings import LEAKS, NOTABLE, inconclusive
from cxr_cli.audit.kinds import FindingKind
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.tables import Cell, Table, columns

WIDTH = 110
IN_PART = "what predicts one class predicts the others in part, since each is compared with all others"
SHOWN = 3
"""Of what is inconclusive."""
LEAKS_SHOWN = 10
"""Pairs that are named; all are in the JSON."""
NOTHING: Mapping[str, str] = {
    "shortcut": "none found. A shortcut inside the lung fields cannot be found: it looks like pathology",
    "association": "none found between class and any characteristic available",
    "leak": "none found",
}


def format_audit(report: Mapping[str, Any]) -> str:
    """Lay out an audit's report, as `cxr audit` writes it to audit.json."""
    parts = [
        _association_lines(report),
        *(_region_lines(report, name) for name in REGION_HEADINGS if report[name]),
        _leak_lines(report),
        _verdict(report),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _association_lines(report: Mapping[str, Any]) -> Iterator[str]:
    association = report["association"]
    yield (
        f"Class and characteristics: {_extent(association)}. AUC cross-validated by patient, within folds "
        "(chance: 0.5)"
    )
    for reason in dict.fromkeys(association["left_out"].values()):
        names = [name for name, why in association["left_out"].items() if why == reason]
        yield from wrap(f"not examined, {reason}: {', '.join(names)}", WIDTH, subsequent_indent="  ")
    if not association["characteristics"]:
        yield "no characteristic is left"
        return
    yield from _lines(_association_table(report))
    named = {by for finding in report["findings"] if finding["kind"] == "association" for by in finding["by"]}
    for name in (name for name in association["characteristics"] if name in named):
        counts = association["characteristics"][name]["counts"]
        yield ""
        yield from columns(
            [[name, *report["classes"]]] + [[level, *map(str, of.values())] for level, of in counts.items()]
        )


REGION_HEADINGS = {
    "refitted": "Refitted on regions: {extent}. AUC of a classifier refitted on each region "
    "(brightness and contrast on a coarse grid), cross-validated by patient",
    "occlusion": "Occlusion: {extent}. AUC of the run where the rest is the mean training image",
}


def _region_lines(report: Mapping[str, Any], name: str) -> Iterator[str]:
    yield REGION_HEADINGS[name].format(extent=_extent(report[name]))
    yield from _lines(_region_table(report, name))


def audit_tables(report: Mapping[str, Any]) -> list[Table]:
    """Lay out what an audit computed as tables: of the characteristics, and of the regions."""
    associated = [_association_table(report)] if report["association"]["characteristics"] else []
    return [*associated, *(_region_table(report, name) for name in REGION_HEADINGS if report[name])]


def _association_table(report: Mapping[str, Any]) -> Table:
    association = report["association"]
    headings = ["characteristic", "levels", "Cramér's V", "p (Holm)", "AUC from it alone", *report["classes"]]
    rows = [
        [name, str(len(of["counts"])), format_metric(of["cramers_v"]), f"{of['p_holm']:.4f}", *_aucs(of)]
        for name, of in association["characteristics"].items()
    ]
    rows.append(["all together", "", "", "", *_aucs(association["together"])])
    title = f"Class and characteristics: {_extent(association)}"
    return Table(title, headings, [list(map(Cell, row)) for row in rows])


def _region_table(report: Mapping[str, Any], name: str) -> Table:
    of = report[name]
    rows = [[region, *_aucs(aucs), aucs["description"]] for region, aucs in of["regions"].items()]
    headings = ["region", "AUC (chance: 0.5)", *report["classes"], "what is visible"]
    title = REGION_HEADINGS[name].format(extent=_extent(of))
    return Table(title, headings, [list(map(Cell, row)) for row in rows])


def _lines(table: Table) -> Iterator[str]:
    return columns([table.headings, *([cell.value for cell in row] for row in table.rows)])


def _leak_lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield "Leaks between subsets"
    for name, (_, many) in LEAKS.items():
        leaks = report["leaks"][name]
        yield f"{many.rstrip(',')}: {len(leaks)}"
        for leak in leaks[:LEAKS_SHOWN]:
            (one, other), (here, there) = leak["image_ids"], leak["subsets"]
            yield f"  {one} in {here}, {other} in {there}" + (
                f", correlation {leak['correlation']:.2f}" if leak["correlation"] is not None else ""
            )
        if len(leaks) > LEAKS_SHOWN:
            yield f"  ... and {len(leaks) - LEAKS_SHOWN} more, in the JSON"


def _verdict(report: Mapping[str, Any]) -> Iterator[str]:
    yield "Verdict"
    for kind in FindingKind:
        found = [finding for finding in report["findings"] if finding["kind"] == kind]
        for text in [finding["text"] for finding in found] or [_nothing(report, kind)]:
            yield from wrap(f"{kind}: {text}", WIDTH, subsequent_indent="  ")
        if len({finding["label"] for finding in found}) > 1 and len(report["classes"]) > 2:
            yield from wrap(f"{kind}: {IN_PART}", WIDTH, subsequent_indent="  ")


def format_nothing_found(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say, of each kind of which nothing was found, whether that means something: kind, text."""
    kinds = {finding["kind"] for finding in report["findings"]}
    return [(str(kind), _nothing(report, kind)) for kind in FindingKind if kind not in kinds]


def _nothing(report: Mapping[str, Any], kind: FindingKind) -> str:
    """Say that nothing was found; or, where intervals reach as far as a finding, that images were too few."""
    unsure = inconclusive(report, kind)
    if not unsure:
        return NOTHING[kind]
    named = ", ".join(unsure[:SHOWN]) + (f", and {len(unsure) - SHOWN} more" if len(unsure) > SHOWN else "")
    return f"inconclusive: too few images to exclude one. AUC may be more than {NOTABLE}: {named}"


def _extent(of: Mapping[str, Any]) -> str:
    return f"{of['images']} images of {of['subset']}, {of['patients']} patients"


def _aucs(of: Mapping[str, Any]) -> list[str]:
    """The mean AUC with its limits, and each class's."""
    values = (figure["value"] for figure in of["per_class"].values())
    return [format_metric(of["auc"]), *("-" if value is None else f"{value:.3f}" for value in values)]
