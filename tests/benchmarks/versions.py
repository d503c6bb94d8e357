"""Whole programs of two checkouts, in turn: `python tests/benchmarks/versions.py BEFORE AFTER [PROGRAM ...]`.

Each version runs in a process of its own, which compiles and then waits for its turn, so that both are timed
within the same minute. Prints images a second, the median of the ratios, GFLOP/s and their share of what the
product of two 2048 x 2048 matrices reaches in the same run. Training counts three forward passes, which the
optimizer and the first layer make somewhat wrong. Float32, 224 pixels, InceptionV3 299.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

GFLOP = {
    "covidnet": 4.03,
    "resnet50": 8.02,
    "resnext101_32x8d": 32.7,
    "densenet161": 15.2,
    "inception_v3": 11.4,
    "efficientnet_lite0": 0.75,
}
"""Of the convolutions and dense layers in a forward pass of one image."""


def program(arch: str, kind: str, batch: int) -> Callable[[], Any]:
    """Make a call of one step of training, or of one batch of predictions."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import create
    from cxr_cli.prediction.forward import Scaling, forward_function, read_logits
    from cxr_cli.training.classification import classification_loss
    from cxr_cli.training.siamese import pair_loss
    from cxr_cli.training.step import StepSettings, new_state, train_step

    size, siamese = (299 if arch == "inception_v3" else 224), kind == "siamese"
    network, variables = create(NetworkSpec(arch, 1.0, size, 3, siamese), np.random.default_rng(0))
    images = jnp.asarray(
        np.random.default_rng(0).integers(0, 256, (batch * (1 + siamese), size, size), np.uint8)
    )
    scaling = Scaling(0.5, 0.25, "float32")
    if kind == "inference":
        forward = forward_function(network, scaling, read_logits)
        return lambda: jax.block_until_ready(forward(variables, images))
    optimizer = optax.adam(1e-4) if arch == "covidnet" else optax.sgd(1e-3, momentum=0.9)
    loss = pair_loss if siamese else classification_loss(np.ones(3, np.float32), 0.0)
    step = train_step(network, scaling, loss, optimizer, StepSettings())
    state = new_state(variables, optimizer, StepSettings())
    targets, mask = jnp.arange(batch) % 2, jnp.ones(batch, bool)

    def call() -> None:
        nonlocal state
        state, loss = step(state, images, targets, mask, jax.random.key(0))
        jax.block_until_ready(loss)

    return call


def worker(arch: str, kind: str, batch: int) -> None:
    """Compile, then run once for each line that comes; print seconds."""
    began = time.perf_counter()
    call = program(arch, kind, batch)
    call()
    print(json.dumps(time.perf_counter() - began), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        call()
        print(json.dumps(time.perf_counter() - began), flush=True)


def peak() -> float:
    """Return the GFLOP/s of a product of matrices, the best of ten."""
    import jax
    import jax.numpy as jnp

    square, product = jnp.ones((2048, 2048)), jax.jit(jnp.matmul)
    took = []
    for _ in range(11):
        began = time.perf_counter()
        jax.block_until_ready(product(square, square))
        took.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(took) / 1e9


def compare(before: str, after: str, name: str, rounds: int) -> None:
    """Print a program's row."""
    arch, kind, batch = name.split(":")
    command = [sys.executable, __file__, before, after, "--worker", name]
    processes = []
    for folder in (before, after):
        environment = {**os.environ, "PYTHONPATH": folder}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        processes.append(subprocess.Popen(command, env=environment, **pipes))  # type: ignore[call-overload]
    started = [float(process.stdout.readline()) for process in processes]
    took: list[list[float]] = []
    for _ in range(rounds):
        took.append([])
        for process in processes:
            process.stdin.write("\n")
            took[-1].append(float(process.stdout.readline()))
    for process in processes:
        process.stdin.close()
        process.wait()
    images = int(batch) * (2 if kind == "siamese" else 1)
    speeds = [images / statistics.median(times) for times in zip(*took, strict=True)]
    ratio = statistics.median(first / second for first, second in took)
    rate = speeds[1] * GFLOP[arch] * (1 if kind == "inference" else 3)
    print(
        f"| {arch} {kind}, {batch} | {speeds[0]:.1f} | {speeds[1]:.1f} | {ratio:.2f} | {rate:.0f} "
        f"| {rate / peak():.2f} | {started[0]:.0f}, {started[1]:.0f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", help="folder of the package's one version")
    parser.add_argument("after", help="folder of the other")
    parser.add_argument("programs", nargs="*", help="ARCHITECTURE:training|siamese|inference:BATCH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        arch, kind, batch = options.worker.split(":")
        worker(arch, kind, int(batch))
        return
    print(date.today())
    print("| | before | after | ratio | GFLOP/s | of the peak | first call, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.programs:
        compare(options.before, options.after, name, options.rounds)


if __name__ == "__main__":
    main()
