"""What a GPU machine does with `cxr`, in one command of under 9 minutes, without network.

    python tests/gpu/check.py > gpu.md

It trains and applies every architecture in bfloat16, one of each family in float32 and as a siamese network
too, and compares with PyTorch (channels_last, autocast, torch.compile) where that is installed: images a
second, the share of the device's matrix-product peak in the same precision, and the memory of the program.
Beside that it checks numbers: scores on the GPU against the CPU's, bfloat16 against float32, streamed images
against resident ones, a run that was stopped against one that was not, and Grad-CAM from the command line.

The report is Markdown on stdout, the progress is on stderr; the exit code is 1 if a check failed. What the
time did not suffice for is listed as not run. `--dry-run` goes through all of it on any machine, on narrow
models of small images, to see that the script itself works.
"""

import argparse
import csv
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

# Memory is to be what a program takes, not what is set aside at the start; both before jax is imported.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Network, Variables, create
from cxr_cli.models.registry import ARCH_NAMES, FILES
from cxr_cli.prediction.forward import Scaling, forward_function, read_logits, read_vectors
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.precision import matmul_precision
from cxr_cli.training.classification import classification_loss
from cxr_cli.training.feed import feed_of
from cxr_cli.training.siamese import pair_loss
from cxr_cli.training.step import StepSettings, TrainState, new_state, train_step
from cxr_cli.training.tasks import EpochPlan

CLASSES = 3
FAMILIES = tuple(names[0] for names in FILES.values())
PEERS = {
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "resnext101_32x8d": "resnext101_32x8d",
    "densenet161": "densenet161",
    "inception_v3": "inception_v3",
}
"""Architectures that torchvision has, by its name of them."""


@dataclass(frozen=True)
class Scale:
    """How large everything is: in earnest, or to see that the script works.

    Attributes:
        width: of the models.
        size: pixels of an image, if the architecture has no size of its own.
        training, inference: images of a batch.
        product: rows of the matrices whose product is the peak.
        epochs: of the runs from the command line.
    """

    width: float = 1.0
    size: int = 224
    training: int = 128
    inference: int = 256
    product: int = 8192
    epochs: int = 6

    def pixels(self, arch: str) -> int:
        """Height and width of an architecture's images."""
        return (299 if self.size == 224 else 96) if arch == "inception_v3" else self.size


DRY = Scale(width=0.25, size=64, training=4, inference=4, product=256, epochs=2)


class Report:
    """Lines of Markdown on stdout, and the checks that failed."""

    def __init__(self, seconds: float) -> None:
        """Take how long all may last."""
        self.end = time.monotonic() + seconds
        self.failed: list[str] = []

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def say(self, line: str) -> None:
        """Print a line of the report."""
        print(line, flush=True)

    def check(self, name: str, passed: bool, shown: str) -> None:
        """Print a check with what was seen."""
        if not passed:
            self.failed.append(name)
        self.say(f"| {name} | {'ok' if passed else '**failed**'} | {shown} |")


@dataclass(frozen=True)
class Program:
    """A training step or a forward pass, compiled.

    Attributes:
        arch, kind, precision: what it is.
        images: of a batch.
        flops: of one call, as XLA counts the products and convolutions before it optimizes.
        memory: bytes that the program takes beside what goes in and comes out.
        call: runs it once.
    """

    arch: str
    kind: str
    precision: str
    images: int
    flops: float
    memory: int
    call: Callable[[], Any]


def draw(scale: Scale, arch: str, siamese: bool) -> tuple[Network, Variables]:
    """Draw a network of an architecture; only COVID-Net has widths of its own."""
    width = scale.width if arch == "covidnet" else 1.0
    spec = NetworkSpec(arch, width, scale.pixels(arch), CLASSES, siamese)
    return create(spec, np.random.default_rng(0))


def random_images(scale: Scale, arch: str, count: int) -> jax.Array:
    """Draw uint8 images."""
    side = scale.pixels(arch)
    return jnp.asarray(np.random.default_rng(1).integers(0, 256, (count, side, side), np.uint8))


