"""Batch scripts for Slurm: one job, or an array whose tasks share the work."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cxr_cli.errors import ExitCode

BatchCommand = Literal["preprocess", "train", "sweep", "crossval"]
IN_PARTS: frozenset[BatchCommand] = frozenset({"preprocess", "sweep", "crossval"})
"""Commands whose work the tasks of an array can share."""
STOPPED_IN_TIME: frozenset[BatchCommand] = frozenset({"train", "sweep", "crossval"})
"""Commands that save their state on a signal, and end with the exit code of a preempted job."""

OUTPUT = ("-o", "--output")


@dataclass(frozen=True)
class Resources:
    """What a job asks of Slurm, in its own notation; None leaves it to the cluster.

    Attributes:
        partition, account, time, memory: as `sbatch` takes them.
        cpus, gpus: of each task.
        tasks: of the array; 1 for a single job.
        ntasks: processes of each task of the array, which train together.
        nodes: that these are spread over.
        container: an Apptainer image that `cxr` is run in.
        warning: seconds before the end of its time at which a job is asked to save its state.
    """

    partition: str | None = None
    account: str | None = None
    time: str | None = None
    memory: str | None = None
    cpus: int | None = None
    gpus: int | None = None
    tasks: int = 1
    ntasks: int = 1
    nodes: int | None = None
    container: str | None = None
    warning: int = 120


def slurm_script(command: BatchCommand, arguments: Sequence[str], resources: Resources) -> str:
    """Write a batch script that runs a command of `cxr`, and requeues it where it was stopped in time.

    Args:
        command: its name.
        arguments: of the command, as on its command line.
        resources: of the job.

    Returns:
        The script, whose first comment says how it is submitted and, of an array, how its results are
        collected.
    """
    name, in_time, array = f"cxr-{command}", command in STOPPED_IN_TIME, resources.tasks > 1
    where = {
        "partition": resources.partition,
        "account": resources.account,
        "time": resources.time,
        "cpus-per-task": resources.cpus,
        "mem": resources.memory,
    }
    asked = {
        "job-name": name,
        **where,
        "gpus-per-task": resources.gpus,
        "nodes": resources.nodes,
        "ntasks": resources.ntasks,
        "array": f"1-{resources.tasks}" if array else None,
        "output": f"{name}-%A_%a.log" if array else f"{name}-%j.log",
        "open-mode": "append",
        "signal": f"USR1@{resources.warning}" if in_time else None,
    }
    lines = ["#!/bin/bash", *(f"#SBATCH --{key}={value}" for key, value in asked.items() if value)]
    if in_time:
        lines.append("#SBATCH --requeue")
    lines += ["#", f"# Submit this file: sbatch {name}.sh"]
    inside = ""
    if resources.container:
        devices = "--nv " if resources.gpus else ""
        inside = f"apptainer exec {devices}{shlex.quote(resources.container)} "
    work, collect = _work(command, arguments) if array else (shlex.join(["cxr", command, *arguments]), "")
    if collect:
        how = ["--dependency=singleton", f"--job-name={name}"]
        how += [f"--{key}={value}" for key, value in where.items() if value]
        lines += [
            "# Collect the results after the last task:",
            f"# {shlex.join(['sbatch', *how, '--wrap', inside + collect])}",
        ]
    # srun does not take the number of CPUs from its job.
    cpus = f"--cpus-per-task={resources.cpus} " if resources.cpus else ""
    lines += ["", f"srun {cpus}{inside}{work}", "code=$?"]
    if in_time:
        lines += [
            "# Stopped before its time ran out, with its state saved: run again.",
            # It waits for Slurm to end it: a requeued job that ends by itself before that has failed.
            f'[ "$code" -eq {int(ExitCode.PREEMPTED)} ] && scontrol requeue "$SLURM_JOB_ID" && sleep 60',
        ]
    return "\n".join([*lines, 'exit "$code"', ""])


def _work(command: BatchCommand, arguments: Sequence[str]) -> tuple[str, str]:
    """Return what each task of an array runs, and what collects the results, as words of the shell.

    The shards of a DATASET are folders of their own. The other commands find their part by themselves, and
    collect where there is no array.
    """
    whole = shlex.join(["cxr", command, *arguments])
    if command != "preprocess":
        return whole, whole
    others = list(arguments)
    at = next(i for i, word in enumerate(others) if word in OUTPUT or word.startswith("--output="))
    output = others.pop(at).partition("=")[2] or others.pop(at)
    shards, output = shlex.quote(f"{output.rstrip('/')}.shards"), shlex.quote(output)
    return (
        f'{shlex.join(["cxr", command, *others])} -o {shards}/"$SLURM_ARRAY_TASK_ID"',
        f"cxr preprocess --merge {shards}/* -o {output}",
    )
