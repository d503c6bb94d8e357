"""Raw films to a DATASET folder: find, label, decode, crop, resize, store, each film once."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cxr_cli.artifacts import digest_file, read_json, versions
from cxr_cli.dataset.archives import folder_name, input_size
from cxr_cli.dataset.characteristics import MANIFEST_COLUMNS, combine
from cxr_cli.dataset.film import Geometry, PreparedFilm, UnreadFilm, read_film
from cxr_cli.dataset.labels import Columns, read_labels
from cxr_cli.dataset.sources import Inputs, absolute, find_inputs
from cxr_cli.dataset.store import INFO, GrowingDataset, is_finished, read_plan
from cxr_cli.dataset.views import FRONTAL
from cxr_cli.dataset.workers import map_in_order
from cxr_cli.errors import BadInput, TooManyRejects, UsageFault

PLAN_WORDS = {
    "size": "--size",
    "crop_top": "--crop-top",
    "crop_border": "--crop-border",
    "labels": "--labels",
    "labels_digests": "the content of --labels",
    "path_column": "--path-column",
    "label_column": "--label-column",
    "patient_column": "--patient-column",
    "views": "--views",
    "inputs": "the number of inputs",
    "inputs_digest": "the list of inputs",
}
"""What must be the same for a folder to be gone on with, as the user knows it."""


@dataclass(frozen=True)
class Settings:
    """All that decides what a DATASET holds, beside the films themselves."""

    geometry: Geometry = field(default_factory=Geometry)
    labels: tuple[Path, ...] = ()
    columns: Columns = field(default_factory=Columns)
    views: tuple[str, ...] | None = FRONTAL


@dataclass(frozen=True)
class Candidate:
    """An input before it is read: a label and the table's values, or the reason why it has none."""

    path: Path
    label: str
    values: Mapping[str, str]
    reason: str | None = None


def preprocess(
    sources: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    workers: int,
    max_failures: int | None,
    say: Callable[[str], None],
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    """Make the DATASET `folder` of the films at `sources`, going on from where an earlier run was cut off.

    Args:
        sources: files and folders; see sources.find_inputs.
        folder: new, empty, or begun by the same call.
        settings: what decides the result.
        workers: processes that read films; 1 reads in this one. The result does not depend on it.
        max_failures: more rejected inputs than that raise TooManyRejects; None sets no limit.
        say: called with notices of one line.
        advance: called with (inputs done, inputs in all).

    Returns:
        What dataset.json says.

    Raises:
        BadInput: no input, a label table at fault, something else in `folder`, or no input that is a film.
        UsageFault: `folder` was made with other settings or from other inputs.
        TooManyRejects: see `max_failures`; the folder can be gone on with.
    """
    inputs = find_inputs(sources)
    _say_passed_over(inputs, say)
    plan = _plan(inputs.paths, settings)
    _check_same_plan(folder, read_plan(folder), plan)
    if is_finished(folder):
        say(f"{folder}: already done with these settings and inputs; nothing to do")
        return read_json(folder / INFO)
    candidates, table_columns = _candidates(inputs.paths, sources, settings, say)
    with GrowingDataset(folder, settings.geometry.size, plan) as dataset:
        if dataset.inputs:
            say(f"{folder}: going on after {dataset.inputs} of {len(candidates)} inputs")
        _process(candidates, dataset, settings, workers, max_failures, advance)
        if not dataset.films:
            dataset.discard()
            first = dataset.rejected[0]
            raise BadInput(
                f"none of {dataset.inputs} inputs is a labelled film; {first['source']}: {first['reason']}"
            )
        _say_duplicates(dataset.rejected, say)
        dataset.finish((*MANIFEST_COLUMNS, *table_columns), _info(dataset, plan))
    return read_json(folder / INFO)


def _say_passed_over(inputs: Inputs, say: Callable[[str], None]) -> None:
    if inputs.other_files:
        say(f"other files passed over, neither PNG, JPEG nor DICOM by name: {inputs.other_files}")
    if inputs.linked_folders:
        say(f"linked folders not followed, name them as SOURCE to search them: {inputs.linked_folders}")


def _plan(paths: Sequence[Path], settings: Settings) -> dict[str, Any]:
    """What must be the same for a folder to be gone on with: settings, label tables, the list of inputs."""
    listing = hashlib.sha256()
    for path in paths:
        listing.update(f"{_source(path)}\0{input_size(path)}\n".encode())
    return {
        "size": settings.geometry.size,
        "crop_top": settings.geometry.crop_top,
        "crop_border": settings.geometry.crop_border,
        "labels": [str(table) for table in settings.labels],
        "labels_digests": [digest_file(table) if table.is_file() else "" for table in settings.labels],
        **{f"{name}_column": column for name, column in asdict(settings.columns).items()},
        "views": None if settings.views is None else list(settings.views),
        "inputs": len(paths),
        "inputs_digest": listing.hexdigest(),
    }


def _check_same_plan(folder: Path, before: dict[str, Any] | None, now: dict[str, Any]) -> None:
    if before is None:
        return
    for name, value in now.items():
        if before.get(name) != value:
            raise UsageFault(
                f"{folder}: {PLAN_WORDS[name]} was {_brief(before.get(name))}, now {_brief(value)}; "
                "give another folder with -o, or remove this one"
            )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:12]}..."