def training_program(scale: Scale, arch: str, siamese: bool, precision: str) -> Program:
    """Compile a training step; pairs count two images."""
    network, variables = draw(scale, arch, siamese)
    loss = pair_loss if siamese else classification_loss(np.ones(CLASSES, np.float32), 0.0)
    optimizer, settings = optax.adam(1e-4), StepSettings()
    images = random_images(scale, arch, scale.training)
    rows = scale.training // 2 if siamese else scale.training
    batch = (images, jnp.arange(rows) % (2 if siamese else CLASSES), jnp.ones(rows, bool), jax.random.key(0))
    step = train_step(network, Scaling(0.5, 0.25, precision), loss, optimizer, settings)
    holder = [new_state(variables, optimizer, settings)]
    lowered = step.trace(holder[0], *batch).lower()  # type: ignore[attr-defined]
    compiled = lowered.compile()

    def call() -> Any:
        holder[0], loss = compiled(holder[0], *batch)
        return loss

    kind = "siamese training" if siamese else "training"
    return Program(arch, kind, precision, scale.training, _flops(lowered), _temporary(compiled), call)


def inference_program(scale: Scale, arch: str, siamese: bool, precision: str) -> Program:
    """Compile a forward pass."""
    network, variables = draw(scale, arch, siamese)
    read = read_vectors if siamese else read_logits
    forward = forward_function(network, Scaling(0.5, 0.25, precision), read)
    images = random_images(scale, arch, scale.inference)
    on_device = jax.device_put(variables)
    lowered = forward.trace(on_device, images).lower()  # type: ignore[attr-defined]
    compiled = lowered.compile()
    kind = "siamese inference" if siamese else "inference"
    return Program(
        arch,
        kind,
        precision,
        scale.inference,
        _flops(lowered),
        _temporary(compiled),
        lambda: compiled(on_device, images),
    )


def _flops(lowered: Any) -> float:
    return float((lowered.cost_analysis() or {}).get("flops", 0.0))


def _temporary(compiled: Any) -> int:
    return int(getattr(compiled.memory_analysis(), "temp_size_in_bytes", 0))


def seconds_of(
    call: Callable[[], Any], wait: Callable[[Any], Any], rounds: int = 3, least: float = 0.4
) -> float:
    """Time a call: the median of rounds, each of calls for `least` seconds, after two to warm up."""
    for _ in range(2):
        wait(call())
    began = time.perf_counter()
    wait(call())
    count = max(1, round(least / (time.perf_counter() - began)))
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(count):
            last = call()
        wait(last)
        times.append((time.perf_counter() - began) / count)
    return statistics.median(times)


def matrix_peaks(scale: Scale) -> dict[str, float]:
    """Measure the product of two square matrices in each precision: FLOP/s."""
    peaks = {}
    for precision in ("bfloat16", "float32"):
        kind = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
        x = jax.random.normal(jax.random.key(0), (scale.product, scale.product), kind)

        with matmul_precision(precision):
            product = jax.jit(jnp.matmul).trace(x, x).lower().compile()
        seconds = seconds_of(lambda p=product, x=x: p(x, x), jax.block_until_ready)  # type: ignore[misc]
        peaks[precision] = 2 * scale.product**3 / seconds
    return peaks


Case = tuple[Callable[[Scale, str, bool, str], Program], str, bool, str]


def cases(archs: tuple[str, ...]) -> Iterator[Case]:
    """Go through the programs, the most wanted first."""
    families = [arch for arch in FAMILIES if arch in archs]
    for arch in (*families, *(arch for arch in archs if arch not in families)):
        yield training_program, arch, False, "bfloat16"
        yield inference_program, arch, False, "bfloat16"
    for arch in families:
        yield training_program, arch, False, "float32"
        yield inference_program, arch, False, "float32"
    for arch in families:
        yield training_program, arch, True, "bfloat16"
        yield inference_program, arch, True, "bfloat16"


def _name(case: Case) -> str:
    make, arch, siamese, precision = case
    return f"{'siamese ' if siamese else ''}{arch} {make.__name__.removesuffix('_program')} in {precision}"


