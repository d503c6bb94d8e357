"""The selected model of a RUN: its weights, saved with digests and opened again."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from cxr_cli.artifacts import (
    digest_folder,
    is_set_aside,
    read_record,
    replace_folder,
    restore_folder,
    write_record,
    writing,
)
from cxr_cli.errors import BadInput
from cxr_cli.locks import is_locked_here, locked
from cxr_cli.runs.config import CONFIG, RunConfig, read_config

if TYPE_CHECKING:
    from cxr_cli.models.network import Network, Variables

MODEL = "model"
WEIGHTS = "weights"
DIGESTS = "digests.json"

OF_EACH_ARRAY, OF_CHECKPOINT = 2**11, 2**17
"""Bytes that Orbax writes beside an array's own, and beside all, at most."""


@dataclass(frozen=True)
class TrainedRun:
    """A run's selected model, ready to use."""

    folder: Path
    config: RunConfig
    network: "Network"
    variables: "Variables"
    epoch: int

    @property
    def model_id(self) -> str:
        """The model's name, see `model_id_of`."""
        return model_id_of(self.config.digest, self.epoch)


class ModelRecord(TypedDict):
    """What the weights are of, and SHA-256 of each of their files."""

    run: str
    epoch: int
    files: dict[str, str]


def model_id_of(run: str, epoch: int) -> str:
    """Name the model of a run by what decided it: digest of the configuration, and epoch."""
    return f"{run[:12]}-{epoch}"


def is_of_run(model_id: str, run: str) -> bool:
    """Tell whether a model is of the run whose configuration has this digest."""
    return model_id.startswith(f"{run[:12]}-")


def damaged_file(recorded: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """Name the first file whose digest is not the recorded one; it is missing where `found` lacks it."""
    names = sorted(recorded.keys() | found.keys())
    return next((name for name in names if recorded.get(name) != found.get(name)), None)


def ensemble_id(runs: Sequence[TrainedRun]) -> str:
    """Name the model that averages the scores of runs."""
    import hashlib

    ids = [run.model_id for run in runs]
    return ids[0] if len(ids) == 1 else hashlib.sha256(",".join(ids).encode()).hexdigest()[:12]


def this_process_alone() -> Any:
    """Return Orbax's option by which it waits for no other process, where there are several."""
    import jax
    import orbax.checkpoint as ocp

    own = jax.process_index()
    return ocp.options.MultiprocessingOptions(primary_host=own, active_processes={own})


def save_model(folder: Path, run: str, variables: "Variables", epoch: int) -> None:
    """Save the selected weights of a run, by its configuration's digest, in the place of earlier ones."""
    import shutil

    import jax
    import orbax.checkpoint as ocp

    new = (folder / f".{MODEL}.new").resolve()
    shutil.rmtree(new, ignore_errors=True)
    # Compressed, weights are a twelfth smaller and take twice the time to read.
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, multiprocessing_options=this_process_alone())
    content = {**jax.tree.map(np.asarray, variables._asdict()), "epoch": epoch}
    with (
        saving(folder / MODEL, content),
        ocp.Checkpointer(handler, multiprocessing_options=this_process_alone()) as checkpointer,
    ):
        checkpointer.save(new / WEIGHTS, ocp.args.PyTreeSave(content))
        write_record(new / DIGESTS, {"run": run, "epoch": epoch, "files": digest_folder(new / WEIGHTS)})
        replace_folder(new, folder / MODEL)


def stored_size(content: Any) -> int:
    """Return how many bytes Orbax takes for a tree of arrays, at most."""
    import jax

    sizes = [int(leaf.nbytes) for leaf in jax.tree.leaves(content) if not isinstance(leaf, int)]
    return sum(sizes) + OF_EACH_ARRAY * len(sizes) + OF_CHECKPOINT


