"""Predictions of raw image files, preprocessed on the way exactly as the run's own images were."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.artifacts import atomic_path
from cxr_cli.dataset.settings import source_text
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.read import PreparedImage, UnreadImage, read_image
from cxr_cli.images.sources import find_inputs
from cxr_cli.images.workers import map_in_order, usable_cpus
from cxr_cli.prediction.columns import SCORE, SPREAD, THRESHOLD
from cxr_cli.prediction.ensemble import Ensemble, ScoreEnsemble, ensemble_scorer, open_ensemble
from cxr_cli.prediction.forward import INFERENCE_BATCH, read_map
from cxr_cli.prediction.outliers import Reference, flags_of, reference_of
from cxr_cli.prediction.preprocessing import run_geometry
from cxr_cli.reporting import SILENT, Reporter

IMAGE_TIMEOUT = 120.0
"""Seconds after which an image that is not read yet is rejected."""
POLL_SECONDS = 1.0
"""How often a watched folder is looked at."""
FEW = 8
"""Files that one process reads."""

Record = dict[str, Any]
"""One file: `source`, and either `rejected`, the reason, or `predicted` and the scores, which are None where
`flag` has a reason not to rely on them."""


class FilePredictor:
    """Predicts files by a run or an ensemble; models are loaded and compiled once."""

    def __init__(
        self,
        run: Path,
        members: Sequence[Path] = (),
        templates: Path | None = None,
        dataset: Path | None = None,
        split: Path | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        """Load the runs, and what images are compared with to see whether they are unlike those of training.

        Args:
            run: a RUN, or a CV.
            members: more runs, whose scores are averaged with the first's.
            templates: of a siamese run; None takes each run's own.
            dataset, split: where the first run's own are now, if they were moved.
            reporter: takes notices.
        """
        self.ensemble: Ensemble = open_ensemble(run, members)
        first, *others = self.ensemble.open_runs()
        self._score: ScoreEnsemble = ensemble_scorer((first, *others), templates, (read_map,))
        self._reference: Reference | None = reference_of(first, dataset, split, reporter)

    def predict(self, paths: Sequence[Path], batch: int = INFERENCE_BATCH) -> Iterator[Record]:
        """Predict files, in their order.

        Args:
            paths: of image files.
            batch: images that go through the models at once.
        """
        config = self.ensemble.config
        read = partial(read_image, geometry=run_geometry(config), views=config.views)
        workers = 1 if len(paths) <= FEW else usable_cpus()
        items = [UnreadImage(path) for path in paths]
        with closing(map_in_order(read, items, workers, IMAGE_TIMEOUT, lambda _, reason: reason)) as images:
            pairs = zip(paths, images, strict=True)
            while chunk := list(islice(pairs, batch)):
                yield from self._records(chunk, batch)

    def _records(self, chunk: Sequence[tuple[Path, PreparedImage | str]], batch: int) -> Iterable[Record]:
        prepared = [image for _, image in chunk if isinstance(image, PreparedImage)]
        found = iter(self._scored(prepared, batch) if prepared else [])
        return [
            {"source": source_text(path), **({"rejected": image} if isinstance(image, str) else next(found))}
            for path, image in chunk
        ]

    def _scored(self, images: Sequence[PreparedImage], batch: int) -> list[Record]:
        pixels = np.stack([image.pixels for image in images])
        # Padded to one size, so that each model compiles once.
        rows = np.arange(batch) % len(images)
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
            records.append(
                {**record, "distance_sd": None if distance is None else round(distance, 2), "flag": flag}
            )
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
    predictor = FilePredictor(
        Path(run), [Path(member) for member in members], templates, dataset, split, reporter
    )
    batch = INFERENCE_BATCH if len(paths) > 1 else 1
    with reporter.progress("images") as advance:
        for done, record in enumerate(predictor.predict(paths, batch), start=1):
            yield record
            advance(done, len(paths))


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
    done = _sources_in(output)
    reporter.say(f"{folder}: watching; {len(done)} files are in {output} already")
    before: dict[Path, tuple[int, int]] = {}
    last, predicted = time.monotonic(), 0
    with output.open("a", encoding="utf-8") as lines:
        while not stopped():
            now = _files_in(folder, done)
            ready = sorted(path for path, state in now.items() if before.get(path) == state)
            before = now
            for record in predictor.predict(ready, 1) if ready else ():
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
                lines.flush()
                os.fsync(lines.fileno())
                done.add(record["source"])
                predicted, last = predicted + 1, time.monotonic()
                if stopped():
                    return predicted
            if idle is not None and time.monotonic() - last > idle:
                return predicted
            time.sleep(POLL_SECONDS)
    return predicted


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