def throughput(report: Report, scale: Scale, archs: tuple[str, ...], workers: int) -> None:
    """Print a row a program; they compile side by side, and run one after the other."""
    peaks = matrix_peaks(scale)
    report.say("\n## Throughput\n")
    for precision, peak in peaks.items():
        report.say(f"Product of two {precision} matrices of {scale.product} rows: {peak / 1e12:.1f} TFLOP/s.")
    peers = torch_peers(report, scale, archs)
    report.say(
        "\n| architecture | program | precision | images/s | of the peak | MiB of scratch | PyTorch | ratio |"
    )
    report.say("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    todo = list(cases(archs))
    with ThreadPoolExecutor(workers) as pool:
        ahead: list[Any] = []
        for number, (_, arch, _, precision) in enumerate(todo):
            while len(ahead) < min(len(todo), number + workers):
                maker, *rest = todo[len(ahead)]
                ahead.append(pool.submit(maker, scale, *rest))
            if report.left < 90 and scale is not DRY:
                names = ", ".join(
                    f"{c[1]} {c[0].__name__.removesuffix('_program')} {c[3]}" for c in todo[number:]
                )
                report.say(f"\nNot run for lack of time: {names}.")
                pool.shutdown(wait=False, cancel_futures=True)
                return
            try:
                program = ahead[number].result()
                seconds = seconds_of(program.call, jax.block_until_ready)
            except Exception as error:
                name = _name(todo[number])
                report.failed.append(name)
                report.say(f"| {name} failed: {str(error).splitlines()[0][:200]} | | | | | | | |")
                continue
            finally:
                ahead[number] = None
            rate, share = program.images / seconds, program.flops / seconds / peaks[precision]
            peer = peers.get((arch, program.kind, precision))
            beside = f"{peer:.0f} | {rate / peer:.2f}" if peer else "- | -"
            report.say(
                f"| {arch} | {program.kind} | {precision} | {rate:.0f} | {share:.0%} | "
                f"{program.memory / 2**20:.0f} | {beside} |"
            )


def torch_peers(report: Report, scale: Scale, archs: tuple[str, ...]) -> dict[tuple[str, str, str], float]:
    """Time torchvision's models in a process of their own: channels_last, autocast, torch.compile."""
    asked = [arch for arch in PEERS if arch in archs]
    seconds = min(150.0, report.left / 3)
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-P", __file__, "--torch", ",".join(asked)),
                *("--minutes", f"{seconds / 60}", *(["--dry-run"] if scale is DRY else [])),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=seconds + 30,
        )
        rows = list(csv.reader(done.stdout.splitlines()))
    except subprocess.TimeoutExpired as timeout:
        text = timeout.stdout or b""
        rows = list(csv.reader((text.decode() if isinstance(text, bytes) else text).splitlines()))
    if not rows:
        report.say("PyTorch was skipped: torch, torchvision or its GPU is not there.")
    return {(arch, kind, precision): float(rate) for arch, kind, precision, rate in rows}


def time_torch(archs: list[str], scale: Scale, seconds: float) -> None:
    """Print images a second of torchvision's models as CSV."""
    import torch

    if scale is not DRY and not torch.cuda.is_available():
        return
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    end = time.monotonic() + seconds
    for arch in archs:
        for precision in ("bfloat16", "float32"):
            if time.monotonic() < end:
                for kind, rate in _torch_rates(arch, precision, scale):
                    print(f"{arch},{kind},{precision},{rate}", flush=True)


