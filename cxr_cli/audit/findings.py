"""What an audit found, in words: shortcuts, associations and leaks, with the metrics behind them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cxr_cli.audit.kinds import FindingKind
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.uncertainty.holm import holm

NOTABLE = 0.6
"""AUC from which a class is reported: below it, a difference may be real but helps no model much."""
NEAR = 0.8
"""Share of the whole image's lead over chance from which a part does nearly as well."""
COINCIDES = 0.95
"""AUC from which a characteristic and a class are as good as one."""
SIGNIFICANT = 0.05
"""Chance that an audit of images without any shortcut names one all the same, for each kind of finding."""


class Finding(NamedTuple):
    """One thing that was found.

    Attributes:
        kind: of finding.
        section: of the report, whose metrics led to it.
        text: a sentence, with its metrics.
        label: the class that is predicted; None for a leak.
        by: what predicts it, regions or characteristics, the best first; none for a leak.
    """

    kind: FindingKind
    section: str
    text: str
    label: str | None = None
    by: tuple[str, ...] = ()


class Predicted(NamedTuple):
    """A class that something predicts.

    Attributes:
        by: what predicts it, a region or a characteristic.
        label: the class.
        auc: its AUC against all other classes, with limits.
    """

    by: str
    label: str
    auc: dict[str, Any]


def examined_classes(classes: Sequence[str]) -> Sequence[str]:
    """All classes; of two the second alone, for what predicts it predicts the other."""
    return classes if len(classes) > 2 else classes[1:]


def predicted_classes(aucs: Mapping[str, Mapping[str, Any]], labels: Sequence[str]) -> list[Predicted]:
    """List the classes that are predicted better than by chance, with a notable AUC.

    Args:
        aucs: by predictor, as `auc_by_class` gives them, with their p corrected, see `correct_p`.
        labels: the classes examined.

    Returns:
        The highest AUC first.
    """
    predicted = [
        Predicted(by, label, auc)
        for by, of in aucs.items()
        for label, auc in of["per_class"].items()
        if label in labels
        and auc["p_holm"] is not None
        and auc["p_holm"] < SIGNIFICANT
        and auc["value"] >= NOTABLE
    ]
    return sorted(predicted, key=lambda each: -round(each.auc["value"], 3))


def correct_p(
    classes: Sequence[str], characteristics: Mapping[str, Any], *regions: Mapping[str, Any]
) -> None:
    """Put `p_holm` beside each p of an audit: corrected for the number of all that may make a finding.

    Families are the characteristics' tests of association, their AUCs, and the AUCs of all regions outside
    the lungs, by the run and refitted. What makes no finding has None.

    Args:
        classes: names.
        characteristics: by name, as `associations` gives them.
        regions: by name, as `auc_by_class` gives them, with `outside_lungs`.
    """
    labels = examined_classes(classes)
    outside = [of for each in regions for of in each.values() if of["outside_lungs"]]
    for of in (*characteristics.values(), *(of for each in regions for of in each.values())):
        for auc in of["per_class"].values():
            auc["p_holm"] = None
    for family in (
        list(characteristics.values()),
        [of["per_class"][label] for of in characteristics.values() for label in labels],
        [of["per_class"][label] for of in outside for label in labels],
    ):
        corrected = holm(np.array([np.nan if each["p"] is None else each["p"] for each in family]))
        for each, p in zip(family, corrected.tolist(), strict=True):
            each["p_holm"] = None if np.isnan(p) else p


def findings(report: Mapping[str, Any]) -> list[Finding]:
    """Say what an audit found; nothing for what it looked for and did not find.

    Args:
        report: an audit's metrics: `classes`, `association`, `refitted`, `occlusion` (None without a run),
            `leaks`.
    """
    return [*_shortcuts(report), *_associations(report), *_leaks(report)]


def inconclusive(report: Mapping[str, Any], kind: FindingKind) -> list[str]:
    """Name what may be a finding for all that is known: whose interval goes beyond a notable AUC.

    Args:
        report: as `findings` takes it.
        kind: of finding; a leak is there or not, and is never inconclusive.

    Returns:
        Each in words, such as "normal from the corners, 0.580 (0.430-0.720)".
    """
    regions = [] if kind != FindingKind.SHORTCUT else [report[name] for name in ("occlusion", "refitted")]
    aucs = [
        (name, of) for each in regions if each for name, of in each["regions"].items() if of["outside_lungs"]
    ]
    if kind == FindingKind.ASSOCIATION:
        aucs = list(report["association"]["characteristics"].items())
    return [
        f"{label} from {name}, {format_metric(of['per_class'][label])}"
        for name, of in aucs
        for label in examined_classes(report["classes"])
        if (high := of["per_class"][label]["high"]) is not None and high > NOTABLE
    ]


