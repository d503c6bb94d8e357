"""Raw images to a DATASET folder: find, label, decode, crop, resize, store, each image once."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import check_same_settings, versions
from cxr_cli.dataset.collect import collect, counts, finish, say_unmapped
from cxr_cli.dataset.settings import PLAN_WORDS, Settings, make_plan, source_text
from cxr_cli.dataset.shards import differing_versions, merged_outcomes, open_shards
from cxr_cli.dataset.store import GrowingDataset, Image, Outcome, Rejected, is_finished, read_info, read_plan
from cxr_cli.errors import UsageFault
from cxr_cli.images.archives import folder_name
from cxr_cli.images.characteristics import MANIFEST_COLUMNS, combine
from cxr_cli.images.manufacturers import ManufacturerTable, manufacturer, read_manufacturers
from cxr_cli.images.privacy import hash_patient
from cxr_cli.images.read import PreparedImage, UnreadImage, read_image
from cxr_cli.images.sources import Inputs, absolute, find_inputs
from cxr_cli.images.workers import map_in_order
from cxr_cli.labels.match import read_labels

PATIENTS = {"patient_id", "table_patient_id"}
"""Where patient ids are: the second is what a label table calls so beside its --patient-column."""

Say = Callable[[str], None]
Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Effort:
    """How the work is done; none of it changes what becomes of an image that can be read.

    Attributes:
        workers: processes that read images; 0 reads in this one, without any guard.
        image_timeout: seconds after which an image is rejected; None waits for ever.
        max_failures: more rejected inputs than that raise TooManyRejects; None sets no limit.
    """

    workers: int
    image_timeout: float | None = None
    max_failures: int | None = None


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
    effort: Effort,
    *,
    shard: ArrayTask | None = None,
    say: Say,
    advance: Advance,
) -> dict[str, Any]:
    """Make the DATASET `folder` of the images at `sources`, going on from where an earlier run was cut off.

    Args:
        sources: files and folders; see sources.find_inputs.
        folder: new, empty, or begun by the same call.
        settings: what decides the result.
        effort: how the work is done.
        shard: the part of the inputs to make a shard of, see `merge`; None makes the dataset.
        say: called with notices of one line.
        advance: called with (inputs done, inputs in all).

    Returns:
        What dataset.json, or shard.json, says.

    Raises:
        BadInput: no input, a table at fault, something else in `folder`, or no input that is an image.
        UsageFault: `folder` was made with other settings or from other inputs.
        TooManyRejects: see `Effort`; the folder can be gone on with.
    """
    inputs = find_inputs(sources)
    _say_passed_over(inputs, say)
    manufacturers = read_manufacturers(settings.manufacturers)
    plan = make_plan(inputs.paths, settings)
    if shard:
        plan["shard"] = [shard.number, shard.count]
    if _is_done(folder, plan, say):
        return read_info(folder)
    candidates, table_columns = _candidates(inputs.paths, sources, settings, say)
    columns = (*MANIFEST_COLUMNS, *settings.keep_tags, *table_columns)
    if shard:
        candidates = shard.run_of(candidates)
    with GrowingDataset(folder, settings.geometry.size, plan) as dataset:
        _say_going_on(folder, dataset, len(candidates), say)
        with closing(_outcomes(candidates[dataset.inputs :], settings, manufacturers, effort)) as outcomes:
            total, limit = len(candidates), effort.max_failures
            collect(outcomes, dataset, total, once=shard is None, max_failures=limit, advance=advance)
        unmapped = _unmapped(dataset.images, manufacturers)
        if shard is None:
            finish(dataset, columns, plan, unmapped, versions(), say)
        else:
            say_unmapped(unmapped, say)
            dataset.finish_shard(
                {
                    "settings": plan,
                    "counts": counts(dataset),
                    "columns": columns,
                    "unmapped_manufacturers": unmapped,
                    "versions": versions(),
                }
            )
    return read_info(folder)


def merge(
    folders: Sequence[Path], folder: Path, *, max_failures: int | None, say: Say, advance: Advance
) -> dict[str, Any]:
    """Make the DATASET `folder` of all its shards: the same bytes as without shards.

    Args:
        folders: the finished shards, in any order.
        folder, max_failures, say, advance: see `preprocess`.

    Returns:
        What dataset.json says.

    Raises:
        BadInput: see shards.open_shards, or no input was an image.
        UsageFault: `folder` was made of something else.
        TooManyRejects: see `max_failures`; the folder can be gone on with.
    """
    shards = open_shards(folders)
    plan, info = shards[0].plan, shards[0].info
    for package in differing_versions(shards):
        say(f"shards were made with different versions of {package}; dataset.json names the first shard's")
    if _is_done(folder, plan, say):
        return read_info(folder)
    with GrowingDataset(folder, plan["size"], plan) as dataset:
        _say_going_on(folder, dataset, plan["inputs"], say)
        outcomes = islice(merged_outcomes(shards), dataset.inputs, None)
        collect(outcomes, dataset, plan["inputs"], once=True, max_failures=max_failures, advance=advance)
        unmapped = {spelling for shard in shards for spelling in shard.info["unmapped_manufacturers"]}
        finish(dataset, info["columns"], plan, unmapped, info["versions"], say)
    return read_info(folder)


def _is_done(folder: Path, plan: dict[str, Any], say: Say) -> bool:
    """Check that a folder is free for a plan, or was begun by it; tell whether it is finished."""
    before = read_plan(folder)
    if before is None:
        return False
    check_same_settings(folder, before, {"shard": None, **plan}, PLAN_WORDS)
    if is_finished(folder):
        say(f"{folder}: already done with these settings and inputs; nothing to do")
    return is_finished(folder)


def _say_passed_over(inputs: Inputs, say: Say) -> None:
    if inputs.other_files:
        say(f"other files passed over, neither PNG, JPEG nor DICOM by name: {inputs.other_files}")
    if inputs.linked_folders:
        say(f"linked folders not followed, name them as SOURCE to search them: {inputs.linked_folders}")


def _say_going_on(folder: Path, dataset: GrowingDataset, total: int, say: Say) -> None:
    if dataset.inputs:
        say(f"{folder}: going on after {dataset.inputs} of {total} inputs")


def _candidates(
    paths: Sequence[Path], sources: Sequence[Path], settings: Settings, say: Say
) -> tuple[Sequence[Candidate], tuple[str, ...]]:
    """Give each input its label and values; also name the columns that label tables add to the manifest."""
    if not settings.labels:
        return [Candidate(path, folder_name(path), {}) for path in paths], ()
    labels = read_labels(settings.labels, settings.columns, paths, sources, settings.published)
    for column in labels.columns:
        if column in settings.keep_tags:
            raise UsageFault(
                f"--keep-tags {column}: the label table has a column of that name; rename it there"
            )
    if labels.rows_without_image:
        say(f"rows of the label tables without an image here: {labels.rows_without_image}")
    for column in labels.renamed:
        say(f"label table: column {column.removeprefix('table_')!r} is kept as {column!r}, the name is taken")
    candidates = []
    for path in paths:
        row = labels.by_image.get(absolute(path))
        if row is None:
            candidates.append(Candidate(path, "", {}, "no row in the label table"))
        elif row.reason:
            candidates.append(Candidate(path, "", {}, row.reason))
        elif not row.label:
            candidates.append(Candidate(path, "", {}, "empty label in the label table"))
        else:
            candidates.append(Candidate(path, row.label, row.values))
    return candidates, labels.columns


def _outcomes(
    candidates: Sequence[Candidate], settings: Settings, manufacturers: ManufacturerTable, effort: Effort
) -> Generator[Outcome, None, None]:
    """Read every candidate, in order."""
    readable = [
        UnreadImage(candidate.path, candidate.values.get("view_position", ""))
        for candidate in candidates
        if candidate.reason is None
    ]
    read = partial(read_image, geometry=settings.geometry, keep_tags=settings.keep_tags, views=settings.views)
    with closing(map_in_order(read, readable, effort.workers, effort.image_timeout, _reject)) as images:
        for candidate in candidates:
            image = candidate.reason or next(images)
            if isinstance(image, str):
                yield Rejected(source_text(candidate.path), image)
            else:
                yield Image(image.pixels, _record(candidate, image, settings, manufacturers))


def _reject(_: UnreadImage, reason: str) -> str:
    """What becomes of an image that hangs or kills the process that reads it."""
    return f"reading it {reason}"


def _record(
    candidate: Candidate, image: PreparedImage, settings: Settings, manufacturers: ManufacturerTable
) -> dict[str, str]:
    stated = combine(image.header, candidate.values)
    spelling = stated.get("manufacturer_raw", "")
    if settings.patient_key:
        hashed = {
            column: hash_patient(stated[column], settings.patient_key) for column in PATIENTS & stated.keys()
        }
        stated = {**stated, **hashed}
    return {
        "image_id": image.image_id,
        "source": source_text(candidate.path),
        "label": candidate.label,
        "portable": "unknown",
        **stated,
        "manufacturer": manufacturer(spelling, manufacturers) or spelling,
        "pixel_mapping": image.mapping,
    }


def _unmapped(images: Iterable[Mapping[str, str]], manufacturers: ManufacturerTable) -> list[str]:
    """The spellings of manufacturers that no table has, sorted."""
    spellings = {image["manufacturer_raw"] for image in images if image.get("manufacturer_raw")}
    return sorted(spelling for spelling in spellings if manufacturer(spelling, manufacturers) is None)
