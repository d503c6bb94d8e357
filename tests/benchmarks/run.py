"""Speed and memory of the full-size models: `python tests/benchmarks/run.py`.

Every figure is measured in a process of its own, so that its peak memory is its own; the cases of a table
take turns, round after round, so that a machine whose speed drifts is as unkind to one as to the other. The
rows give the median over rounds; "ratio" is to the first row, the median of the ratios within rounds.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

SIZE = 224
CLASSES = 3


def _network(siamese: bool, lowering: str | None, arch: str = "covidnet") -> tuple[Any, Any]:
    import numpy as np

    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import create

    spec = NetworkSpec(arch, 1.0, SIZE, CLASSES, siamese)
    return create(spec, np.random.default_rng(0), lowering)  # type: ignore[arg-type]


def _images(count: int) -> Any:
    import jax.numpy as jnp
    import numpy as np

    return jnp.asarray(np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE), np.uint8))


def _timed(call: Callable[[], Any], repeats: int) -> float:
    """Seconds a call, after one that compiles."""
    import jax

    jax.block_until_ready(call())
    began = time.perf_counter()
    for _ in range(repeats):
        jax.block_until_ready(call())
    return (time.perf_counter() - began) / repeats


def inference(
    lowering: str | None, batch: int = 32, repeats: int = 4, arch: str = "covidnet"
) -> dict[str, float]:
    """Images a second through the single model, no gradients."""
    from cxr_cli.prediction.forward import Scaling, forward_function, read_logits

    network, variables = _network(False, lowering, arch)
    forward = forward_function(network, Scaling(0.5, 0.25, "float32"), read_logits)
    images = _images(batch)
    return {"images_per_second": batch / _timed(lambda: forward(variables, images), repeats)}


def _training(built: tuple[Any, Any], images: int, row_loss: Any, rows: int, repeats: int) -> float:
    """Seconds a training step."""
    import jax
    import jax.numpy as jnp
    import optax

    from cxr_cli.prediction.forward import Scaling
    from cxr_cli.training.step import StepSettings, new_state, train_step

    network, variables = built
    optimizer, settings = optax.adam(1e-4), StepSettings()
    step = train_step(network, Scaling(0.5, 0.25, "float32"), row_loss, optimizer, settings)
    state = new_state(variables, optimizer, settings)
    batch, targets, mask = _images(images), jnp.arange(rows) % 2, jnp.ones(rows, bool)

    def call() -> Any:
        nonlocal state
        state, loss = step(state, batch, targets, mask, jax.random.key(0))
        return loss

    return _timed(call, repeats)


def training(
    lowering: str | None, batch: int = 16, repeats: int = 3, arch: str = "covidnet"
) -> dict[str, float]:
    """Images a second in training the single model, batch 16."""
    import numpy as np

    from cxr_cli.training.classification import classification_loss

    loss = classification_loss(np.ones(CLASSES, np.float32), 0.0)
    seconds = _training(_network(False, lowering, arch), batch, loss, batch, repeats)
    return {"images_per_second": batch / seconds}


def random_pairs(pairs: int = 32, repeats: int = 2) -> dict[str, float]:
    """Pairs a second in training the siamese model on the paper's 32 random pairs a step."""
    from cxr_cli.training.siamese import pair_loss

    seconds = _training(_network(True, None), 2 * pairs, pair_loss, pairs, repeats)
    return {"pairs_per_second": pairs / seconds, "images_per_second": 2 * pairs / seconds}


def in_batch_pairs(images: int = 32, repeats: int = 3) -> dict[str, float]:
    """Pairs a second in training the siamese model on all pairs among 32 images."""
    from cxr_cli.training.siamese import in_batch_loss

    seconds = _training(_network(True, None), images, in_batch_loss, images, repeats)
    return {"pairs_per_second": images * (images - 1) / 2 / seconds, "images_per_second": images / seconds}


def forward_pass(images: int = 100, repeats: int = 2) -> dict[str, float]:
    """Seconds for the vectors of 100 validation images alone."""
    return {"seconds": _three_way(images, 0, repeats)}


def three_way_trials(images: int = 100, trials: int = 129, repeats: int = 2) -> dict[str, float]:
    """Seconds for the vectors of 100 validation images and 129 three-way trials among them."""
    return {"seconds": _three_way(images, trials, repeats)}