def _shortcuts(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Name the classes predicted from outside the lung fields: by the run, and by a refitted classifier."""
    labels = examined_classes(report["classes"])
    for name, text in (
        (
            "occlusion",
            "the run predicts {label} from the {region} alone: "
            "AUC {auc}, {full} from the whole image{also}{share}",
        ),
        (
            "refitted",
            "the images contain one: a refitted classifier predicts {label} from the {region} alone: "
            "AUC {auc}, {full} from the whole image{also}",
        ),
    ):
        regions = report[name]["regions"] if report[name] else {}
        predicted = predicted_classes({key: of for key, of in regions.items() if of["outside_lungs"]}, labels)
        for label in dict.fromkeys(each.label for each in predicted):
            best, *others = [each for each in predicted if each.label == label]
            full = regions["image"]["per_class"][label]
            yield Finding(
                FindingKind.SHORTCUT,
                name,
                text.format(
                    label=label,
                    region=best.by,
                    auc=format_metric(best.auc),
                    full=format_metric(full),
                    also=_also(others),
                    share=_share_of_skill(best.auc["value"], full["value"]),
                ),
                label,
                tuple(each.by for each in (best, *others)),
            )


def _share_of_skill(part: float, full: float) -> str:
    """Set a part's AUC above chance in relation to the whole image's."""
    if full <= NOTABLE:
        return ""
    share = (part - 0.5) / (full - 0.5)
    meaning = ": what it does on whole images may come from there" if share >= NEAR else ""
    return f"; {min(share, 1.0):.0%} of the whole image's lead over chance{meaning}"


def _associations(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Name the classes that a characteristic alone predicts."""
    characteristics = report["association"]["characteristics"]
    # Of characteristics that predict a class equally well, the one with the fewest levels is named.
    plainest = dict(sorted(characteristics.items(), key=lambda each: len(each[1]["counts"])))
    labels = examined_classes(report["classes"])
    predicted = predicted_classes(plainest, labels)
    for label in dict.fromkeys(each.label for each in predicted):
        best, *others = [each for each in predicted if each.label == label]
        verb = "coincides with" if best.auc["value"] >= COINCIDES else "goes with"
        yield Finding(
            FindingKind.ASSOCIATION,
            "association",
            f"class {label} {verb} {best.by}: {_most_telling(characteristics[best.by]['counts'], label)}; "
            f"AUC {format_metric(best.auc)} from it alone, "
            f"Cramér's V {format_metric(characteristics[best.by]['cramers_v'])}{_also(others)}",
            label,
            tuple(each.by for each in (best, *others)),
        )


def _most_telling(counts: Mapping[str, Mapping[str, int]], label: str) -> str:
    """Give the most predictive level's share of a class's images, and of all others."""
    images = sum(of[label] for of in counts.values())
    others = sum(sum(of.values()) for of in counts.values()) - images
    shares = {
        level: (of[label] / images, (sum(of.values()) - of[label]) / others) for level, of in counts.items()
    }
    level = max(shares, key=lambda name: shares[name][0] - shares[name][1])
    return f"{level} on {shares[level][0]:.0%} of its images and {shares[level][1]:.0%} of the others"


def _also(others: Sequence[Predicted]) -> str:
    named = ", ".join(f"{each.by} {each.auc['value']:.3f}" for each in others)
    return f"; also {named}" if others else ""


LEAKS = {
    "patients": ("patient", "patients"),
    "identical": ("image, identical in every pixel,", "images, identical in every pixel,"),
    "near_duplicates": ("pair of near-duplicates", "pairs of near-duplicates"),
}
"""What leaks, as one and as many."""


def _leaks(report: Mapping[str, Any]) -> Iterator[Finding]:
    for name, (one, many) in LEAKS.items():
        count = len(report["leaks"][name])
        if count:
            where = "is" if count == 1 else "are"
            yield Finding(
                FindingKind.LEAK,
                "leaks",
                f"{count} {one if count == 1 else many} {where} in more than one subset",
            )