def _torch_rates(arch: str, precision: str, scale: Scale) -> Iterator[tuple[str, float]]:
    import torch
    import torchvision

    device = "cpu" if scale is DRY else "cuda"
    wait = torch.cpu.synchronize if scale is DRY else torch.cuda.synchronize
    aside = {"init_weights": False} if arch == "inception_v3" else {}
    model = getattr(torchvision.models, PEERS[arch])(num_classes=CLASSES, **aside)
    model = model.to(device, memory_format=torch.channels_last)
    compiled = model if scale is DRY else torch.compile(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4, fused=scale is not DRY)
    lower = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
    targets = torch.arange(scale.training, device=device) % CLASSES

    def batch(count: int) -> Any:
        drawn = torch.rand(count, 3, *2 * [scale.pixels(arch)], device=device)
        return drawn.to(memory_format=torch.channels_last)

    images = batch(scale.training)

    def step() -> None:
        with lower:
            logits = compiled(images)
            logits = logits[0] if isinstance(logits, tuple) else logits
            loss = torch.nn.functional.cross_entropy(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    yield "training", scale.training / seconds_of(step, lambda _: wait())
    model.eval()
    images = batch(scale.inference)

    def predict() -> None:
        with torch.inference_mode(), lower:
            compiled(images)

    yield "inference", scale.inference / seconds_of(predict, lambda _: wait())


def numbers(report: Report, scale: Scale, archs: tuple[str, ...]) -> None:
    """Check logits and steps of one of each family against the CPU's, and bfloat16 against float32."""
    processor = jax.devices("cpu")[0]
    for arch in (arch for arch in FAMILIES if arch in archs):
        images = np.asarray(random_images(scale, arch, 2))
        results = {}
        for name, device, precision in (
            ("cpu", processor, "float32"),
            ("float32", jax.devices()[0], "float32"),
            ("bfloat16", jax.devices()[0], "bfloat16"),
        ):
            with jax.default_device(device):
                # Drawn by numpy: the same arrays on both. A CPU's own lowerings are not for a GPU.
                width = scale.width if arch == "covidnet" else 1.0
                spec = NetworkSpec(arch, width, scale.pixels(arch), CLASSES, False)
                network, variables = create(spec, np.random.default_rng(0), lowering="native")
                forward = forward_function(network, Scaling(0.5, 0.25, precision), read_logits)
                results[name] = np.asarray(forward(variables, jnp.asarray(images)))
        spread = max(float(np.abs(results["cpu"]).max()), 1e-6)
        for name, other, bound in (("float32", "cpu", 1e-3), ("bfloat16", "float32", 0.1)):
            off = float(np.abs(results[name] - results[other]).max()) / spread
            report.check(
                f"{arch}: logits in {name} beside {other}", off < bound, f"off by {off:.1e} of the largest"
            )


def learns(report: Report, scale: Scale) -> None:
    """Check that both precisions learn two plain classes by heart, with losses that are alike."""
    finals = {}
    for precision in ("float32", "bfloat16"):
        network, variables = draw(scale, "resnet50", False)
        images = np.asarray(random_images(scale, "resnet50", 16)) // 2
        images[8:] += 127
        targets, optimizer, settings = jnp.arange(16) // 8, optax.adam(1e-3), StepSettings()
        loss = classification_loss(np.ones(CLASSES, np.float32), 0.0)
        step = train_step(network, Scaling(0.5, 0.25, precision), loss, optimizer, settings)
        state: TrainState = new_state(variables, optimizer, settings)
        losses = []
        for number in range(12):
            key = jax.random.fold_in(jax.random.key(0), number)
            state, value = step(state, jnp.asarray(images), targets, jnp.ones(16, bool), key)
            losses.append(float(value))
        finals[precision] = losses
        report.check(
            f"resnet50 learns in {precision}",
            bool(np.isfinite(losses).all()) and losses[-1] < losses[0] / 2,
            f"loss {losses[0]:.3f} to {losses[-1]:.3f} in 12 steps",
        )


def data_path(report: Report, scale: Scale) -> None:
    """Compare training from resident images, many steps a dispatch, with training from streamed ones."""
    arch, steps = "covidnet", 8
    pixels = np.asarray(random_images(scale, arch, steps * scale.training))
    rows = np.random.default_rng(2).permutation(len(pixels)).reshape(steps, scale.training)
    plan = EpochPlan(rows, rows % CLASSES, np.ones(rows.shape, bool))
    keys = jax.random.split(jax.random.key(0), steps)
    network, variables = draw(scale, arch, siamese=False)
    loss, optimizer = classification_loss(np.ones(CLASSES, np.float32), 0.0), optax.adam(1e-4)
    finals, rates = {}, {}
    for name, kept in (("resident", True), ("streamed", False)):
        step = train_step(network, Scaling(0.5, 0.25, "float32"), loss, optimizer, StepSettings())
        feed = feed_of(step, image_source(pixels, resident=kept))
        for turn in range(2):  # the first one compiles
            state = new_state(jax.tree.map(jnp.array, variables), optimizer, StepSettings())
            began = time.perf_counter()
            with feed(plan, keys, 0) as run:
                state, _ = run(state, steps)
            jax.block_until_ready(state)
            rates[name] = turn and rows.size / (time.perf_counter() - began)
        finals[name] = jax.device_get(state.variables.params)
    off = max(jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(a - b).max()), *finals.values())))
    shown = ", ".join(f"{name} {rate:.0f} images/s" for name, rate in rates.items())
    # Adam moves a weight by 1e-4 a step, whatever the size of its gradient.
    report.check(
        "resident and streamed images train alike", off < 2e-4 * steps, f"{shown}; weights off by {off:.0e}"
    )


