"""Raw images to a DATASET folder: find, label, decode, crop, resize, store, each image once."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import claim_folder, versions
from cxr_cli.dataset.collect import collect, counts, finish, say_unmapped
from cxr_cli.dataset.reader import (
    Image,
    Outcome,
    Rejected,
    is_finished,
    read_info,
    read_plan,
    record_of,
    rejected_by_reason,
)
from cxr_cli.dataset.settings import PLAN_WORDS, Settings, make_plan, source_text
from cxr_cli.dataset.shards import differing_versions, merged_outcomes, open_shards
from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.images.archives import folder_name
from cxr_cli.images.characteristics import MANIFEST_COLUMNS, combine
from cxr_cli.images.manufacturers import ManufacturerTable, manufacturer, read_manufacturers
from cxr_cli.images.patient_ids import id_key
from cxr_cli.images.privacy import (
    check_keep_tags,
    pseudonym,
    pseudonym_of_path,
    read_key,
    readable_by_others,
)
from cxr_cli.images.read import IMAGE_TIMEOUT, Geometry, PreparedImage, UnreadImage, read_images
from cxr_cli.images.sources import Inputs, absolute, composed, find_inputs, listed
from cxr_cli.images.view_position import parse_views
from cxr_cli.images.workers import usable_cpus
from cxr_cli.labels.choices import Format
from cxr_cli.labels.formats import Published
from cxr_cli.labels.match import read_labels
from cxr_cli.labels.table import Columns
from cxr_cli.locks import locked
from cxr_cli.recorded_values import is_missing
from cxr_cli.reporting import SILENT, Reporter

SIZES = range(8, 4097)
"""Sides that stored images may have, in pixels."""

PATIENTS = {"patient_id", "patient_id_raw", "table_patient_id", "table_patient_id_raw"}
"""Where patient ids are: the last two are what a label table calls so beside its patient column."""


@dataclass(frozen=True)
class PreprocessResult:
    """A DATASET, or a shard of one.

    Attributes:
        folder: of it.
        size: height and width of its images in pixels.
        inputs, images, rejected: counts.
        classes: images by class; of a shard empty.
        rejected_by_reason: inputs by the reason that they were rejected for, most frequent first; of a shard
            empty.
        shard: which it is; None for a dataset.
    """

    folder: Path
    size: int
    inputs: int
    images: int
    rejected: int
    classes: dict[str, int]
    rejected_by_reason: dict[str, int]
    shard: ArrayTask | None = None


def preprocess(
    sources: Sequence[Path | str],
    output: Path | str,
    *,
    labels: Sequence[Path | str] = (),
    path_column: str = "path",
    label_column: str = "label",
    patient_column: str | None = None,
    format: Format | None = None,
    finding: str | None = None,
    views: str = "PA,AP",
    size: int = 224,
    crop_top: float = 0.0,
    crop_border: float = 0.0,
    manufacturers: Path | str | None = None,
    pseudonymize: Path | str | None = None,
    keep_tags: Sequence[str] = (),
    ids_verbatim: bool = False,
    workers: int | None = None,
    image_timeout: float = IMAGE_TIMEOUT,
    max_failures: int | None = None,
    shard: ArrayTask | None = None,
    reporter: Reporter = SILENT,
) -> PreprocessResult:
    """Make a DATASET of raw images; the same call again resumes, or finds it done.

    Args:
        sources: PNG, JPEG and DICOM files, and folders and zip archives to search for them.
        output: the DATASET folder.
        labels: label tables; without any an image's class is its folder's name.
        path_column, label_column, patient_column: what the columns of the label tables are called.
        format: the published layout of the label tables, instead of the three columns.
        finding: with a format, the classes are positive and negative for it.
        views: which views to take, such as "PA,AP", or "any"; unknown views are taken.
        size: height and width of the stored images in pixels.
        crop_top, crop_border: shares of the height, and of each side, to cut off, below 0.5.
        manufacturers: a TOML file with more spellings of manufacturers.
        pseudonymize: a file by whose bytes patient ids and paths are replaced by pseudonyms.
        keep_tags: keywords of DICOM tags to add to the manifest.
        ids_verbatim: take patient ids that differ only in zeros, blanks, case or .0 as different patients.
        workers: processes that read; 0 reads in this one, without any guard, for debugging; None takes a
            process a CPU.
        image_timeout: seconds after which an image that is not read yet is rejected.
        max_failures: more rejected inputs than that raise TooManyRejects; None sets no limit.
        shard: the part of the inputs to make a shard of, to be merged.
        reporter: takes notices and progress.

    Raises:
        InvalidSetting, BadInput, SettingsChanged, TooManyRejects: see `make_dataset`.
    """
    if size not in SIZES:
        raise InvalidSetting("size", size, f"from {SIZES[0]} to {SIZES[-1]} pixels")
    for name, share in (("crop_top", crop_top), ("crop_border", crop_border)):
        if not 0 <= share < 0.5:
            raise InvalidSetting(name, f"{share:g}", "a share from 0 to below 0.5 is needed")
    if not image_timeout > 0:
        raise InvalidSetting("image_timeout", f"{image_timeout:g}", "seconds above 0 are needed")
    if format is None and finding is not None:
        raise InvalidSetting("finding", repr(finding), "`format` is needed, which says where findings stand")
    if format is not None and format not in get_args(Format):
        raise InvalidSetting("format", format, f"one of {', '.join(get_args(Format))} is needed")
    if format is not None and not labels:
        raise InvalidSetting("format", format, "`labels` is needed, the table of that format")
    if pseudonymize and Path(pseudonymize).is_file() and readable_by_others(Path(pseudonymize)):
        reporter.say(f"{pseudonymize}: other users may read this key, and find patients by it; chmod 600")
    settings = Settings(
        Geometry(size, crop_top, crop_border),
        tuple(map(Path, labels)),
        Columns(path_column, label_column, patient_column),
        parse_views(views),
        Path(manufacturers) if manufacturers else None,
        check_keep_tags(keep_tags, pseudonymized=pseudonymize is not None),
        read_key(Path(pseudonymize)) if pseudonymize else None,
        ids_verbatim,
        Published(format, finding) if format else None,
    )
    effort = Effort(usable_cpus() if workers is None else workers, image_timeout, max_failures)
    part = None if shard is None or shard.count == 1 else shard
    info = make_dataset(
        [Path(source) for source in sources], Path(output), settings, effort, shard=part, reporter=reporter
    )
    return _result(Path(output), info, part)


def merge(
    shards: Sequence[Path | str],
    output: Path | str,
    *,
    max_failures: int | None = None,
    reporter: Reporter = SILENT,
) -> PreprocessResult:
    """Make the DATASET of all its shards; see `merge_shards`."""
    folders = [Path(shard) for shard in shards]
    info = merge_shards(folders, Path(output), max_failures=max_failures, reporter=reporter)
    return _result(Path(output), info, None)


def _result(folder: Path, info: Mapping[str, Any], shard: ArrayTask | None) -> PreprocessResult:
    return PreprocessResult(
        folder,
        info["settings"]["size"],
        info["counts"]["inputs"],
        info["counts"]["images"],
        info["counts"]["rejected"],
        {} if shard else info["classes"],
        {} if shard else rejected_by_reason(folder),
        shard,
    )


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
    """An input before it is read: a label and the table's values, or the reason why it has none.

    Attributes:
        path, label, values, reason: as above.
        paths: the names of the values that are the image's path.
    """

    path: Path
    label: str
    values: Mapping[str, str]
    reason: str | None = None
    paths: tuple[str, ...] = ()


def make_dataset(
    sources: Sequence[Path],
    folder: Path,
    settings: Settings,
    effort: Effort,
    *,
    shard: ArrayTask | None = None,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Make the DATASET `folder` of the images at `sources`, resuming where an earlier call was cut off.

    Args:
        sources: files and folders; see sources.find_inputs.
        folder: new, empty, or begun by the same call.
        settings: what decides the result.
        effort: how the work is done.
        shard: the part of the inputs to make a shard of, see `merge`; None makes the dataset.
        reporter: takes notices and progress.

    Returns:
        What dataset.json, or shard.json, says.

    Raises:
        BadInput: no input, a label table that cannot be used, something else in `folder`, or no input that is
            an image.
        SettingsChanged: `folder` was made with other settings or from other inputs.
        TooManyRejects: see `Effort`; the same call resumes.
    """
    inputs = find_inputs(sources)
    _say_passed_over(inputs, reporter)
    manufacturers = read_manufacturers(settings.manufacturers)
    plan = make_plan(inputs.paths, settings)
    if shard:
        plan["shard"] = [shard.number, shard.count]
    with locked(folder):
        if _is_done(folder, plan, reporter):
            return read_info(folder)
        candidates, table_columns = _candidates(inputs.paths, sources, settings, reporter)
        columns = (*MANIFEST_COLUMNS, *settings.keep_tags, *table_columns)
        if shard:
            candidates = shard.run_of(candidates)
        with GrowingDataset(folder, settings.geometry.size, plan) as dataset:
            _say_resuming(folder, dataset, len(candidates), reporter)
            remaining = candidates[dataset.inputs :]
            dataset.require_room(sum(each.reason is None for each in remaining))
            with (
                closing(_outcomes(remaining, settings, manufacturers, effort)) as outcomes,
                reporter.progress("images") as advance,
            ):
                total, limit = len(candidates), effort.max_failures
                collect(outcomes, dataset, total, once=shard is None, max_failures=limit, advance=advance)
            unmapped = _unmapped(dataset.images, manufacturers)
            if shard is None:
                finish(dataset, columns, plan, unmapped, versions(), reporter)
            else:
                say_unmapped(unmapped, reporter)
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


