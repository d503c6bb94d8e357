"""Train on a dataset far larger than memory: images a second, and memory, beside a small dataset.

    python tests/benchmarks/larger_than_memory.py WORK [--gigabytes 20] [--steps 40]

Both datasets have images of 224 pixels; the large one is a sparse file, which takes no room on the disk. Each
is trained on by the same step (a COVID-Net of a quarter of the width, batch 16) and the same feed as in
`cxr train`, in a process of its own, over rows drawn at random from the whole file.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SIZE, BATCH = 224, 16


def make(path: Path, count: int) -> None:
    """Write uint8 [count, 224, 224] zeros as a sparse .npy file."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, SIZE, SIZE)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(stream.tell() + count * SIZE * SIZE)


def memory() -> dict[str, float]:
    """Read this process's memory in MiB: its own, and pages of files that are mapped."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile", "VmHWM")}


def train(path: Path, steps: int) -> dict[str, Any]:
    """Train for so many steps and as many again; time the second ones."""
    import jax
    import optax

    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import create
    from cxr_cli.prediction.forward import Scaling
    from cxr_cli.prediction.loading import image_source
    from cxr_cli.training.classification import classification_loss
    from cxr_cli.training.feed import feed_of
    from cxr_cli.training.loop import step_keys
    from cxr_cli.training.step import StepSettings, new_state, train_step
    from cxr_cli.training.tasks import EpochPlan

    images = np.load(path, mmap_mode="r")
    network, variables = create(NetworkSpec("covidnet", 0.25, SIZE, 3, False), np.random.default_rng(0))
    optimizer, settings = optax.adam(1e-4), StepSettings()
    loss = classification_loss(np.ones(3, np.float32), 0.0)
    step = train_step(network, Scaling(0.5, 0.25, "float32"), loss, optimizer, settings)
    state = new_state(variables, optimizer, settings)
    rows = np.random.default_rng(1).integers(0, len(images), (2 * steps, BATCH))
    plan = EpochPlan(rows, rows % 3, np.ones(rows.shape, bool))
    found: dict[str, Any] = {}
    with feed_of(step, image_source(images))(plan, step_keys(0, 0, 2 * steps), 0) as run:
        state, _ = run(state, steps)
        found["before"] = memory()
        began = time.perf_counter()
        state, _ = run(state, steps)
        found["images_per_second"] = steps * BATCH / (time.perf_counter() - began)
    jax.block_until_ready(state)
    return {**found, "after": memory(), "gigabytes": images.nbytes / 1e9, "images": len(images)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--train", type=Path, help="Train on this file, and print what was measured.")
    asked = parser.parse_args()
    if asked.train:
        print(json.dumps(train(asked.train, asked.steps)))
        return
    asked.work.mkdir(parents=True, exist_ok=True)
    files = {"small": 600, "large": round(asked.gigabytes * 1e9 / SIZE**2)}
    for name, count in files.items():
        make(asked.work / f"{name}.npy", count)
    command = [sys.executable, __file__, str(asked.work), "--steps", str(asked.steps), "--train"]
    for name in ("small", "large", "small", "large"):
        done = subprocess.run([*command, str(asked.work / f"{name}.npy")], check=True, capture_output=True)
        found = json.loads(done.stdout)
        before, after = found["before"], found["after"]
        print(
            f"{name}: {found['gigabytes']:.2f} GB, {found['images']} images: "
            f"{found['images_per_second']:.1f} images/s; "
            f"own memory {before['RssAnon']:.0f}, then {after['RssAnon']:.0f} MiB; "
            f"file pages {before['RssFile']:.0f}, then {after['RssFile']:.0f} MiB; "
            f"peak {after['VmHWM']:.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
