"""Predictions of raw image files, preprocessed on the way exactly as the run's own images were."""

import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.artifacts import atomic_path, writing
from cxr_cli.dataset.settings import source_text
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.read import PreparedImage, UnreadImage, read_images
from cxr_cli.images.sources import find_inputs
from cxr_cli.images.workers import usable_cpus
from cxr_cli.locks import LOCK, locked
from cxr_cli.prediction.batches import inference_batch
from cxr_cli.prediction.columns import SCORE, SPREAD, THRESHOLD
from cxr_cli.prediction.development import OVERLAP, Shared, development_set, report_shared
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.ensemble import Ensemble, ScoreEnsemble, ensemble_scorer, open_ensemble
from cxr_cli.prediction.forward import compile_ahead, forward_of_run, read_map
from cxr_cli.prediction.outliers import Reference, flags_of, reference_of
from cxr_cli.prediction.preprocessing import run_geometry
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import RunConfig
from cxr_cli.runs.model_store import TrainedRun

POLL_SECONDS = 1.0
"""How often a watched folder is looked at."""
FEW = 8
"""Files that one process reads."""

Record = dict[str, Any]
"""One file: `source`, and either `rejected`, the reason, or `predicted` and the scores, which are None where
`flag` has a reason not to rely on them; `overlap`, see `Shared`."""


ReadFile = tuple[Path, PreparedImage | str]
"""A file and its image, or why it has none."""


def read_files(config: RunConfig, paths: Sequence[Path], batch: int) -> Generator[list[ReadFile], None, None]:
    """Read and preprocess files as a run's own images were, a batch at a time, in their order."""
    workers = 1 if len(paths) <= FEW else usable_cpus()
    items = [UnreadImage(path) for path in paths]
    with closing(read_images(items, run_geometry(config), views=config.views, workers=workers)) as images:
        files = zip(paths, images, strict=True)
        while read_together := list(islice(files, batch)):
            yield read_together


class FilePredictor:
    """Predicts files by a run or an ensemble; models are loaded and compiled once."""

    def __init__(
        self,
        ensemble: Ensemble,
        batch: int,
        templates: Path | None = None,
        dataset: Path | None = None,
        split: Path | None = None,
        reporter: Reporter = SILENT,
        runs: Sequence[TrainedRun] | None = None,
    ) -> None:
        """Load the runs, and what images are compared with to see whether they are unlike those of training.

        Args:
            ensemble: the runs.
            batch: images that go through the models at once.
            templates: of a siamese run; None takes each run's own.
            dataset, split: where the first run's own are now, if they were moved.
            reporter: takes notices.
            runs: the ensemble's, where they are loaded already.
        """
        self.ensemble, self.batch = ensemble, batch
        first, *others = runs or ensemble.open_runs(self._compile)
        self._score: ScoreEnsemble = ensemble_scorer((first, *others), templates, (read_map,))
        self._reference: Reference | None = reference_of(first, dataset, split, reporter)
        self._development = development_set(ensemble, dataset, split, reporter)

    def _compile(self, run: TrainedRun) -> None:
        others = (read_map,) if run.folder == self.ensemble.members[0] else ()
        compile_ahead(forward_of_run(run, *others), run.variables, self.batch, run.config.size)

    def predict(self, files: Sequence[ReadFile]) -> Iterable[Record]:
        """Predict files that were read, at most a batch of them."""
        prepared = [image for _, image in files if isinstance(image, PreparedImage)]
        found = iter(self._scored(prepared) if prepared else [])
        return [
            {"source": source_text(path), **({"rejected": image} if isinstance(image, str) else next(found))}
            for path, image in files
        ]

    def _scored(self, images: Sequence[PreparedImage]) -> list[Record]:
        pixels = np.stack([image.pixels for image in images])
        # Padded to one size, so that each model compiles once.
        rows = np.arange(self.batch) % len(images)
        scores, spread, point, (vectors,) = self._score(pixels, rows)
        deviations: list[float | None] = [None] * len(images)
        if self._reference is not None:
            deviations = self._reference.deviations(vectors[: len(images)]).tolist()
        flags = flags_of(deviations, pixels)
        classes = self.ensemble.config.classes
        records = []
        for place, (image, flag) in enumerate(zip(images, flags, strict=True)):
            values = scores.values[place].tolist()
            record: Record = {
                "image_id": image.image_id,
                "view_position": image.header.get("view_position", ""),
                "pixel_mapping": image.mapping,
                "predicted": None if flag else classes[scores.predicted[place]],
                **{
                    f"{SCORE}{name}": None if flag else value
                    for name, value in zip(classes, values, strict=True)
                },
            }
            if point is not None:
                record[f"{THRESHOLD}{point.positive}"] = point.threshold
            if spread is not None:
                each = zip(classes, spread[place].tolist(), strict=True)
                record |= {f"{SPREAD}{name}": None if flag else value for name, value in each}
            distance = deviations[place]
            record |= {"distance_sd": None if distance is None else round(distance, 2), "flag": flag}
            if self._development is not None:
                patient = image.header.get("patient_id", "")
                record[OVERLAP] = self._development.shares(image.image_id, patient)
            records.append(record)
        return records


