"""What counts as a start of several processes, and what does not."""

from collections.abc import Mapping

import pytest

from cxr_cli.errors import InvalidSetting
from cxr_cli.processes import Launch, _address, _gpus, find_launch

SRUN = {"SLURM_JOB_ID": "7", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"}
MPIRUN = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}
STRAY: dict[str, dict[str, str]] = {
    "no launcher": {},
    "an allocation, and its batch script": {
        "SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_NNODES": "2"
    },
    "a job array": {"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "5"},
    "a step of one task": {**SRUN, "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
    "a count without a number": {"SLURM_STEP_NUM_TASKS": "4", "OMPI_COMM_WORLD_SIZE": "2"},
    "no number": {**SRUN, "SLURM_STEP_NUM_TASKS": "many"},
}  # fmt: skip


def test_srun_and_mpirun_start_processes() -> None:
    assert find_launch("auto", SRUN) == find_launch("on", SRUN) == Launch("slurm", 4, 3)
    # mpirun starts its daemons by srun, one a node.
    assert find_launch("auto", {**SRUN, **MPIRUN}) == Launch("ompi", 2, 1)
    assert find_launch("off", SRUN) is None


@pytest.mark.parametrize("environment", STRAY.values(), ids=STRAY)
def test_a_stray_variable_starts_none(environment: Mapping[str, str]) -> None:
    assert find_launch("auto", environment) is None
    with pytest.raises(InvalidSetting, match="`distributed` on: two tasks or more of srun or mpirun"):
        find_launch("on", environment)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InvalidSetting, match="SLURM_STEP_NUM_TASKS is not set, SLURM_PROCID is 0"):
        find_launch("on", STRAY["an allocation, and its batch script"])


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({"SLURM_GPUS_PER_TASK": "2"}, [0, 1]),
        ({"SLURM_GPUS_PER_TASK": "a100:1"}, [0]),
        ({}, None),
    ],
)
def test_the_gpus_that_slurm_shows_a_task_are_its_own(
    environment: Mapping[str, str], gpus: list[int] | None
) -> None:
    assert _gpus(Launch("slurm", 4, 3), environment) == gpus


def test_where_open_mpi_says_nothing_of_the_first_process() -> None:
    second, environment = Launch("ompi", 2, 1), {**MPIRUN, "PMIX_NAMESPACE": "prterun-a-1@1"}
    assert _gpus(second, environment) == [1]
    found = _address(second, {**environment, "OMPI_COMM_WORLD_LOCAL_SIZE": "2"})
    assert found is not None
    host, _, port = found.partition(":")
    assert host == "127.0.0.1"
    assert 61440 <= int(port) < 65536
    with pytest.raises(InvalidSetting, match="set JAX_COORDINATOR_ADDRESS to HOST:PORT"):
        _address(second, {**environment, "OMPI_COMM_WORLD_LOCAL_SIZE": "1"})
    assert _address(second, {**environment, "JAX_COORDINATOR_ADDRESS": "n1:99"}) == "n1:99"
    assert _address(second, {**environment, "OMPI_MCA_orte_hnp_uri": "1.0;tcp://10.0.0.1:5"}) is None
