"""What became of the inputs, gathered to a dataset, each image once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cxr_cli.dataset.notices import notices
from cxr_cli.dataset.reader import Image, Outcome, Rejected
from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.errors import BadInput, TooManyRejects
from cxr_cli.images.patient_ids import unite_ids, united_notice
from cxr_cli.reporting import Reporter

DUPLICATE = "duplicate of "


def collect(
    outcomes: Iterable[Outcome],
    dataset: GrowingDataset,
    total: int,
    *,
    once: bool,
    max_failures: int | None,
    advance: Callable[[int, int], None],
) -> None:
    """Add outcomes to a dataset.

    Args:
        outcomes: of the inputs after those that the dataset holds already, in order.
        dataset: what they are added to.
        total: inputs in all.
        once: reject an image whose pixels equal those of an earlier one.
        max_failures: more rejected inputs than that raise TooManyRejects; None sets no limit.
        advance: called with (inputs done, inputs in all).

    Raises:
        TooManyRejects: see `max_failures`.
    """
    first_of = {record["image_id"]: record for record in dataset.images}
    _check_failures(dataset, max_failures)
    for outcome in outcomes:
        dataset.add(_unless_known(outcome, first_of) if once else outcome)
        advance(dataset.inputs, total)
        _check_failures(dataset, max_failures)


def finish(
    dataset: GrowingDataset,
    columns: Sequence[str],
    plan: Mapping[str, Any],
    unmapped: Iterable[str],
    versions: Mapping[str, str],
    reporter: Reporter,
) -> None:
    """Make a dataset of what was collected, or leave nothing where there is no image.

    Args:
        dataset: holds every input.
        columns: of the manifest.
        plan: what dataset.json calls the settings.
        unmapped: spellings of manufacturers that no table has; those of images that were kept are reported.
        versions: of what read the images.
        reporter: takes notices.

    Raises:
        BadInput: no input was a labeled image.
    """
    if not dataset.images:
        first = dataset.rejected[0]
        dataset.discard()
        raise BadInput(
            f"none of {dataset.inputs} inputs is a labeled image; {first['source']}: {first['reason']}"
        )
    spellings = sorted({record.get("manufacturer_raw", "") for record in dataset.images} & set(unmapped))
    _say_duplicates(dataset.rejected, reporter)
    say_unmapped(spellings, reporter)
    written, keys = ([image[name] for image in dataset.images] for name in ("patient_id_raw", "patient_id"))
    united = unite_ids(written, keys)
    dataset.images = [
        image if image["patient_id"] == patient else {**image, "patient_id": patient}
        for image, patient in zip(dataset.images, united.ids, strict=True)
    ]
    for notice in (united_notice(united), *notices(dataset.images, plan["views"])):
        if notice:
            reporter.say(notice)
    classes = Counter(record["label"] for record in dataset.images)
    _say_spellings(classes, reporter)
    info = {
        "settings": dict(plan),
        "counts": counts(dataset),
        "classes": dict(sorted(classes.items())),
        "unmapped_manufacturers": spellings,
        "versions": dict(versions),
    }
    dataset.finish(columns, info)


def _say_spellings(classes: Iterable[str], reporter: Reporter) -> None:
    """Report classes that may be one, written in two ways."""
    spellings: dict[str, list[str]] = {}
    for label in sorted(classes):
        spellings.setdefault("".join(label.casefold().split()), []).append(label)
    for alike in spellings.values():
        if len(alike) > 1:
            names = " and ".join(map(repr, alike))
            reporter.say(f"classes {names} differ in capitals or blanks alone; they are classes of their own")


def counts(dataset: GrowingDataset) -> dict[str, int]:
    """Inputs, images and rejected inputs so far."""
    return {"inputs": dataset.inputs, "images": len(dataset.images), "rejected": len(dataset.rejected)}


def say_unmapped(spellings: Sequence[str], reporter: Reporter) -> None:
    """Report which spellings of manufacturers no table has."""
    if spellings:
        listed = ", ".join(map(repr, spellings))
        reporter.say(
            f"manufacturers in no table, kept as they are spelled (`manufacturers` adds them): {listed}"
        )


def _unless_known(outcome: Outcome, first_of: dict[str, Mapping[str, str]]) -> Outcome:
    """The outcome, or a rejection if its pixels are there already."""
    if isinstance(outcome, Rejected):
        return outcome
    first = first_of.setdefault(outcome.record["image_id"], outcome.record)
    if first is outcome.record:
        return outcome
    return Rejected(outcome.record["source"], _duplicate_of(first, outcome))


def _duplicate_of(first: Mapping[str, str], image: Image) -> str:
    reason = f"{DUPLICATE}{first['source']}"
    if first["label"] != image.record["label"]:
        reason += ", under another label"
    if first["patient_id"] != image.record["patient_id"]:
        reason += ", under another patient"
    return reason


def _check_failures(dataset: GrowingDataset, max_failures: int | None) -> None:
    rejected = len(dataset.rejected)
    if max_failures is not None and rejected > max_failures:
        last = dataset.rejected[-1]
        raise TooManyRejects(
            f"{rejected} inputs rejected, `max_failures` allows {max_failures}; the last: {last['source']}: "
            f"{last['reason']}; run again with a higher limit to continue"
        )


def _say_duplicates(rejected: Sequence[Mapping[str, str]], reporter: Reporter) -> None:
    duplicates = [entry["reason"] for entry in rejected if entry["reason"].startswith(DUPLICATE)]
    if duplicates:
        label = sum(", under another label" in reason for reason in duplicates)
        patient = sum(reason.endswith(", under another patient") for reason in duplicates)
        reporter.say(
            f"exact duplicates left out: {len(duplicates)}"
            f" ({label} under another label, {patient} under another patient)"
        )