def _candidates(
    paths: Sequence[Path], sources: Sequence[Path], settings: Settings, say: Callable[[str], None]
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Give each input its label and values; also name the columns that label tables add to the manifest."""
    if not settings.labels:
        return [Candidate(path, folder_name(path), {}) for path in paths], ()
    labels = read_labels(settings.labels, settings.columns, paths, sources)
    if labels.rows_without_film:
        say(f"rows of the label tables without a film here: {labels.rows_without_film}")
    for column in labels.renamed:
        say(f"label table: column {column.removeprefix('table_')!r} is kept as {column!r}, the name is taken")
    candidates = []
    for path in paths:
        row = labels.by_film.get(absolute(path))
        if row is None:
            candidates.append(Candidate(path, "", {}, "no row in the label table"))
        elif not row.label:
            candidates.append(Candidate(path, "", {}, "empty label in the label table"))
        else:
            candidates.append(Candidate(path, row.label, row.values))
    return candidates, labels.columns


def _process(
    candidates: Sequence[Candidate],
    dataset: GrowingDataset,
    settings: Settings,
    workers: int,
    max_failures: int | None,
    advance: Callable[[int, int], None],
) -> None:
    """Add every candidate that the dataset does not hold yet, as a film or as rejected."""
    first_of = {record["image_id"]: record for record in dataset.films}
    rest = candidates[dataset.inputs :]
    readable = [
        UnreadFilm(candidate.path, candidate.values.get("view_position", ""))
        for candidate in rest
        if candidate.reason is None
    ]
    with closing(
        map_in_order(partial(read_film, geometry=settings.geometry, views=settings.views), readable, workers)
    ) as films:
        for candidate in rest:
            _check_failures(dataset, max_failures)
            film = candidate.reason or next(films)
            if isinstance(film, str):
                dataset.add_rejected(_source(candidate.path), film)
            else:
                record = _record(candidate, film)
                first = first_of.setdefault(film.image_id, record)
                if first is record:
                    dataset.add_film(film.pixels, record)
                else:
                    dataset.add_rejected(record["source"], _duplicate_of(first, record))
            advance(dataset.inputs, len(candidates))
    _check_failures(dataset, max_failures)


def _check_failures(dataset: GrowingDataset, max_failures: int | None) -> None:
    rejected = len(dataset.rejected)
    if max_failures is not None and rejected > max_failures:
        last = dataset.rejected[-1]
        raise TooManyRejects(
            f"{rejected} inputs rejected, --max-failures allows {max_failures}; the last: {last['source']}: "
            f"{last['reason']}; run again with a higher limit to go on"
        )


def _record(candidate: Candidate, film: PreparedFilm) -> dict[str, str]:
    return {
        "image_id": film.image_id,
        "source": _source(candidate.path),
        "label": candidate.label,
        **combine(film.header, candidate.values),
        "pixel_mapping": film.mapping,
    }


def _source(path: Path) -> str:
    """The path as given; bytes that are no UTF-8, which old archives have in names, as backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _duplicate_of(first: Mapping[str, str], record: Mapping[str, str]) -> str:
    reason = f"duplicate of {first['source']}"
    if first["label"] != record["label"]:
        reason += ", under another label"
    if first["patient_id"] != record["patient_id"]:
        reason += ", under another patient"
    return reason


def _say_duplicates(rejected: Sequence[Mapping[str, str]], say: Callable[[str], None]) -> None:
    duplicates = [entry["reason"] for entry in rejected if entry["reason"].startswith("duplicate of ")]
    if duplicates:
        label = sum(", under another label" in reason for reason in duplicates)
        patient = sum(reason.endswith(", under another patient") for reason in duplicates)
        say(
            f"exact duplicates left out: {len(duplicates)}"
            f" ({label} under another label, {patient} under another patient)"
        )


def _info(dataset: GrowingDataset, plan: Mapping[str, Any]) -> dict[str, Any]:
    classes = Counter(record["label"] for record in dataset.films)
    counts = {"inputs": dataset.inputs, "films": len(dataset.films), "rejected": len(dataset.rejected)}
    return {
        "settings": dict(plan),
        "counts": counts,
        "classes": dict(sorted(classes.items())),
        "versions": versions(),
    }