def predict_files(
    run: Path | str,
    sources: Sequence[Path | str],
    *,
    members: Sequence[Path | str] = (),
    templates: Path | None = None,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> Iterator[Record]:
    """Predict raw image files, without a DATASET.

    Args:
        run: a RUN, or a CV, which is the ensemble of its runs.
        sources: PNG, JPEG and DICOM files, and folders and zip archives to search for them.
        members, templates, dataset, split: see `FilePredictor`.
        reporter: takes notices and progress.

    Returns:
        One record for each file, in the order of their paths: see `Record`.

    Raises:
        BadInput: no run, or no input.
    """
    paths = find_inputs([Path(source) for source in sources]).paths
    ensemble = open_ensemble(Path(run), [Path(member) for member in members])
    batch = inference_batch(len(paths), ensemble.config.size, devices=local_devices().count)
    with (
        ThreadPoolExecutor(1) as pool,
        closing(read_files(ensemble.config, paths, batch)) as batches,
        reporter.progress("images") as advance,
    ):
        # The first images are read while the models are loaded.
        advance(0, len(paths), "loading models, compiling")
        loading = pool.submit(FilePredictor, ensemble, batch, templates, dataset, split, reporter)
        first = next(batches)
        predictor, done = loading.result(), 0
        shared: list[Shared] = []
        for files in chain([first], batches):
            for record in predictor.predict(files):
                shared += [record[OVERLAP]] if OVERLAP in record else []
                yield record
                done += 1
                advance(done, len(paths))
    report_shared(shared, ensemble, reporter)


def watch_folder(
    folder: Path,
    output: Path,
    predictor: FilePredictor,
    *,
    idle: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
    reporter: Reporter = SILENT,
) -> int:
    """Predict the files that arrive in a folder, each once, and append a line of JSON for each.

    A file is taken when it has not changed between two looks. What the output has a line of is not predicted
    again; a torn last line is dropped.

    Args:
        folder: to watch.
        output: the file of lines.
        predictor: predicts.
        idle: seconds without a new file after which to stop; None never stops.
        stopped: whether the process was asked to stop.
        reporter: takes notices.

    Returns:
        How many files were predicted.

    Raises:
        BadInput: no such folder, or an output that is no file of lines.
        InvalidSetting: the output is in the folder itself.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    if output.resolve().parent == folder.resolve():
        raise InvalidSetting("output", output, "is in the folder that is watched")
    with locked(output.parent, f".{output.name}{LOCK}"):
        done = _sources_in(output)
        reporter.say(f"{folder}: watching; {len(done)} files are in {output} already")
        before: dict[Path, tuple[int, int]] = {}
        last, predicted = time.monotonic(), 0
        with output.open("a", encoding="utf-8") as lines:
            while not stopped():
                now = _files_in(folder, done)
                ready = sorted(path for path, state in now.items() if before.get(path) == state)
                before = now
                for record in _predicted(predictor, ready):
                    with writing(output):
                        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
                        lines.flush()
                        os.fsync(lines.fileno())
                    shared = [record[OVERLAP]] if OVERLAP in record else []
                    report_shared(shared, predictor.ensemble, reporter)
                    done.add(record["source"])
                    predicted, last = predicted + 1, time.monotonic()
                    if stopped():
                        return predicted
                if idle is not None and time.monotonic() - last > idle:
                    return predicted
                time.sleep(POLL_SECONDS)
    return predicted


def _predicted(predictor: FilePredictor, paths: Sequence[Path]) -> Iterator[Record]:
    if paths:
        with closing(read_files(predictor.ensemble.config, paths, predictor.batch)) as batches:
            for files in batches:
                yield from predictor.predict(files)


def _files_in(folder: Path, done: set[str]) -> dict[Path, tuple[int, int]]:
    """List image files that have no line yet, with size and time of change."""
    try:
        paths = find_inputs([folder]).paths
    except BadInput:  # none yet
        return {}
    found = {}
    for path in paths:
        if source_text(path) not in done:
            # Of a member of an archive, the archive.
            file = next((place for place in (path, *path.parents) if place.exists()), folder)
            found[path] = (file.stat().st_size, file.stat().st_mtime_ns)
    return found


def _sources_in(output: Path) -> set[str]:
    """Read which files have a line; drop a torn last line."""
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        return set()
    text = output.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    try:
        found = {json.loads(line)["source"] for line in whole.splitlines()}
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{output}: is no file of predictions as lines of JSON; name another") from None
    if whole != text:
        with atomic_path(output) as temporary:
            temporary.write_text(whole, "utf-8")
    return found
