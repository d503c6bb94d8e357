"""What an audit found, in plain words: shortcuts, associations and leaks, with the figures that led there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cxr_cli.evaluation.report import format_metric

KINDS = ("shortcut", "association", "leak")

NOTABLE = 0.6
"""AUC from which a figure is told: below it, a difference may be real but leads no model far."""
NEAR = 0.8
"""Share of the whole image's lead over chance from which a part does nearly as well."""
COINCIDES = 0.95
"""AUC from which a characteristic and a class are as good as one."""
SIGNIFICANT = 0.05
"""Chance that an audit of images without any shortcut names one all the same, for each kind of finding."""


class Finding(NamedTuple):
    """One thing that was found.

    Attributes:
        kind: of `KINDS`.
        section: of the report, whose figures led to it.
        words: in a sentence, with its figures.
        label: the class that is told; None for a leak.
        by: what tells it, views or characteristics, the best first; none for a leak.
    """

    kind: str
    section: str
    words: str
    label: str | None = None
    by: tuple[str, ...] = ()


class Told(NamedTuple):
    """A class that is told by something.

    Attributes:
        by: what tells it, a view or a characteristic.
        label: the class.
        figure: its AUC against all other classes, with limits.
    """

    by: str
    label: str
    figure: dict[str, Any]


def classes_asked_for(classes: Sequence[str]) -> Sequence[str]:
    """All classes; of two the second alone, for what tells it tells the other."""
    return classes if len(classes) > 2 else classes[1:]


def told_classes(
    figures: Mapping[str, Mapping[str, Any]], labels: Sequence[str], largest_p: float
) -> list[Told]:
    """List the classes that are told better than by chance, and notably.

    Args:
        figures: by what tells, as `auc_figures` gives them.
        labels: the classes asked for.
        largest_p: that is not put down to chance, see `holm`.

    Returns:
        The highest AUC first.
    """
    told = [
        Told(by, label, figure)
        for by, of in figures.items()
        for label, figure in of["per_class"].items()
        if label in labels
        and figure["p"] is not None
        and figure["p"] <= largest_p
        and figure["value"] >= NOTABLE
    ]
    return sorted(told, key=lambda each: -round(each.figure["value"], 3))


def holm(figures: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> float:
    """Find the largest p that is not put down to chance among so many (Holm 1979, Scand. J. Stat. 6, 65-70).

    Args:
        figures: all that were looked at, as `auc_figures` gives them.
        labels: the classes asked for.

    Returns:
        That p; -1 where all are.
    """
    p_values = [of["per_class"][label]["p"] for of in figures for label in labels]
    known = sorted(p for p in p_values if p is not None)
    largest = -1.0
    for place, p in enumerate(known):
        if p * (len(known) - place) >= SIGNIFICANT:
            break
        largest = p
    return largest


def findings(report: Mapping[str, Any]) -> list[Finding]:
    """Say what an audit found; nothing for what it looked for and did not find.

    Args:
        report: an audit's figures: `classes`, `association`, `offered`, `seen` (None without a run), `leaks`.
    """
    return [*_shortcuts(report), *_associations(report), *_leaks(report)]


def _shortcuts(report: Mapping[str, Any]) -> Iterator[Finding]:
    """Name the classes that are told beside the lungs: by the run, and by a classifier made for it."""
    looked = [report[name]["views"] for name in ("seen", "offered") if report[name]]
    labels = classes_asked_for(report["classes"])
    largest_p = holm([of for views in looked for of in views.values() if of["beside_lungs"]], labels)
    for name, words in (
        (
            "seen",
            "the run tells {label} from the {view} alone: AUC {auc}, {full} from the whole image{also}{share}",
        ),
        (
            "offered",
            "the images offer one: a classifier made for it tells {label} from the {view} alone: "
            "AUC {auc}, {full} from the whole image{also}",
        ),
    ):
        views = report[name]["views"] if report[name] else {}
        told = told_classes({key: of for key, of in views.items() if of["beside_lungs"]}, labels, largest_p)
        for label in dict.fromkeys(each.label for each in told):
            best, *others = [each for each in told if each.label == label]
            full = views["image"]["per_class"][label]
            yield Finding(
                "shortcut",
                name,
                words.format(
                    label=label,
                    view=best.by,
                    auc=format_metric(best.figure),
                    full=format_metric(full),
                    also=_also(others),
                    share=_share_of_skill(best.figure["value"], full["value"]),
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
    """Name the classes that are told by a characteristic alone."""
    characteristics = report["association"]["characteristics"]
    # Of characteristics that tell a class equally well, the one with fewest levels says most.
    plainest = dict(sorted(characteristics.items(), key=lambda each: len(each[1]["counts"])))
    labels = classes_asked_for(report["classes"])
    told = told_classes(plainest, labels, holm(list(characteristics.values()), labels))
    for label in dict.fromkeys(each.label for each in told):
        best, *others = [each for each in told if each.label == label]
        verb = "coincides with" if best.figure["value"] >= COINCIDES else "goes with"
        yield Finding(
            "association",
            "association",
            f"class {label} {verb} {best.by}: {_most_telling(characteristics[best.by]['counts'], label)}; "
            f"AUC {format_metric(best.figure)} from it alone, "
            f"Cramér's V {format_metric(characteristics[best.by]['cramers_v'])}{_also(others)}",
            label,
            tuple(each.by for each in (best, *others)),
        )


def _most_telling(counts: Mapping[str, Mapping[str, int]], label: str) -> str:
    """Say on what shares of a class's images, and of all others, the level is that tells most."""
    images = sum(of[label] for of in counts.values())
    others = sum(sum(of.values()) for of in counts.values()) - images
    shares = {
        level: (of[label] / images, (sum(of.values()) - of[label]) / others) for level, of in counts.items()
    }
    level = max(shares, key=lambda name: shares[name][0] - shares[name][1])
    return f"{level} on {shares[level][0]:.0%} of its images and {shares[level][1]:.0%} of the others"


def _also(others: Sequence[Told]) -> str:
    named = ", ".join(f"{each.by} {each.figure['value']:.3f}" for each in others)
    return f"; also {named}" if others else ""


LEAKS = {
    "patients": ("patient", "patients"),
    "identical": ("picture, the same in every pixel,", "pictures, the same in every pixel,"),
    "near": ("pair of images that are nearly one picture", "pairs of images that are nearly one picture"),
}
"""What leaks, as one and as many."""


def _leaks(report: Mapping[str, Any]) -> Iterator[Finding]:
    for name, (one, many) in LEAKS.items():
        count = len(report["leaks"][name])
        if count:
            where = "is" if count == 1 else "are"
            yield Finding(
                "leak", "leaks", f"{count} {one if count == 1 else many} {where} in more than one subset"
            )