def merge_shards(
    folders: Sequence[Path], folder: Path, *, max_failures: int | None, reporter: Reporter = SILENT
) -> dict[str, Any]:
    """Make the DATASET `folder` of all its shards: the same bytes as without shards.

    Args:
        folders: the finished shards, in any order.
        folder, max_failures, reporter: see `make_dataset`.

    Returns:
        What dataset.json says.

    Raises:
        BadInput: see shards.open_shards, or no input was an image.
        SettingsChanged: `folder` was made of something else.
        TooManyRejects: see `max_failures`; the same call resumes.
    """
    shards = open_shards(folders)
    plan, info = shards[0].plan, shards[0].info
    for package in differing_versions(shards):
        reporter.say(
            f"shards were made with different versions of {package}; dataset.json names the first shard's"
        )
    with locked(folder):
        if _is_done(folder, plan, reporter):
            return read_info(folder)
        with GrowingDataset(folder, plan["size"], plan) as dataset:
            _say_resuming(folder, dataset, plan["inputs"], reporter)
            dataset.require_room(
                sum(shard.info["counts"]["images"] for shard in shards) - len(dataset.images)
            )
            outcomes = islice(merged_outcomes(shards), dataset.inputs, None)
            with reporter.progress("inputs") as advance:
                collect(
                    outcomes, dataset, plan["inputs"], once=True, max_failures=max_failures, advance=advance
                )
            unmapped = {spelling for shard in shards for spelling in shard.info["unmapped_manufacturers"]}
            finish(dataset, info["columns"], plan, unmapped, info["versions"], reporter)
    return read_info(folder)


