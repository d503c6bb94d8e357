"""The check of maps of heat, as text."""

from typing import Any

from cxr_cli.evaluation.report import format_metric
from cxr_cli.explain.localization import THRESHOLD, TOLERANCE

FIGURES = {
    "pointing_game": "hit",
    "heat_share": "share of heat",
    "overlap": "IoU",
}


def format_check(report: dict[str, Any]) -> str:
    """Lay out a report of `cxr gradcam --check` as plain text: each part a heading, figures and a verdict."""
    height, width = report["cells"]
    lines = [
        f"{report['run']}: {report['method']} of {report['layer']}, {height} x {width} cells, "
        f"target {report['target']}, {report['images']} images, {report['without_heat']} without heat",
        "",
        *_forgetting(report["forgetting"]),
        "",
        *_repeating(report["repeating"]),
    ]
    if "other_run" in report:
        lines += ["", *_other_run(report["other_run"])]
    if "masks" in report:
        lines += ["", *_masks(report["masks"])]
    return "\n".join(lines)


def _forgetting(part: dict[str, Any]) -> list[str]:
    stages = part["stages"]
    names = [("and " if depth else "") + stage["drawn_anew"] for depth, stage in enumerate(stages)]
    width = max(map(len, names))
    lines = [
        "The model forgets from the head down: rank correlation of its maps with the run's, "
        f"{part['images']} images, mean over {part['draws']} draws of weights (lowest to highest draw)",
    ]
    lines += [
        f"  {name:{width}}  {_number(stage['correlation'])} "
        f"({_number(stage['lowest'])} to {_number(stage['highest'])})"
        + ("" if stage["judged"] else "  not judged")
        for name, stage in zip(names, stages, strict=True)
    ]
    lines.append(f"  for comparison, maps of two patients by the run: {_number(part['between_images'])}")
    return [*lines, f"  {part['verdict']}"]


def _repeating(part: dict[str, Any]) -> list[str]:
    usual, other = part["batches"]
    return [
        "The same maps again: largest difference, as a share of an image's largest heat",
        f"  the same call {part['same_call']:.1e}, {other} images at once instead of {usual} "
        f"{part['other_batch']:.1e}",
        f"  {'repeatable' if part['repeatable'] else 'NOT repeatable'} within {part['tolerance']:g}",
    ]


def _other_run(part: dict[str, Any]) -> list[str]:
    correlation = "-" if part["correlation"] is None else format_metric(part["correlation"])
    return [
        f"The maps of {part['run']}: rank correlation {correlation} over {part['images']} images; "
        f"{part['other_target']} with another target are left out",
        f"  for comparison, maps of two patients by one run: {_number(part['between_images'])}",
    ]


def _masks(part: dict[str, Any]) -> list[str]:
    groups = part["groups"]
    width = max(map(len, groups))
    words = max(map(len, FIGURES.values()))
    lines = [
        f"Findings in {part['folder']}: {part['images']} images; left out are {part['without_finding']} whose "
        f"mask is black and {part['without_mask']} without a mask",
        f"  hit: hottest place in the finding or within {TOLERANCE:.1%} of the image's side; "
        f"IoU: of what has {THRESHOLD:.0%} of the largest heat or more",
        f"  {'':{width}}  {'images':>5}  {'':{words}}  {'maps':19}  even map  centered  maps of other patients",
    ]
    for name, group in groups.items():
        for figure, word in FIGURES.items():
            of = group[figure]
            lines.append(
                f"  {name:{width}}  {group['images']:5}  {word:{words}}  {format_metric(of):19}  "
                f"{_number(of['even']):8}  {_number(of['center']):7}  {_number(of['other'])}"
            )
    return [*lines, f"  {part['verdict']}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
