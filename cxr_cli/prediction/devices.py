"""The devices that share a batch, and what several processes have to agree on."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from cxr_cli.dataset.reader import read_rows
from cxr_cli.errors import InvalidSetting
from cxr_cli.models.nn.sharing import BATCH
from cxr_cli.processes import PATIENCE


@dataclass(frozen=True)
class Devices:
    """Devices that divide the images of a batch among them; each holds the whole model.

    Attributes:
        mesh: of all of them, in all processes, along `BATCH`; None for the default device alone.
    """

    mesh: Mesh | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 if self.mesh is None else self.mesh.size

    @property
    def everywhere(self) -> NamedSharding | None:
        """The sharding of what each device holds whole; None for one device."""
        return None if self.mesh is None else NamedSharding(self.mesh, PartitionSpec())

    def tracing(self) -> AbstractContextManager[Any]:
        """Return the context in which a function is traced whose batch is divided; see `sum_over_images`."""
        return nullcontext() if self.mesh is None else jax.sharding.use_abstract_mesh(self.mesh.abstract_mesh)

    def divide(self, array: NDArray[Any], axis: int = 0) -> Array:
        """Place an array whose `axis` is the batch's, which each process has whole."""
        if self.mesh is None:
            return jnp.asarray(array)
        return self._make(array.shape, axis, lambda index: array[index], array.dtype)

    def take(self, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Array:
        """Place images[rows]; each process reads those of its own devices alone."""
        if self.mesh is None:
            return jnp.asarray(read_rows(images, rows))
        shape = (*rows.shape, *images.shape[1:])
        return self._make(shape, 0, lambda index: read_rows(images, rows[index[0]]), images.dtype)

    def _make(
        self, shape: tuple[int, ...], axis: int, part: Callable[[Any], NDArray[Any]], kind: np.dtype[Any]
    ) -> Array:
        """Make an array of the parts by index; what the devices do not divide evenly, each has whole."""
        assert self.mesh is not None
        even = shape[axis] % self.mesh.size == 0
        spec = PartitionSpec(*[None] * axis, BATCH) if even else PartitionSpec()
        canonical = jax.dtypes.canonicalize_dtype(kind)
        return jax.make_array_from_callback(
            shape, NamedSharding(self.mesh, spec), lambda index: np.asarray(part(index), canonical)
        )

    def replicate(self, tree: Any) -> Any:
        """Place a tree of arrays on every device, as the first of its processes has them."""
        if self.mesh is None:
            return tree
        sharding = NamedSharding(self.mesh, PartitionSpec())
        local = jax.tree.map(np.asarray, tree)
        if not sharding.is_fully_addressable:
            local = jax.tree.map(np.asarray, multihost_utils.broadcast_one_to_all(local))

        def place(leaf: NDArray[Any]) -> Array:
            return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])

        return jax.tree.map(place, local)


ONE_DEVICE = Devices()


def devices_for(batch: int) -> Devices:
    """Choose the devices that divide a batch evenly: of each process as many as can.

    Raises:
        InvalidSetting: the batch cannot be divided among the processes.
    """
    processes, local = jax.process_count(), jax.local_device_count()
    each = max((n for n in range(1, local + 1) if batch % (n * processes) == 0), default=0)
    if each == 0:
        raise InvalidSetting("batch_size", batch, f"must be a multiple of the {processes} processes")
    if each * processes == 1:
        return ONE_DEVICE
    chosen = [
        device
        for process in range(processes)
        for device in [one for one in jax.devices() if one.process_index == process][:each]
    ]
    return Devices(Mesh(np.array(chosen), (BATCH,)))


def local_devices() -> Devices:
    """Return the devices of this process, all of which share what it predicts."""
    local = jax.local_devices()
    return ONE_DEVICE if len(local) == 1 else Devices(Mesh(np.array(local), (BATCH,)))


def to_host(array: Array) -> NDArray[Any]:
    """Return an array's values, from the devices of other processes too."""
    if not array.is_fully_addressable and not array.is_fully_replicated:
        array = multihost_utils.process_allgather(array, tiled=True)
    return np.asarray(array)


def is_first_process() -> bool:
    """Whether this process is the one that writes files."""
    return jax.process_index() == 0


def highest(*values: float) -> list[float]:
    """Return the highest of each value over all processes; all of them have to ask."""
    if jax.process_count() == 1:
        return list(values)
    found = multihost_utils.process_allgather(np.array(values, np.float32))
    return [float(value) for value in found.max(0)]


def meet(place: str) -> None:
    """Wait until all processes are at this place."""
    if jax.process_count() > 1:
        from orbax.checkpoint import multihost

        # Not multihost_utils.sync_global_devices, a computation, which devices give up waiting for.
        multihost.sync_global_processes(place, timeout=PATIENCE)