def _is_done(folder: Path, plan: dict[str, Any], reporter: Reporter) -> bool:
    """Check that a folder is free for a plan, or was begun by it; return whether it is finished."""
    settings = {"shard": None, **plan}
    claim_folder(folder, record_of(folder), settings, holds="dataset", words=PLAN_WORDS, made_with=read_plan)
    if is_finished(folder):
        reporter.say(f"{folder}: already done with these settings and inputs; nothing to do")
    return is_finished(folder)


def _say_passed_over(inputs: Inputs, reporter: Reporter) -> None:
    if inputs.other_files:
        count, kinds = sum(inputs.other_files.values()), listed(inputs.other_files)
        reporter.say(f"other files passed over, no images by name: {count} ({kinds})")
    if inputs.system_files:
        reporter.say(f"files of the operating system skipped, such as __MACOSX: {inputs.system_files}")
    if inputs.linked_folders:
        reporter.say(
            f"linked folders not followed, name them as SOURCE to search them: {inputs.linked_folders}"
        )


def _say_resuming(folder: Path, dataset: GrowingDataset, total: int, reporter: Reporter) -> None:
    if dataset.inputs:
        reporter.say(f"{folder}: resuming after {dataset.inputs} of {total} inputs")


def _candidates(
    paths: Sequence[Path], sources: Sequence[Path], settings: Settings, reporter: Reporter
) -> tuple[Sequence[Candidate], tuple[str, ...]]:
    """Give each input its label and values; also name the columns that label tables add to the manifest."""
    if not settings.labels:
        return [_of_folder(path) for path in paths], ()
    labels = read_labels(settings.labels, settings.columns, paths, sources, settings.published, reporter)
    for column in labels.columns:
        if column in settings.keep_tags:
            raise InvalidSetting(
                "keep_tags", column, "the label table has a column of that name; rename it there"
            )
    if labels.rows_without_image:
        reporter.say(f"rows of the label tables without an image here: {labels.rows_without_image}")
    for column in labels.renamed:
        reporter.say(
            f"label table: column {column.removeprefix('table_')!r} is kept as {column!r}, the name is taken"
        )
    candidates = []
    for path in paths:
        row = labels.by_image.get(absolute(path))
        if row is None:
            candidates.append(Candidate(path, "", {}, "no row in the label table"))
        elif row.reason:
            candidates.append(Candidate(path, "", {}, row.reason))
        elif is_missing(row.label):
            candidates.append(Candidate(path, "", {}, _missing_label(row.label, "in the label table")))
        else:
            candidates.append(Candidate(path, row.label, row.values, paths=labels.path_columns))
    return candidates, labels.columns


