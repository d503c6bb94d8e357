"""A RUN whose configuration is another one, with weights that say they are of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cxr_cli.artifacts import read_record, write_record
from cxr_cli.runs.config import CONFIG, read_config
from cxr_cli.runs.model_store import DIGESTS, MODEL


def edit_config(run: Path, **changes: Any) -> None:
    """Change the configuration of a run in place, as if it had been trained with it."""
    config = replace(read_config(run), **changes)
    write_record(run / CONFIG, {**read_record(run / CONFIG), **changes})
    record = run / MODEL / DIGESTS
    write_record(record, {**read_record(record), "run": config.digest})