def _three_way(images: int, trials: int, repeats: int) -> float:
    import jax.numpy as jnp
    import numpy as np

    from cxr_cli.evaluation.threeway import three_way_report
    from cxr_cli.prediction.forward import Scaling, forward_function, read_vectors, run_over
    from cxr_cli.prediction.similarity import differences_function

    network, variables = _network(True, None)
    forward = forward_function(network, Scaling(0.5, 0.25, "float32"), read_vectors)
    compare = differences_function(network)
    pixels = np.asarray(_images(images))
    labels = np.arange(images) % CLASSES
    # A draw has no anchor twice: 100 images give 99 trials, so 129 are two draws.
    draws = [] if trials == 0 else [trials - trials // 2, trials // 2]

    def call() -> Any:
        vectors = run_over(forward, variables, lambda rows: jnp.asarray(pixels[rows]), np.arange(images))
        for drawn in draws:
            three_way_report(
                vectors,
                labels,
                np.arange(images),
                ("covid19", "normal", "pneumonia"),
                lambda x, y: compare(variables, x, y),
                trials=drawn,
                repeats=1,
                rng=np.random.default_rng(0),
            )
        return vectors

    return _timed(call, repeats)


def operation(name: str, lowered: bool, batch: int = 4, repeats: int = 2) -> dict[str, float]:
    """Milliseconds of one operation, forward and backward."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cxr_cli.models.nn.convolution import convolve

    size, channels_in, window, channels_out, stride, groups = OPERATIONS[name]
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return jnp.asarray(rng.standard_normal(shape, np.float32))

    x = draw(batch, size, size, channels_in)
    kernel = draw(window, window, channels_in // groups, channels_out)
    half = window // 2
    upstream = draw(batch, -(-size // stride), -(-size // stride), channels_out)

    @jax.jit
    def both(x: Any, kernel: Any) -> Any:
        value, gradient = jax.vjp(
            lambda x, kernel: convolve(
                x,
                kernel,
                stride=stride,
                padding=((half, half), (half, half)),
                groups=groups,
                lowering="product" if lowered else "native",
            ),
            x,
            kernel,
        )
        return value, gradient(upstream)

    return {"milliseconds": 1e3 * _timed(lambda: both(x, kernel), repeats)}


# Size, channels in, window, channels out, stride, groups: all padded by half a window, as torch pads.
OPERATIONS = {
    "1x1, 256 to 64 at 56": (56, 256, 1, 64, 1, 1),
    "1x1 by twos, 256 to 512 at 56": (56, 256, 1, 512, 2, 1),
    "depthwise 3x3, 144 at 56": (56, 144, 3, 144, 1, 144),
    "depthwise 3x3 by twos, 96 at 112": (112, 96, 3, 96, 2, 96),
    "depthwise 5x5, 672 at 14": (14, 672, 5, 672, 1, 672),
    "32 groups 3x3, 256 at 28": (28, 256, 3, 256, 1, 32),
}

CASES: dict[str, Callable[[], dict[str, float]]] = {
    "inference native": lambda: inference("native"),
    "inference lowered": lambda: inference("product"),
    "training native": lambda: training("native", repeats=1),
    "training lowered": lambda: training("product"),
    "random pairs": random_pairs,
    "in-batch pairs": in_batch_pairs,
    "100 images, forward pass": forward_pass,
    "100 images, and 129 three-way trials": three_way_trials,
    "efficientnet_lite0 inference native": lambda: inference("native", 16, 1, "efficientnet_lite0"),
    "efficientnet_lite0 inference lowered": lambda: inference("product", arch="efficientnet_lite0"),
    "efficientnet_lite0 training native": lambda: training("native", 16, 1, "efficientnet_lite0"),
    "efficientnet_lite0 training lowered": lambda: training("product", arch="efficientnet_lite0"),
    **{f"{name}, native": partial(operation, name, False) for name in OPERATIONS},
    **{f"{name}, lowered": partial(operation, name, True) for name in OPERATIONS},
}

TABLES: dict[str, tuple[str, list[str]]] = {
    "inference": ("images_per_second", ["inference native", "inference lowered"]),
    "training": ("images_per_second", ["training native", "training lowered"]),
    "pairs": ("pairs_per_second", ["random pairs", "in-batch pairs"]),
    "efficientnet inference": (
        "images_per_second",
        ["efficientnet_lite0 inference native", "efficientnet_lite0 inference lowered"],
    ),
    "efficientnet training": (
        "images_per_second",
        ["efficientnet_lite0 training native", "efficientnet_lite0 training lowered"],
    ),
    **{name: ("milliseconds", [f"{name}, native", f"{name}, lowered"]) for name in OPERATIONS},
    "three-way": ("seconds", ["100 images, forward pass", "100 images, and 129 three-way trials"]),
}


def _measure(case: str) -> dict[str, float]:
    """Run a case in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", case], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{case}: failed\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _print_table(name: str, rounds: int) -> None:
    figure, cases = TABLES[name]
    results = [{case: _measure(case) for case in cases} for _ in range(rounds)]
    print(f"\n{name}: float32, {rounds} rounds, whole models at {SIZE} pixels")
    print(f"{'':38}{figure.replace('_', ' '):>18}{'ratio':>8}{'peak memory, GiB':>18}")
    for case in cases:
        value = statistics.median(each[case][figure] for each in results)
        ratio = statistics.median(each[case][figure] / each[cases[0]][figure] for each in results)
        memory = statistics.median(each[case]["peak_gib"] for each in results)
        print(f"{case:38}{value:18.2f}{ratio:8.2f}{memory:18.2f}", flush=True)


def main() -> None:
    """Print the tables, or one case as JSON for the process above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="which tables; all if none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        figures = CASES[options.case]()
        # Linux gives kibibytes.
        figures["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps(figures))
        return
    import jax

    print(f"{date.today()}, {platform.platform()}, jax {jax.__version__}, {jax.devices()[0].device_kind}")
    for name in options.tables or TABLES:
        _print_table(name, options.rounds)


if __name__ == "__main__":
    main()
