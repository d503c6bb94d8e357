"""Whether a DATASET, a split, a RUN or a CV is as it was written: the work of `cxr verify`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cxr_cli.artifacts import digest_file, digest_folder, read_csv, read_record
from cxr_cli.dataset.folder import IMAGES, INFO, JOURNAL, MANIFEST, REJECTED, SHARD
from cxr_cli.dataset.reader import REJECTED_COLUMNS, open_dataset, read_shard
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.report.study import GRADCAM, contact_sheets_of, read_audit, read_metrics_of, read_predictions_of
from cxr_cli.runs.config import CONFIG, RunConfig, read_config
from cxr_cli.runs.crossval_folder import RECORD as CROSSVAL
from cxr_cli.runs.crossval_folder import CrossvalRecord, fold_runs
from cxr_cli.runs.folder import (
    AUDIT,
    EXTERNAL,
    HISTORY,
    METRICS,
    PREDICTIONS,
    RECORD,
    TEMPLATES,
    open_images,
    read_training_record,
)
from cxr_cli.runs.model_store import (
    DIGESTS,
    MODEL,
    WEIGHTS,
    damaged_file,
    is_of_run,
    model_id_of,
    read_model_record,
)
from cxr_cli.splitting.file import open_split
from cxr_cli.training.history import check_selected, read_run_history


class Check(NamedTuple):
    """What was found of one artifact: what it is, or what is wrong with it."""

    path: Path
    found: str
    passed: bool


def verify(places: Sequence[Path | str], *, full: bool = False) -> list[Check]:
    """Check that artifacts are as they were written and belong together.

    Args:
        places: DATASET, RUN and CV folders, and split.csv files.
        full: read all bytes of images and weights, too; else only what is small.

    Returns:
        A row for each artifact, in the order of the places.

    Raises:
        InvalidSetting: a place is none of these.
    """
    return [check for place in places for check in _checks(Path(place), full)]


def _checks(place: Path, full: bool) -> Iterator[Check]:
    kinds: dict[str, Callable[[Path, bool], Iterator[Check]]] = {
        INFO: _dataset,
        SHARD: _shard,
        CROSSVAL: _crossval,
        CONFIG: _run,
    }
    for name, checks in kinds.items():
        if (place / name).is_file():
            yield from checks(place, full)
            return
    if place.is_file() and place.suffix == ".csv" and place.with_suffix(".json").is_file():
        yield _tried(place, lambda: _split(place))
    elif (place / JOURNAL).is_file():
        yield Check(place, "unfinished; run the same `cxr preprocess` again", False)
    else:
        raise InvalidSetting("places", place, "a DATASET, a split.csv, a RUN or a CV is needed")


def _tried(path: Path, check: Callable[[], str]) -> Check:
    """Make a check: what it returns, or the error that it raises."""
    try:
        return Check(path, check(), True)
    except (BadInput, InvalidSetting) as error:
        return Check(path, str(error).removeprefix(f"{path}: "), False)


def _dataset(folder: Path, full: bool) -> Iterator[Check]:
    def counts() -> str:
        dataset = open_dataset(folder)
        rejected = len(read_csv(folder / REJECTED, REJECTED_COLUMNS))
        found = {
            "images": len(dataset.images),
            "rejected": rejected,
            "inputs": len(dataset.images) + rejected,
        }
        for name, count in found.items():
            if dataset.info["counts"][name] != count:
                raise BadInput(
                    f"{folder / INFO}: field 'counts.{name}' is {dataset.info['counts'][name]}, "
                    f"{MANIFEST} and {REJECTED} have {count}"
                )
        classes = {
            str(label): int(count) for label, count in dataset.manifest["label"].value_counts().items()
        }
        recorded = {label: count for label, count in dataset.info["classes"].items() if count}
        if classes != recorded and recorded:
            raise BadInput(f"{folder / INFO}: field 'classes' is {recorded}, {MANIFEST} has {classes}")
        for name, digest in dataset.info.get("tables", {}).items():
            if digest_file(folder / name) != digest:
                raise BadInput(f"{folder / name}: was changed after it was written")
        return f"{len(dataset.images)} images, {rejected} rejected"

    yield _tried(folder, counts)
    if full:
        yield _tried(
            folder / IMAGES, lambda: _same_bytes(folder / IMAGES, read_record(folder / INFO)["digest"])
        )


def _shard(folder: Path, full: bool) -> Iterator[Check]:
    def outcomes() -> str:
        return f"a shard of {sum(1 for _ in read_shard(folder))} inputs"

    yield _tried(folder, outcomes if full else lambda: f"a shard, {len(read_record(folder / SHARD))} fields")


def _same_bytes(path: Path, digest: str) -> str:
    found = digest_file(path)
    if found != digest:
        raise BadInput(f"{path}: SHA-256 is {found[:12]}..., recorded is {digest[:12]}...")
    return f"SHA-256 {digest[:12]}..."


def _split(path: Path) -> str:
    summary = read_record(path.with_suffix(".json"))
    folder = Path(str(summary.get("dataset")))
    if not folder.exists():
        raise BadInput(f"{path}: its dataset {folder} is not there to compare with")
    folds = summary["criteria"]["folds"]
    divided = open_split(path, open_dataset(folder), None if folds is None else 0)
    if digest_file(path) != summary["split_digest"]:
        return "edited since `cxr split` wrote it; no patient is in two subsets"
    return f"{len(divided.labels)} images" + ("" if folds is None else f", {folds} folds")


def _run(folder: Path, full: bool) -> Iterator[Check]:
    configured = _tried(folder / CONFIG, lambda: f"a run of {read_config(folder).recipe!r}")
    yield configured
    if not configured.passed:
        return
    config = read_config(folder)
    yield _tried(folder / RECORD, lambda: _training(folder))
    if Path(config.dataset).exists() and Path(config.split).exists():
        yield _tried(Path(config.dataset), lambda: _images(config))
    yield _tried(folder / MODEL / DIGESTS, lambda: _model(folder, config, full))
    if not (folder / MODEL / DIGESTS).is_file():
        return
    try:
        epoch = int(read_model_record(folder, config)["epoch"])
    except BadInput:
        return
    yield _tried(folder / HISTORY, lambda: _history(folder, config, epoch))
    yield from _results(folder, config, model_id_of(config.digest, epoch), epoch)


def _results(folder: Path, config: RunConfig, model_id: str, epoch: int) -> Iterator[Check]:
    """Check what later commands wrote into a run, as far as it is there."""
    metrics = [folder / METRICS, *sorted((folder / EXTERNAL).glob(f"*/{METRICS}"))]
    checks: list[tuple[Path, Callable[[], str]]] = [
        *((path, partial(_metrics, path, model_id)) for path in metrics),
        *((path.with_name(PREDICTIONS), partial(_predictions, path, model_id)) for path in metrics),
        (folder / AUDIT, partial(_audit, folder / AUDIT, model_id)),
        (folder / TEMPLATES, partial(_templates, folder, config, epoch)),
        (folder / GRADCAM, partial(_sheets, folder / GRADCAM, config, epoch)),
    ]
    yield from (_tried(path, check) for path, check in checks if path.exists())


def _metrics(path: Path, model_id: str | None) -> str:
    metrics = read_metrics_of(path, model_id)
    return f"{metrics and metrics['images']} images"


def _predictions(metrics: Path, model_id: str) -> str:
    return f"{len(read_predictions_of(metrics.with_name(PREDICTIONS), model_id).images)} images"


def _audit(path: Path, model_id: str) -> str:
    audit = read_audit(path, model_id)
    return f"{audit and len(audit['findings'])} findings"


def _sheets(folder: Path, config: RunConfig, epoch: int) -> str:
    return f"{len(contact_sheets_of(folder, config, epoch))} contact sheets"


def _training(folder: Path) -> str:
    record = read_training_record(folder)
    if record is None:
        raise BadInput(f"{folder / RECORD}: missing: training did not begin")
    return (
        f"finished after {record.get('epochs')} epochs" if record["finished"] else "training is not finished"
    )


def _images(config: RunConfig) -> str:
    dataset, _ = open_images(config)
    return f"the dataset of the run, {len(dataset.images)} images, and its split"


def _model(folder: Path, config: RunConfig, full: bool) -> str:
    record = read_model_record(folder, config)
    weights, recorded = folder / MODEL / WEIGHTS, record["files"]
    if full:
        files = digest_folder(weights)
    else:
        paths = (path.relative_to(weights).as_posix() for path in weights.rglob("*") if path.is_file())
        files = {name: recorded.get(name, "") for name in paths}
    if (name := damaged_file(recorded, files)) is not None:
        raise BadInput(f"{weights / name}: {'missing' if name not in files else 'is not as it was written'}")
    return f"weights of epoch {record['epoch']}, {len(files)} files"


def _history(folder: Path, config: RunConfig, epoch: int) -> str:
    history = read_run_history(folder, config)
    check_selected(folder / HISTORY, history, epoch, config.optimization.select)
    return f"{history[-1].epoch} epochs, {epoch} selected"


def _templates(folder: Path, config: RunConfig, epoch: int) -> str:
    from cxr_cli.prediction.templates import load_templates

    templates = load_templates(folder / TEMPLATES, config, epoch, folder)
    return f"{templates.kind} of {len(templates.classes)} classes"


def _crossval(folder: Path, full: bool) -> Iterator[Check]:
    recorded = _tried(
        folder / CROSSVAL, lambda: f"{read_record(folder / CROSSVAL, CrossvalRecord)['folds']} folds"
    )
    yield recorded
    if not recorded.passed:
        return
    record = read_record(folder / CROSSVAL, CrossvalRecord)
    runs: list[str] = []
    for run in fold_runs(folder, record["folds"], record["seed"], 1):
        if not (run.folder / CONFIG).is_file():
            yield Check(run.folder, "this fold is not trained yet", False)
            continue
        yield from _run(run.folder, full)
        if read_config(run.folder).split_digest != record["split_digest"]:
            yield Check(run.folder / CONFIG, "is of another split than the cross-validation", False)
        runs.append(read_config(run.folder).digest)
    if (folder / PREDICTIONS).exists():
        yield _tried(folder / PREDICTIONS, lambda: _pooled(folder / PREDICTIONS, runs))
    if (folder / METRICS).exists():
        yield _tried(folder / METRICS, partial(_metrics, folder / METRICS, None))


def _pooled(path: Path, runs: Sequence[str]) -> str:
    table = read_csv(path, ("model_id",))
    # With several seeds the first one's identifier stands for all.
    found = sorted(set(map(str, table["model_id"])))
    strange = [name for name in found if not any(is_of_run(name, run) for run in runs)]
    if strange:
        raise BadInput(f"{path}: is of model {strange[0]}, which is none of the folds' runs")
    return f"{len(table)} images"
