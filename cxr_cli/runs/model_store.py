"""The selected model of a RUN: its weights, saved with digests and opened again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_cli.artifacts import digest_folder, read_json, replace_folder, restore_folder, write_json
from cxr_cli.errors import BadInput
from cxr_cli.runs.config import CONFIG, RunConfig, read_config

if TYPE_CHECKING:
    from cxr_cli.models.network import Network, Variables

MODEL = "model"
WEIGHTS = "weights"
DIGESTS = "digests.json"


@dataclass(frozen=True)
class TrainedRun:
    """A run's selected model, ready to use."""

    folder: Path
    config: RunConfig
    network: "Network"
    variables: "Variables"
    epoch: int


def save_model(folder: Path, variables: "Variables", epoch: int) -> None:
    """Save the selected weights of a run, in the place of earlier ones."""
    import shutil

    import orbax.checkpoint as ocp

    new = (folder / f".{MODEL}.new").resolve()
    shutil.rmtree(new, ignore_errors=True)
    # Compressed, weights are a twelfth smaller and take twice the time to read.
    handler = ocp.PyTreeCheckpointHandler(use_compression=False)
    with ocp.Checkpointer(handler) as checkpointer:
        checkpointer.save(new / WEIGHTS, ocp.args.PyTreeSave({**variables._asdict(), "epoch": epoch}))
    write_json(new / DIGESTS, digest_folder(new / WEIGHTS))
    replace_folder(new, folder / MODEL)


def open_run(folder: Path, meanwhile: "Callable[[TrainedRun], None] | None" = None) -> TrainedRun:
    """Read a run's configuration and selected weights.

    Args:
        folder: of the run.
        meanwhile: is called while the weights are read, with shapes and types in their place.

    Raises:
        BadInput: no run, one without a model yet, or weights that do not fit the configuration.
    """
    config = read_config(folder)
    model = folder / MODEL
    restore_folder(model)
    if not model.is_dir():
        raise BadInput(f"{folder}: has no selected model yet; let `cxr train` finish an epoch first")

    import jax

    from cxr_cli.models.network import Variables, outline

    network, shapes = outline(config.network_spec)
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shaped: Any = jax.ShapeDtypeStruct
    template = jax.tree.map(lambda leaf: shaped(leaf.shape, leaf.dtype, sharding=place), shapes)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_restore, model, {**template._asdict(), "epoch": 0})
        if meanwhile is not None:
            meanwhile(TrainedRun(folder, config, network, shapes, epoch=0))
        saved = reading.result()
    return TrainedRun(
        folder, config, network, Variables(saved["params"], saved["stats"]), int(saved["epoch"])
    )


def _restore(model: Path, template: dict[str, Any]) -> dict[str, Any]:
    """Read weights shaped like a template.

    Digests and shapes are checked before: Orbax fails halfway through, with long tracebacks.

    Raises:
        BadInput: they are damaged, or have other names or shapes.
    """
    import orbax.checkpoint as ocp

    recorded, found = read_json(model / DIGESTS), digest_folder(model / WEIGHTS)
    for name in sorted(recorded.keys() | found.keys()):
        if recorded.get(name) != found.get(name):
            problem = "is missing" if name not in found else "is not as it was written"
            raise BadInput(f"{model}: the weights are damaged: {WEIGHTS}/{name} {problem}")
    weights = (model / WEIGHTS).resolve()
    with ocp.StandardCheckpointer() as checkpointer:
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
