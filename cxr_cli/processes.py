"""Several processes that train together: what started them, how they find each other, how they part."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cxr_cli.errors import InvalidSetting

Distributed = Literal["auto", "off", "on"]
ADDRESS = "JAX_COORDINATOR_ADDRESS"

# Seconds after which a process that is not heard of is taken for dead.
HEARTBEAT = 30
# Seconds within which all processes have ended, where they fail for one reason.
SAME_FAILURE = 10
# A process that writes, draws, or tests a fold keeps the others waiting so long at most.
PATIENCE = 24 * 3600


@dataclass(frozen=True)
class Launch:
    """This process as its launcher numbers it.

    Attributes:
        launcher: as JAX names it.
        count: of processes that were started together.
        number: of this one, from 0.
    """

    launcher: Literal["slurm", "ompi"]
    count: int
    number: int


COUNT_AND_NUMBER: Mapping[Literal["ompi", "slurm"], tuple[str, str]] = {
    "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    # srun alone sets the first: a batch script, an allocation and a job array have other counts.
    "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
}
"""By launcher, the variables that hold how many processes it started, and which this one is."""


def find_launch(wanted: Distributed, environment: Mapping[str, str] = os.environ) -> Launch | None:
    """Find whether this process is one of several that were started together.

    Args:
        wanted: "off" looks for none, "on" requires one.
        environment: variables of this process.

    Raises:
        InvalidSetting: "on", and no launcher started several processes.
    """
    if wanted == "off":
        return None
    for launcher, (count, number) in COUNT_AND_NUMBER.items():
        found = environment.get(count, ""), environment.get(number, "")
        if all(map(str.isdecimal, found)) and int(found[0]) > 1:
            return Launch(launcher, int(found[0]), int(found[1]))
    if wanted == "on":
        seen = ", ".join(
            f"{name} is {environment.get(name) or 'not set'}"
            for names in COUNT_AND_NUMBER.values()
            for name in names
        )
        raise InvalidSetting("distributed", "on", f"two tasks or more of srun or mpirun are needed: {seen}")
    return None


def join(launch: Launch) -> None:
    """Join the other processes: JAX then has the devices of all. To be called before it computes anything."""
    import jax

    # It would take SIGTERM for itself; `training.run.preemption` is to hear it.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        coordinator_address=_address(launch, os.environ),
        num_processes=launch.count,
        process_id=launch.number,
        local_device_ids=_gpus(launch, os.environ),
        cluster_detection_method=launch.launcher,
        heartbeat_timeout_seconds=HEARTBEAT,
        shutdown_timeout_seconds=SAME_FAILURE,
    )


def _address(launch: Launch, environment: Mapping[str, str]) -> str | None:
    """Return where the first process is to be found, HOST:PORT; None where JAX reads it from the launcher.

    Raises:
        InvalidSetting: nothing tells.
    """
    if ADDRESS in environment:
        return environment[ADDRESS]
    # Open MPI up to version 4 says it; version 5 does not.
    if launch.launcher == "slurm" or "OMPI_MCA_orte_hnp_uri" in environment:
        return None
    if environment.get("OMPI_COMM_WORLD_LOCAL_SIZE") != str(launch.count):
        raise InvalidSetting(
            "distributed", "auto", f"set {ADDRESS} to HOST:PORT, HOST being the node of the first process"
        )
    port = 61440 + zlib.crc32(environment.get("PMIX_NAMESPACE", "").encode()) % 4096
    return f"127.0.0.1:{port}"


def _gpus(launch: Launch, environment: Mapping[str, str]) -> list[int] | None:
    """Return the numbers of this process's GPUs among those that it can see; None leaves it to JAX.

    Where GPUs were asked for each task, Slurm shows a task those alone; else all, and JAX takes one a task.
    """
    if launch.launcher == "ompi":
        return [int(environment["OMPI_COMM_WORLD_LOCAL_RANK"])]
    count = environment.get("SLURM_GPUS_PER_TASK", "").rpartition(":")[2]
    return list(range(int(count))) if count.isdecimal() else None


def all_have_ended(seconds: float) -> bool:
    """Wait until all processes are here; whether they were in time."""
    from orbax.checkpoint import multihost

    try:
        multihost.sync_global_processes("the end", timeout=int(seconds))
    except Exception:  # whatever JAX raises where a process is late or gone
        return False
    return True
