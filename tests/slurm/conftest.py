"""A Slurm cluster of one node on this machine, where its daemons are installed (Debian's slurm-wlm)."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cluster import Cluster

DAEMONS = ("munged", "slurmctld", "slurmd")
CPUS = 2
CONFIGURATION = """
ClusterName=cxr
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=1,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    missing = [name for name in DAEMONS if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        pytest.skip(f"Slurm is not installed: no {', '.join(missing)}" if missing else "Slurm needs root")
    # Not below pytest's own folder: the name of munge's socket has 108 bytes at most.
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/slurm-XXXX"], text=True).strip())
    munge = folder / "munge"
    for each in (munge, folder / "state", folder / "spool"):
        each.mkdir(mode=0o700)
    key = munge / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    settings = folder / "slurm.conf"
    settings.write_text(CONFIGURATION.format(host=host, folder=folder, ports=_free_ports(2), cpus=CPUS))
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**own, "SLURM_CONF": str(settings), "PATH": path}
    files = {"key-file": key, "socket": munge / "socket", "pid-file": munge / "pid"}
    files |= {"log-file": munge / "log", "seed-file": munge / "seed"}
    commands = (
        ["munged", "--force", *(f"--{name}={value}" for name, value in files.items())],
        ["slurmctld", "-c", "-f", str(settings)],
        ["slurmd", "-f", str(settings), "-N", host],
    )
    try:
        for command in commands:
            subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        jobs = tmp_path_factory.mktemp("jobs")
        found = Cluster(jobs, environment)
        found.wait_until(lambda: "idle" in found.call("sinfo", "--noheader", "-o", "%T"))
        yield found
    finally:
        for pid in (folder / "slurmd.pid", folder / "slurmctld.pid", munge / "pid"):
            if pid.exists():
                os.kill(int(pid.read_text()), 15)
        shutil.rmtree(folder, ignore_errors=True)