@contextmanager
def saving(place: Path, content: Any) -> Iterator[None]:
    """Let Orbax save arrays, where it ends in long tracebacks if the system refuses.

    Room is taken beforehand and given back, for a quota shows in nothing else.

    Args:
        place: the folder that they are saved in or as, whose own folder is there.
        content: a tree of arrays.

    Raises:
        BadInput: the system refuses.
    """
    with writing(place):
        with TemporaryFile(dir=place.parent) as room:
            os.posix_fallocate(room.fileno(), 0, stored_size(content))
        try:
            yield
        except ValueError as error:  # TensorStore's: the system's error is in its text
            found = re.search(r"os_error_code='(\d+)'", str(error))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def open_run(folder: Path, meanwhile: "Callable[[TrainedRun], None] | None" = None) -> TrainedRun:
    """Read a run's configuration and selected weights.

    Args:
        folder: of the run.
        meanwhile: is called while the weights are read, with shapes and types in their place.

    Raises:
        BadInput: no run, one without a model yet or whose model is just being replaced, or weights that do
            not fit the configuration.
    """
    config = read_config(folder)
    model = folder / MODEL
    if is_set_aside(model):  # by a training that was killed, or is at work
        with nullcontext() if is_locked_here(folder) else locked(folder):
            restore_folder(model)
    if not model.is_dir():
        raise BadInput(f"{folder}: has no selected model yet; let `cxr train` finish an epoch first")

    import jax

    from cxr_cli.models.network import Variables, outline

    opened = model.stat()
    record = read_model_record(folder, config)
    network, shapes = outline(config.network_spec)
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shaped: Any = jax.ShapeDtypeStruct
    template = jax.tree.map(lambda leaf: shaped(leaf.shape, leaf.dtype, sharding=place), shapes)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_restore, model, record["files"], {**template._asdict(), "epoch": 0})
        if meanwhile is not None:
            meanwhile(TrainedRun(folder, config, network, shapes, record["epoch"]))
        try:
            saved = reading.result()
        except Exception:
            if model.exists() and os.path.samestat(opened, model.stat()):
                raise
            return open_run(folder)  # training has replaced it meanwhile
    return TrainedRun(folder, config, network, Variables(saved["params"], saved["stats"]), record["epoch"])


def read_model_record(folder: Path, config: RunConfig) -> dict[str, Any]:
    """Read what the selected weights of a run are of.

    Raises:
        BadInput: it is damaged, or names another run.
    """
    path = folder / MODEL / DIGESTS
    record = read_record(path, ModelRecord)
    if record["run"] != config.digest:
        raise BadInput(
            f"{path}: the weights are of another run: {record['run'][:12]}... with epoch {record['epoch']}, "
            f"{folder} is {config.digest[:12]}..."
        )
    return record


def _restore(model: Path, recorded: dict[str, str], template: dict[str, Any]) -> dict[str, Any]:
    """Read weights shaped like a template.

    Digests and shapes are checked before: Orbax fails halfway through, with long tracebacks.

    Raises:
        BadInput: they are damaged, or have other names or shapes.
    """
    import orbax.checkpoint as ocp

    found = digest_folder(model / WEIGHTS)
    if (name := damaged_file(recorded, found)) is not None:
        problem = "is missing" if name not in found else "is not as it was written"
        raise BadInput(f"{model}: the weights are damaged: {WEIGHTS}/{name} {problem}")
    weights = (model / WEIGHTS).resolve()
    with ocp.StandardCheckpointer(multiprocessing_options=this_process_alone()) as checkpointer:
        _check_fits(model, checkpointer.metadata(weights).item_metadata, template)
        saved: dict[str, Any] = checkpointer.restore(weights, template)
    return saved


def _check_fits(model: Path, stored: Any, template: dict[str, Any]) -> None:
    """Raise BadInput if stored weights have other names or shapes than a template."""
    import jax

    found = {leaf.name: leaf.shape for leaf in jax.tree.leaves(stored.tree)}
    wanted = {
        ".".join(str(key.key) for key in path): np.shape(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(template)
    }
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise BadInput(
                f"{model}: the weights do not fit {CONFIG}: {name} is {found.get(name, 'missing')}, "
                f"{wanted.get(name, 'none')} is right"
            )
