"""Devices and processes that divide a batch: the loss curve and the weights are those of one device."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shared_steps
from shared_steps import CASES

PROGRAM = Path(shared_steps.__file__)
Results = Mapping[str, Any]


def run(result: Path, environments: list[dict[str, str]]) -> Results:
    """Run the program, once with each environment, all at a time."""
    commands = [sys.executable, "-W", "error", str(PROGRAM), str(result)]
    started = [
        subprocess.Popen(commands, env={**os.environ, **each}, stderr=subprocess.PIPE, text=True)
        for each in environments
    ]
    ended = [(process.communicate(timeout=300)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * len(ended), ended
    with np.load(result) as found:
        return dict(found)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Results]:
    """Run the program on one device, on eight simulated ones, and in two processes, when first asked for."""
    folder = tmp_path_factory.mktemp("results")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    of_two: dict[str, str] = {"OMPI_COMM_WORLD_SIZE": "2", "JAX_COORDINATOR_ADDRESS": address}
    ranks = ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK")
    environments: dict[str, list[dict[str, str]]] = {
        "one": [{}],
        "eight": [{"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}],
        "two processes": [of_two | dict.fromkeys(ranks, str(number)) for number in range(2)],
    }
    found: dict[str, Results] = {}

    def of(name: str) -> Results:
        if name not in found:
            found[name] = run(folder / f"{name}.npz", environments[name])
        return found[name]

    return of


@pytest.mark.parametrize(("name", "devices"), [("eight", 8), ("two processes", 1)])
def test_all_devices_of_a_process_predict_as_one_does(
    results: Callable[[str], Results], name: str, devices: int
) -> None:
    one, several = results("one"), results(name)
    assert several["prediction: devices"] == devices
    for what in ("logits", "features"):
        assert np.ptp(one[f"prediction: {what}"]) > 0.01
        np.testing.assert_allclose(several[f"prediction: {what}"], one[f"prediction: {what}"], atol=1e-5)


@pytest.mark.parametrize(("name", "devices"), [("eight", 8), ("two processes", 2)])
@pytest.mark.parametrize("case", CASES)
def test_devices_and_processes_train_as_one_device_does(
    results: Callable[[str], Results], name: str, devices: int, case: str
) -> None:
    one, several = results("one"), results(name)
    assert (one[f"{case}: devices"], several[f"{case}: devices"]) == (1, devices)
    losses = one[f"{case}: losses"]
    assert np.ptp(losses) > 0.01
    np.testing.assert_allclose(several[f"{case}: losses"], losses, rtol=1e-5)
    np.testing.assert_allclose(several[f"{case}: weights"], one[f"{case}: weights"], rtol=1e-4, atol=1e-5)
