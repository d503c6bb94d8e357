"""Stop a training at random moments, by SIGTERM and by kill -9, and compare it with an undisturbed one.

    python tests/benchmarks/kill_training.py WORK [--processes 2] [--terminate 20] [--kill 20] [--seed 0]

Trains a narrow COVID-Net on 200 synthetic images in WORK by `cxr train`, stops it as often as is asked for,
each time up to --longest seconds after it has begun to train, and starts it again; of several processes one
gets the signal. Prints how the sessions ended, and whether history and weights are the same to the last bit.
"""

import argparse
import csv
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

SETTINGS = ["--width", "0.125", "--epochs", "60", "--batch-size", "16", "--lr", "1e-3", "--seed", "1"]
STARTED = ("resuming after", "epoch ", "training: ")


def cxr(*words: object) -> list[str]:
    return [sys.executable, "-m", "cxr_cli", *map(str, words)]


def start(command: list[str], processes: int, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Start the processes of one session; each writes to a log of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    sessions = []
    for number in range(processes):
        variables = {"OMPI_COMM_WORLD_SIZE": processes, "OMPI_COMM_WORLD_RANK": number}
        variables |= {"OMPI_COMM_WORLD_LOCAL_RANK": number, "JAX_COORDINATOR_ADDRESS": address}
        own = {name: str(value) for name, value in variables.items()} if processes > 1 else {}
        with (folder / f"log{number}").open("wb") as log:
            sessions.append(subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log))
    return sessions


def has_begun(session: subprocess.Popen[bytes], log: Path) -> bool:
    return session.poll() is not None or any(line in log.read_text() for line in STARTED)


def same(one: Path, other: Path) -> tuple[bool, float]:
    """Compare two runs: whether their histories are equal, and how far their weights differ at most."""
    from cxr_cli.runs.model_store import open_run

    histories = [
        [row[:5] + row[6:] for row in csv.reader((run / "history.csv").open())] for run in (one, other)
    ]
    import jax

    weights = [jax.tree.leaves(open_run(run).variables) for run in (one, other)]
    apart = max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(*weights, strict=True))
    return histories[0] == histories[1], apart


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--terminate", type=int, default=20)
    parser.add_argument("--kill", type=int, default=20)
    parser.add_argument("--longest", type=float, default=4.0)
    parser.add_argument("--keep", action="store_true", help="Go on with the run of the last call.")
    parser.add_argument("--unfinished", action="store_true", help="Leave it to a later call to finish it.")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance, work = random.Random(asked.seed), asked.work
    work.mkdir(parents=True, exist_ok=True)
    dataset, split = work / "dataset", work / "split.csv"
    if not split.exists():
        raw = work / "raw"
        subprocess.run(cxr("phantom", "-o", raw, "--count", 200, "--size", 64), check=True)
        subprocess.run(cxr("preprocess", raw / "images", "-o", dataset, "--size", 32), check=True)
        subprocess.run(cxr("split", dataset, "-o", split), check=True)
    train = ("train", dataset, "--split", split, *SETTINGS, "-o")
    undisturbed, stopped = (work / f"{name}-{asked.processes}" for name in ("undisturbed", "stopped"))
    whole = start(cxr(*train, undisturbed), asked.processes, work)
    if [session.wait() for session in whole] != [0] * asked.processes:
        sys.exit((work / "log0").read_text())
    if not asked.keep:
        shutil.rmtree(stopped, ignore_errors=True)
    signals = [signal.SIGTERM] * asked.terminate + [signal.SIGKILL] * asked.kill
    chance.shuffle(signals)
    codes: Counter[str] = Counter()
    for number, name in enumerate(signals):
        sessions = start(cxr(*train, stopped), asked.processes, work)
        while not has_begun(sessions[0], work / "log0"):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, asked.longest))
        hit = chance.randrange(asked.processes)
        if sessions[hit].poll() is None:
            sessions[hit].send_signal(name)
        sent = time.monotonic()
        ended = tuple(session.wait(120) for session in sessions)
        codes[f"{name.name}: exit codes {ended}"] += 1
        print(number + 1, name.name, "to process", hit, ended, f"{time.monotonic() - sent:.1f} s", flush=True)
    for line, count in sorted(codes.items()):
        print(f"{count:3} x {line}")
    if asked.unfinished:
        return
    last = start(cxr(*train, stopped), asked.processes, work)
    if [session.wait() for session in last] != [0] * asked.processes:
        sys.exit((work / "log0").read_text())
    equal, apart = same(undisturbed, stopped)
    print(f"histories {'equal' if equal else 'DIFFERENT'}, weights differ by {apart:g} at most")
    sys.exit(0 if equal and apart == 0 else 1)


if __name__ == "__main__":
    main()
