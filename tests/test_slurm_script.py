"""`cxr slurm-script`: what it prints, without a cluster (tests/slurm runs it on one)."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cxr_cli.slurm_script import Resources, slurm_script

Cxr = Callable[..., Any]
TRAIN = ("train", "data", "--split", "split.csv", "-o", "a run")


def test_a_job_asks_for_what_was_given_and_for_nothing_else() -> None:
    resources = Resources(partition="gpu", time="08:00:00", cpus=4, gpus=1, container="cxr.sif")
    assert slurm_script("train", TRAIN[1:], resources).splitlines() == [
        "#!/bin/bash",
        "#SBATCH --job-name=cxr-train",
        "#SBATCH --partition=gpu",
        "#SBATCH --time=08:00:00",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --gpus-per-task=1",
        "#SBATCH --ntasks=1",
        "#SBATCH --output=cxr-train-%j.log",
        "#SBATCH --open-mode=append",
        "#SBATCH --signal=USR1@120",
        "#SBATCH --requeue",
        "#",
        "# Submit this file: sbatch cxr-train.sh",
        "",
        "srun --cpus-per-task=4 apptainer exec --nv cxr.sif cxr train data --split split.csv -o 'a run'",
        "code=$?",
        "# Stopped before its time ran out, with its state saved: run again.",
        '[ "$code" -eq 75 ] && scontrol requeue "$SLURM_JOB_ID" && sleep 60',
        'exit "$code"',
    ]


def test_processes_that_train_together_are_one_step_of_the_job(cxr: Cxr) -> None:
    outcome = cxr("slurm-script", "--nodes", 2, "--ntasks", 8, "--gpus", 1, *TRAIN)
    assert outcome.code == 0
    for line in ("#SBATCH --nodes=2", "#SBATCH --ntasks=8", "#SBATCH --gpus-per-task=1"):
        assert f"\n{line}\n" in outcome.out
    assert "\nsrun cxr train data" in outcome.out
    refused = cxr("slurm-script", "--ntasks", 2, "preprocess", "/archive", "-o", "out")
    assert refused.code == 2
    assert "cxr: --ntasks: preprocess does not train" in refused.err


@pytest.mark.parametrize("output", [("-o", "out"), ("--output", "out/"), ("--output=out",)])
def test_each_task_of_preprocess_has_a_shard_of_its_own(output: tuple[str, ...]) -> None:
    script = slurm_script("preprocess", ("/an archive", *output, "--size", "224"), Resources(tasks=16))
    assert "#SBATCH --array=1-16\n" in script
    assert "requeue" not in script
    task = """srun cxr preprocess '/an archive' --size 224 -o out.shards/"$SLURM_ARRAY_TASK_ID"\n"""
    assert task in script
    collect = "'cxr preprocess --merge out.shards/* -o out"
    assert f"# sbatch --dependency=singleton --job-name=cxr-preprocess --wrap {collect}" in script


@pytest.mark.parametrize("command", ["sweep", "crossval"])
def test_the_same_command_collects_what_the_tasks_trained(cxr: Cxr, command: str) -> None:
    words = (command, "data", "--split", "split.csv", "-o", "out", "--width", "0.5")
    outcome = cxr("slurm-script", "--tasks", 5, "--account", "radiology", *words)
    assert outcome.code == 0
    whole = f"cxr {' '.join(words)}"
    assert f"\nsrun {whole}\n" in outcome.out
    assert (
        f"--dependency=singleton --job-name=cxr-{command} --account=radiology --wrap '{whole}'" in outcome.out
    )


def test_the_script_is_one_for_bash(cxr: Cxr) -> None:
    script = cxr("slurm-script", "--tasks", 2, "preprocess", "it's $HOME; rm -rf", "-o", "o").out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    stub = "srun() { printf '%s\\n' \"$@\"; }\n" + script
    printed = subprocess.check_output(["bash", "-c", stub], text=True, env={"SLURM_ARRAY_TASK_ID": "2"})
    assert printed.splitlines() == ["cxr", "preprocess", "it's $HOME; rm -rf", "-o", "o.shards/2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--tasks", 4, *TRAIN),
            "--tasks: train is one job; its work is not shared by the tasks of an array",
        ),
        (("sweep", "data", "--split", "s.csv"), "sweep: --output (-o) is missing"),
        (("train", "data", "--spilt", "s.csv", "-o", "r"), "No such option: --spilt"),
        (("test", "run"), "'test' is not one of 'preprocess', 'train', 'sweep', 'crossval'"),
        ((), "Missing argument 'command'. Choose from: preprocess, train, sweep, crossval"),
    ],
)
def test_what_the_job_would_refuse_is_refused_now(cxr: Cxr, words: tuple[object, ...], message: str) -> None:
    outcome = cxr("slurm-script", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