def command_line(report: Report, scale: Scale) -> None:
    """Check the commands: a stopped run ends as an undisturbed one, then test and Grad-CAM."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def cxr(*arguments: str, expect: tuple[int, ...] = (0,)) -> str:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "cxr_cli", *arguments],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            )
            if done.returncode not in expect:
                raise RuntimeError(f"cxr {' '.join(arguments)}: {done.returncode}\n{done.stderr[-2000:]}")
            return done.stderr

        side = str(scale.size)
        cxr("phantom", "-o", "raw", "--count", "60", "--size", side)
        cxr("preprocess", "raw", "--labels", "raw/labels.csv", "-o", "dataset", "--size", side)
        cxr("split", "dataset", "-o", "split.csv")
        train = [
            "train",
            "dataset",
            "--split",
            "split.csv",
            "--epochs",
            str(scale.epochs),
            "--width",
            str(scale.width),
        ]
        cxr(*train, "-o", "whole")
        stopped = _train_with_interruption([*train, "-o", "stopped"], folder)
        cxr(*train, "-o", "stopped")
        whole, again = (_losses(folder / run / "history.csv") for run in ("whole", "stopped"))
        off = float(np.abs(np.array(whole) - np.array(again)).max()) if len(whole) == len(again) else np.inf
        report.check(
            "a run that was stopped ends as one that was not",
            off < 0.02,
            f"{stopped}; losses off by {off:.1e}",
        )
        cxr("test", "whole")
        report.check("cxr test", (folder / "whole" / "predictions.csv").exists(), "predictions.csv")
        cxr("gradcam", "whole", "-o", "maps", "--count", "4")
        overlays = list((folder / "maps").rglob("*.png"))
        report.check("cxr gradcam", len(overlays) >= 4, f"{len(overlays)} figures")


def _train_with_interruption(arguments: list[str], folder: Path) -> str:
    """Train until the first epoch is over, and ask it to stop."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cxr_cli", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert process.stderr
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()
    return f"stopped with {process.wait()} after epoch 1"


def _losses(history: Path) -> list[float]:
    with history.open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", action="append", choices=ARCH_NAMES, help="only these; repeatable")
    parser.add_argument("--minutes", type=float, default=8.5, help="how long all may last")
    parser.add_argument(
        "--workers", type=int, default=min(8, os.cpu_count() or 1), help="programs compiled at once"
    )
    parser.add_argument("--dry-run", action="store_true", help="small, on any device: does the script work?")
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    options = parser.parse_args()
    scale = DRY if options.dry_run else Scale()
    if options.torch is not None:
        time_torch([name for name in options.torch.split(",") if name], scale, 60 * options.minutes)
        return
    device = jax.devices()[0]
    if device.platform == "cpu" and not options.dry_run:
        raise SystemExit(
            "no GPU: jax sees the CPU alone (`pip install '.[gpu]'`); --dry-run tries the script"
        )
    report = Report(60 * options.minutes)
    archs = tuple(options.arch or ARCH_NAMES)
    report.say("# cxr on a GPU\n")
    report.say(
        f"{date.today()}, {device.device_kind}, jax {jax.__version__}, Python {platform.python_version()}."
    )
    report.say("\n## Checks\n\n| check | result | seen |\n| --- | --- | --- |")
    for part in (numbers, learns, data_path, command_line):
        try:
            part(report, scale, archs) if part is numbers else part(report, scale)  # type: ignore[operator]
        except Exception as error:
            report.check(
                part.__name__, False, f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " ")
            )
    throughput(report, scale, archs, options.workers)
    report.say(
        f"\n{len(report.failed)} checks failed{': ' if report.failed else ''}{'; '.join(report.failed)}."
    )
    sys.exit(bool(report.failed))


if __name__ == "__main__":
    main()
