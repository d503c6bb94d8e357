"""Images explained a second, ours beside pytorch-grad-cam with the same weights.

    python tests/benchmarks/gradcam.py [--archs ARCH...] [--cores N...] [--rounds N]

Needs what tests/parity/make_cam_references.py needs, in one environment with this package. From gray images
in memory, uint8 [16,224,224], to maps at their size in memory; Grad-CAM of the last feature map. Each figure
is measured in a process of its own, and the cases take turns, round after round; where other work shares the
machine, CPU seconds tell more than the clock. Rows give the median over rounds; "ratio" is to the first row,
the median of the ratios within rounds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

SIZE = 224
BATCH = 16
REPEATS = 3
LAYERS = {"resnet50": "layer4", "efficientnet_lite0": "bn2"}
"""The module of torch's that gives the last feature map, by architecture."""
CASES = ("pytorch-grad-cam", "pytorch-grad-cam, image by image", "ours")

Explain = Callable[[], NDArray[Any]]


def images() -> NDArray[np.uint8]:
    """Draw images uint8 [16,224,224]."""
    return np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE), np.uint8)


def ours(arch: str) -> Explain:
    """Explain as `cxr gradcam` does, maps enlarged as for its overlays."""
    import jax.numpy as jnp
    from parity.members import MEMBERS
    from parity.ours import load
    from parity.reference import load_reference

    from cxr_cli.explain.cam import class_score, explain_function, explain_images, layer_names
    from cxr_cli.explain.overlay import place_map
    from cxr_cli.prediction.forward import Scaling

    member = next(member for member in MEMBERS if member.arch == arch)
    network, variables = load(member, load_reference(arch))
    scaling = Scaling(member.card.gray_mean, member.card.gray_std, "float32")
    last = layer_names(network, variables)[-1]
    function = explain_function(network, scaling, class_score, last, "gradcam")
    stack, rows, targets = images(), np.arange(BATCH), np.zeros(BATCH, np.int64)
    whole = (slice(0, SIZE), slice(0, SIZE))

    def explain() -> NDArray[Any]:
        fetch = lambda places: jnp.asarray(stack[places])  # noqa: E731
        maps = explain_images(function, variables, fetch, rows, targets, BATCH).maps
        return np.stack([place_map(each, (SIZE, SIZE), whole) for each in maps])

    return explain


def theirs(arch: str, batch: int) -> Explain:
    """Explain as pytorch-grad-cam's README does."""
    import torch
    from parity.make_references import MODULES
    from parity.members import MEMBERS
    from parity.reference import load_reference
    from parity.states import draw_state
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    member = next(member for member in MEMBERS if member.arch == arch)
    module = MODULES[arch]()
    state = draw_state(load_reference(arch).shapes, member.temper)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    cam = GradCAM(module.eval(), [module.get_submodule(LAYERS[arch])])
    stack = images()
    mean, std = (torch.tensor(values).reshape(1, -1, 1, 1) for values in (member.card.mean, member.card.std))

    def explain() -> NDArray[Any]:
        parts = []
        for start in range(0, BATCH, batch):
            gray = torch.from_numpy(stack[start : start + batch])[:, None].float() / 255
            parts.append(cam((gray.expand(-1, 3, -1, -1) - mean) / std, [ClassifierOutputTarget(0)] * batch))
        return np.concatenate(parts)

    return explain


def measure(case: str, arch: str, cores: int) -> dict[str, float]:
    """Explain the images some times over, after once that compiles; by the clock and in CPU seconds."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    explain = ours(arch) if case == "ours" else theirs(arch, BATCH if case == CASES[0] else 1)
    maps = explain()
    assert maps.shape == (BATCH, SIZE, SIZE)
    began = time.perf_counter(), time.process_time()
    for _ in range(REPEATS):
        explain()
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    return {"a second": REPEATS * BATCH / seconds[0], "a CPU second": REPEATS * BATCH / seconds[1]}


def _in_a_process(case: str, arch: str, cores: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", case, "--archs", arch, "--cores", str(cores)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}, {arch}: failed\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _print_table(arch: str, cores: int, rounds: int) -> None:
    results = [{case: _in_a_process(case, arch, cores) for case in CASES} for _ in range(rounds)]
    print(
        f"\n{arch}, {cores} core{'s' * (cores > 1)}: images explained, {rounds} rounds of {REPEATS} batches"
    )
    print(f"{'':32}{'a second':>10}{'ratio':>8}{'a CPU second':>14}{'ratio':>8}")
    for case in CASES:
        row = f"{case:32}"
        for unit, width in (("a second", 10), ("a CPU second", 14)):
            values = [each[case][unit] for each in results]
            ratios = [each[case][unit] / each[CASES[0]][unit] for each in results]
            row += f"{statistics.median(values):{width}.2f}{statistics.median(ratios):8.2f}"
        print(row, flush=True)


def main() -> None:
    """Print a table for each architecture and number of cores, or one case as JSON for the process above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--archs", nargs="*", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--cores", nargs="*", type=int, default=[1, len(os.sched_getaffinity(0))])
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.archs[0], options.cores[0])))
        return
    print(
        f"{date.today()}, {platform.platform()}, load {os.getloadavg()[0]:.1f}, {SIZE} pixels, batch {BATCH}"
    )
    for arch in options.archs:
        for cores in options.cores:
            _print_table(arch, cores, options.rounds)


if __name__ == "__main__":
    main()
