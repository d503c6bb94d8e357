"""The sanity check of saliency maps, as text."""

from cxr_cli.evaluation.report import format_metric
from cxr_cli.explain.agreement import OtherRun, Repeatability
from cxr_cli.explain.localization import THRESHOLD, TOLERANCE
from cxr_cli.explain.localization_check import LocalizationReport
from cxr_cli.explain.randomization import Randomization
from cxr_cli.explain.sanity_check import SanityReport

HEADINGS = {
    "pointing_game": "pointing game",
    "energy_pointing_game": "energy-based",
    "iou": "IoU",
}


def format_sanity_report(report: SanityReport) -> str:
    """Lay out a sanity check as plain text: for each part a heading, its metrics and a verdict."""
    height, width = report.cells
    lines = [
        f"{report.run}: {report.method} of {report.layer}, {height} x {width} cells, target {report.target}, "
        f"{report.images} images, {report.without_positive_values} without positive values",
        "",
        *_randomization(report.randomization),
        "",
        *_repeatability(report.repeatability),
    ]
    if report.other_run is not None:
        lines += ["", *_other_run(report.other_run)]
    if report.masks is not None:
        lines += ["", *_localization(report.masks)]
    return "\n".join(lines)


def _randomization(part: Randomization) -> list[str]:
    names = [("and " if depth else "") + stage.randomized for depth, stage in enumerate(part.stages)]
    width = max(map(len, names))
    lines = [
        "Parameters randomized layer by layer from the head down: rank correlation with the original maps, "
        f"{part.images} images, mean over {part.initializations} initializations (lowest to highest)",
    ]
    lines += [
        f"  {name:{width}}  {_number(stage.correlation)} "
        f"({_number(stage.lowest)} to {_number(stage.highest)})" + ("" if stage.judged else "  not judged")
        for name, stage in zip(names, part.stages, strict=True)
    ]
    lines.append(f"  for comparison, maps of two patients: {_number(part.between_patients)}")
    return [*lines, f"  {part.verdict}"]


def _repeatability(part: Repeatability) -> list[str]:
    usual, other = part.batch_sizes
    return [
        "Repeatability: largest difference, relative to an image's largest value",
        f"  same call {part.same_call:.1e}; batches of {other} images instead of {usual} "
        f"{part.other_batch_size:.1e}",
        f"  {'repeatable' if part.repeatable else 'NOT repeatable'} within {part.tolerance:g}",
    ]


def _other_run(part: OtherRun) -> list[str]:
    correlation = "-" if part.correlation is None else format_metric(part.correlation)
    return [
        f"Maps of {part.run}: rank correlation {correlation} over {part.images} images; "
        f"{part.other_target} with another target are left out",
        f"  for comparison, maps of two patients by one run: {_number(part.between_patients)}",
    ]


def _localization(part: LocalizationReport) -> list[str]:
    width = max(map(len, part.groups))
    metric_width = max(map(len, HEADINGS.values()))
    lines = [
        f"Findings in {part.folder}: {part.images} images; "
        f"left out: {part.without_finding} with a black mask, {part.without_mask} without a mask",
        f"  pointing game: maximum in the finding or within {TOLERANCE:.1%} of the image's side of it; "
        f"energy-based: share of the map in the finding; IoU: of the map at {THRESHOLD:.0%} of its maximum",
        f"  {'':{width}}  {'images':>6}  {'':{metric_width}}  {'maps':19}  uniform map  centered  "
        "other patients",
    ]
    for name, group in part.groups.items():
        for key, heading in HEADINGS.items():
            metric = group.metrics[key]
            lines.append(
                f"  {name:{width}}  {group.images:6}  {heading:{metric_width}}  "
                f"{format_metric(metric.estimate):19}  {_number(metric.uniform):11}  "
                f"{_number(metric.centered):8}  {_number(metric.other_patients)}"
            )
    return [*lines, f"  {part.verdict}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
