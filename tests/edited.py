"""Artifacts that are changed as if they had been made so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.artifacts import digest_file, read_record, write_record
from cxr_cli.dataset.folder import IMAGES, INFO
from cxr_cli.runs.config import CONFIG, read_config
from cxr_cli.runs.folder import METRICS
from cxr_cli.runs.model_store import DIGESTS, MODEL, model_id_of


def edit_config(run: Path, **changes: Any) -> None:
    """Change the configuration of a run in place, as if it had been trained with it."""
    config = replace(read_config(run), **changes)
    write_record(run / CONFIG, {**read_record(run / CONFIG), **changes})
    record = run / MODEL / DIGESTS
    weights = read_record(record)
    write_record(record, {**weights, "run": config.digest})
    if (run / METRICS).exists():
        metrics = {**read_record(run / METRICS), "model_id": model_id_of(config.digest, weights["epoch"])}
        write_record(run / METRICS, metrics)


def edit_images(dataset: Path, images: NDArray[Any]) -> None:
    """Put other images into a dataset, with their digest."""
    np.save(dataset / IMAGES, images)
    write_record(dataset / INFO, {**read_record(dataset / INFO), "digest": digest_file(dataset / IMAGES)})