def _of_folder(path: Path) -> Candidate:
    label = composed(folder_name(path)).strip()
    reason = _missing_label(label, "of its folder") if is_missing(label) else None
    return Candidate(path, label, {}, reason)


def _missing_label(label: str, place: str) -> str:
    return f"missing label {place}: {label!r}" if label else f"empty label {place}"


def _outcomes(
    candidates: Sequence[Candidate], settings: Settings, manufacturers: ManufacturerTable, effort: Effort
) -> Generator[Outcome, None, None]:
    """Read every candidate, in order."""
    readable = [
        UnreadImage(candidate.path, candidate.values.get("view_position", ""))
        for candidate in candidates
        if candidate.reason is None
    ]
    with closing(
        read_images(
            readable,
            settings.geometry,
            settings.keep_tags,
            settings.views,
            workers=effort.workers,
            timeout=effort.image_timeout,
        )
    ) as images:
        for candidate in candidates:
            image = candidate.reason or next(images)
            if isinstance(image, str):
                yield Rejected(_source(candidate.path, settings.key), image)
            else:
                yield Image(image.pixels, _record(candidate, image, settings, manufacturers))


def _record(
    candidate: Candidate, image: PreparedImage, settings: Settings, manufacturers: ManufacturerTable
) -> dict[str, str]:
    stated = combine(image.header, candidate.values)
    spelling = stated.get("manufacturer_raw", "")
    if not settings.ids_verbatim:  # its spellings become one when all are known
        stated = {**stated, "patient_id": id_key(stated["patient_id"])}
    if settings.key:
        replaced = {column: pseudonym(stated[column], settings.key) for column in PATIENTS & stated.keys()}
        replaced |= {column: pseudonym_of_path(stated[column], settings.key) for column in candidate.paths}
        stated = {**stated, **replaced}
    return {
        "image_id": image.image_id,
        "source": _source(candidate.path, settings.key),
        "label": candidate.label,
        "portable": "unknown",
        **stated,
        "manufacturer": manufacturer(spelling, manufacturers) or spelling,
        "pixel_mapping": image.mapping,
    }


def _source(path: Path, key: bytes | None) -> str:
    return source_text(path) if key is None else pseudonym_of_path(source_text(path), key)


def _unmapped(images: Iterable[Mapping[str, str]], manufacturers: ManufacturerTable) -> list[str]:
    """The spellings of manufacturers that no table has, sorted."""
    spellings = {image["manufacturer_raw"] for image in images if image.get("manufacturer_raw")}
    return sorted(spelling for spelling in spellings if manufacturer(spelling, manufacturers) is None)
