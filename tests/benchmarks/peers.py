"""Images a second beside Keras, PyTorch and ONNX Runtime: `python tests/benchmarks/peers.py resnet50`.

Each program is a process of its own, which builds and compiles before the first turn. Then they take turns
of a few steps, round after round, each alone: the others are stopped (SIGSTOP), for idle threads may spin.
Rows give medians over rounds, ratios are medians of the ratios within rounds. Training is forward, backward
and update of a batch of gray uint8 images in float32; inference is from uint8 to logits, in evaluation mode.
What is not installed is skipped by name: `pip install cxr-cli[peers]` brings all.

torchvision's and timm's networks have a first convolution of one channel here, for equal work.
"""

import argparse
import importlib
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import numpy as np

Pass = Literal["training", "inference"]
Step = Callable[[], Any]
"""One step on one batch, which returns when all is computed."""

CLASSES = 3
MEAN, STD = 0.5, 0.25
PRODUCT = 2048
"""Rows and columns of the float32 matrices whose product is the measure of the machine."""


@dataclass(frozen=True)
class Row:
    """A network and its work.

    Attributes:
        arch: our name.
        batch: images of a step, or pairs of a siamese network.
        size: of an image, in pixels.
        siamese: training on pairs.
    """

    arch: str
    batch: int
    size: int = 224
    siamese: bool = False

    @property
    def images(self) -> int:
        """Return how many images pass through the network in a step."""
        return 2 * self.batch if self.siamese else self.batch

    @property
    def adam(self) -> bool:
        """Return whether it is trained by Adam (rate 1e-4), else by SGD with momentum (1e-3)."""
        return self.arch == "covidnet"

    def pixels(self) -> Any:
        """Draw a batch, uint8 [B,H,W]."""
        return np.random.default_rng(0).integers(0, 256, (self.images, self.size, self.size), np.uint8)

    def targets(self) -> Any:
        """Return class numbers, or whether pairs differ, int64 [batch]."""
        return np.arange(self.batch) % (2 if self.siamese else CLASSES)


ROWS = {
    "covidnet": Row("covidnet", 16),
    "covidnet-siamese": Row("covidnet", 32, siamese=True),
    "resnet50": Row("resnet50", 8),
    "resnext101_32x8d": Row("resnext101_32x8d", 8),
    "densenet161": Row("densenet161", 8),
    "inception_v3": Row("inception_v3", 8, 299),
    "efficientnet_lite0": Row("efficientnet_lite0", 8),
}


def ours(row: Row, what: Pass) -> Step:
    """Build `cxr`'s own training step or forward pass."""
    import jax
    import jax.numpy as jnp
    import optax

    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import create
    from cxr_cli.prediction.forward import Scaling, forward_function, read_logits, read_vectors
    from cxr_cli.training.classification import classification_loss
    from cxr_cli.training.siamese import pair_loss
    from cxr_cli.training.step import StepSettings, new_state, train_step

    spec = NetworkSpec(row.arch, 1.0, row.size, CLASSES, row.siamese)
    network, variables = create(spec, np.random.default_rng(0))
    scaling = Scaling(MEAN, STD, "float32")
    images = jnp.asarray(row.pixels())
    if what == "inference":
        forward = forward_function(network, scaling, read_vectors if row.siamese else read_logits)
        return lambda: forward(variables, images).block_until_ready()
    loss = pair_loss if row.siamese else classification_loss(np.ones(CLASSES, np.float32), 0.0)
    optimizer = optax.adam(1e-4) if row.adam else optax.sgd(1e-3, momentum=0.9)
    step = train_step(network, scaling, loss, optimizer, StepSettings())
    state = new_state(variables, optimizer, StepSettings())
    targets, counted = jnp.asarray(row.targets()), jnp.ones(row.batch, bool)

    def train() -> None:
        nonlocal state
        state, answers = step(state, images, targets, counted, jax.random.key(0))
        jax.block_until_ready((state, answers))

    return train


def keras(row: Row, what: Pass) -> Step:
    """Build Keras's `train_on_batch` or `predict_on_batch` on TensorFlow."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    importlib.import_module("tensorflow")
    import keras

    pixels = row.pixels()[..., None]
    image = keras.Input((row.size, row.size, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255 / STD, -MEAN / STD)(image)
    if row.arch == "covidnet":
        network = keras.Model(image, _keras_covidnet(x, None if row.siamese else CLASSES))
    elif row.arch == "resnet50" or (row.arch == "inception_v3" and what == "inference"):
        application = {"resnet50": "ResNet50", "inception_v3": "InceptionV3"}[row.arch]
        network = keras.Model(
            image,
            getattr(keras.applications, application)(
                weights=None, input_shape=x.shape[1:], classes=CLASSES, classifier_activation=None
            )(x),
        )
    else:
        raise NotImplementedError(f"Keras has no {row.arch} that does the same work")
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if row.siamese:
        first, second = (keras.Input((row.size, row.size, 1), dtype="uint8") for _ in range(2))
        distance = keras.ops.abs(network(first) - network(second))
        network = keras.Model([first, second], keras.layers.Dense(1)(distance))
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        pixels = [pixels[::2], pixels[1::2]]
    if what == "inference":
        return lambda: network.predict_on_batch(pixels)
    network.compile(keras.optimizers.Adam(1e-4) if row.adam else keras.optimizers.SGD(1e-3, 0.9), loss)
    return lambda: network.train_on_batch(pixels, row.targets())


def _keras_covidnet(x: Any, classes: int | None) -> Any:
    from keras import layers

    def conv(x: Any, channels: int, kernel: int = 1, stride: int = 1) -> Any:
        return layers.Conv2D(channels, kernel, stride, padding="same", activation="relu")(x)

    def pepx(x: Any, channels: int) -> Any:
        wide = x.shape[-1]
        x = conv(conv(x, wide // 2), 3 * wide // 4)
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
        return conv(conv(x, wide // 2), channels)

    x = conv(x, 64, 7, 2)
    for channels, depth in ((128, 3), (256, 4), (512, 6), (1024, 3)):
        x = layers.MaxPooling2D()(conv(x, channels)) + layers.MaxPooling2D()(pepx(x, channels))
        for _ in range(depth - 1):
            x = x + pepx(x, channels)
    x = layers.Flatten()(x)
    for before, units in ((0.5, 1024), (0.2, 256)):
        x = layers.Dense(units, activation="relu")(layers.Dropout(before)(x))
    x = layers.Dropout(0.2)(x)
    return x if classes is None else layers.Dense(classes)(x)


def torch_contiguous(row: Row, what: Pass) -> Step:
    """Build PyTorch's step with images channel by channel."""
    return _torch(row, what, channels_last=False)


def torch_channels_last(row: Row, what: Pass) -> Step:
    """Build PyTorch's step with a pixel's channels side by side."""
    return _torch(row, what, channels_last=True)


def torch_compile(row: Row, what: Pass) -> Step:
    """Build what `torch.compile` makes of the forward pass."""
    import torch

    if what == "training":
        raise NotImplementedError("torch.compile is measured in inference alone")
    network, pixels = _torch_network(row).eval(), torch.from_numpy(row.pixels())
    compiled = torch.compile(_TorchFromPixels.of(network))

    def forward() -> Any:
        with torch.inference_mode():
            return compiled(pixels)

    return forward


def onnxruntime(row: Row, what: Pass) -> Step:
    """Build ONNX Runtime's session of PyTorch's network."""
    if what == "training":
        raise NotImplementedError("ONNX Runtime is measured in inference alone")
    import io

    import onnxruntime
    import torch

    file, pixels = io.BytesIO(), row.pixels()
    importlib.import_module("onnx")
    module = _TorchFromPixels.of(_torch_network(row).eval())
    torch.onnx.export(module, (torch.from_numpy(pixels),), file, dynamo=False, input_names=["pixels"])
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"pixels": pixels})


class _TorchFromPixels:
    """A torch module from uint8 [B,H,W] to what a network makes of normalized images [B,1,H,W]."""

    @staticmethod
    def of(network: Any) -> Any:
        from torch import Tensor, nn

        class FromPixels(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, pixels: Tensor) -> Any:
                return self.network(((pixels.float() / 255 - MEAN) / STD)[:, None])

        return FromPixels()


def _torch(row: Row, what: Pass, *, channels_last: bool) -> Step:
    import torch
    from torch.nn import functional

    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = _torch_network(row).to(memory_format=layout)
    pixels, targets = torch.from_numpy(row.pixels()), torch.from_numpy(row.targets())

    def answers() -> Any:
        return network(((pixels.float() / 255 - MEAN) / STD)[:, None].contiguous(memory_format=layout))

    def infer() -> Any:
        with torch.inference_mode():
            return answers()

    if what == "inference":
        network.eval()
        return infer
    optimizer = (
        torch.optim.Adam(network.parameters(), 1e-4, fused=True)
        if row.adam
        else torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9, fused=True)
    )
    network.train()

    def train() -> float:
        optimizer.zero_grad()
        found = answers()
        if row.siamese:
            loss = functional.binary_cross_entropy_with_logits(found, targets.float())
        elif row.arch == "inception_v3":
            last, auxiliary = (functional.cross_entropy(logits, targets) for logits in found)
            loss = last + 0.4 * auxiliary
        else:
            loss = functional.cross_entropy(found, targets)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return train


OPERATORS: list[Any] = []
"""Declarations that last as long as they are kept."""


def _declare_operators() -> None:
    """Let torchvision be imported beside a torch that its library is not for; no network needs it."""
    from torch.library import Library

    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        OPERATORS.append(Library("torchvision", "FRAGMENT"))
        for operator in ("nms", "qnms"):
            OPERATORS[-1].define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")


def _torch_network(row: Row) -> Any:
    from torch import nn

    if row.arch == "covidnet":
        return _torch_covidnet(row.siamese)
    if row.arch == "efficientnet_lite0":
        _declare_operators()
        import timm

        return timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES, in_chans=1)
    _declare_operators()
    from torchvision import models

    settings = {"init_weights": False} if row.arch == "inception_v3" else {}
    network = getattr(models, row.arch)(num_classes=CLASSES, **settings)
    place, name = {
        "inception_v3": (getattr(network, "Conv2d_1a_3x3", None), "conv"),
        "densenet161": (getattr(network, "features", None), "conv0"),
    }.get(row.arch, (network, "conv1"))
    color = getattr(place, name)
    gray = nn.Conv2d(
        1, color.out_channels, color.kernel_size, color.stride, color.padding, bias=color.bias is not None
    )
    setattr(place, name, gray)
    if row.arch == "inception_v3":
        network.transform_input = False
    return network


def _torch_covidnet(siamese: bool) -> Any:
    from torch import Tensor, nn
    from torch.nn.functional import max_pool2d

    def conv(channels_in: int, channels_out: int, kernel: int = 1, **how: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, **how), nn.ReLU()
        )

    def pepx(channels_in: int, channels_out: int) -> Any:
        narrow, wide = channels_in // 2, 3 * channels_in // 4
        return nn.Sequential(
            conv(channels_in, narrow),
            conv(narrow, wide),
            conv(wide, wide, 3, groups=wide),
            conv(wide, narrow),
            conv(narrow, channels_out),
        )

    class Stage(nn.Module):
        def __init__(self, channels_in: int, channels_out: int, depth: int) -> None:
            super().__init__()
            self.skip, self.first = conv(channels_in, channels_out), pepx(channels_in, channels_out)
            self.later = nn.ModuleList(pepx(channels_out, channels_out) for _ in range(depth - 1))

        def forward(self, x: Tensor) -> Any:
            total = max_pool2d(self.skip(x), 2) + max_pool2d(self.first(x), 2)
            for module in self.later:
                total = total + module(total)
            return total

    class Siamese(nn.Module):
        def __init__(self, backbone: Any) -> None:
            super().__init__()
            self.backbone, self.distance = backbone, nn.Linear(256, 1)

        def forward(self, x: Tensor) -> Any:
            vectors = self.backbone(x)
            return self.distance((vectors[::2] - vectors[1::2]).abs())[:, 0]

    channels = (64, 128, 256, 512, 1024)
    stages = (Stage(*ends, depth) for ends, depth in zip(pairwise(channels), (3, 4, 6, 3), strict=True))
    backbone = nn.Sequential(
        conv(1, 64, 7, stride=2),
        *stages,
        nn.Flatten(),
        *(nn.Dropout(0.5), nn.Linear(7 * 7 * 1024, 1024), nn.ReLU()),
        *(nn.Dropout(0.2), nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(0.2)),
    )
    return Siamese(backbone) if siamese else nn.Sequential(backbone, nn.Linear(256, CLASSES))


PROGRAMS: dict[str, Callable[[Row, Pass], Step]] = {
    "cxr": ours,
    "keras": keras,
    "torch": torch_contiguous,
    "torch-channels-last": torch_channels_last,
    "torch-compile": torch_compile,
    "onnxruntime": onnxruntime,
}


def gflop(row: Row) -> float:
    """Return the work of an image's forward pass as XLA counts it; training is taken as three times that."""
    import jax
    import jax.numpy as jnp

    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import backbone_of, outline

    network, shapes = outline(NetworkSpec(row.arch, 1.0, row.size, CLASSES, row.siamese), "native")
    image = jax.ShapeDtypeStruct((1, row.size, row.size, 1), jnp.float32)

    def vector(variables: Any, x: Any) -> Any:
        backbone = backbone_of(network.bind(variables))
        return backbone.embedding(backbone.features(x))

    cost: Any = jax.jit(vector).lower(shapes, image).cost_analysis()
    return float(cost["flops"]) / 1e9


def work(program: str, row: Row, what: Pass) -> None:
    """Take turns: a line with a number of steps on stdin, a line of JSON on stdout."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print
    try:
        step = PROGRAMS[program](row, what)
    except (ImportError, NotImplementedError) as error:
        print(json.dumps({"skipped": str(error)}), file=answers)
        return
    step()
    step()
    print(json.dumps({}), file=answers)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        # Linux gives kibibytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"wall": wall, "cpu": cpu, "peak_gib": peak}), file=answers)


@contextmanager
def worker(program: str, name: str, what: Pass) -> Iterator[subprocess.Popen[str] | None]:
    """Start a program and wait until it has compiled; None where it is skipped."""
    environment = {**os.environ}
    if program not in PROGRAMS:  # a checkout
        environment["PYTHONPATH"], program = program, "cxr"
    command = [sys.executable, __file__, name, "--worker", program, "--passes", what]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        answer = process.stdout.readline()
        if not answer:
            raise SystemExit(f"{program}: failed\n{process.communicate()[1]}")
        process.send_signal(signal.SIGSTOP)
        skipped = json.loads(answer).get("skipped")
        if skipped:
            print(f"{program}: skipped, {skipped}", file=sys.stderr)
        yield None if skipped else process
    finally:
        process.kill()
        process.communicate()


def turn(process: subprocess.Popen[str], steps: int) -> dict[str, float]:
    """Let a program take some steps, and stop it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.send_signal(signal.SIGCONT)
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    result: dict[str, float] = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGSTOP)
    return result


def product_gflops() -> float:
    """Measure the product of two float32 matrices: the best of ten, GFLOP a second."""
    x = np.random.default_rng(0).standard_normal((PRODUCT, PRODUCT), np.float32)
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        x @ x
        seconds.append(time.perf_counter() - began)
    return 2 * PRODUCT**3 / min(seconds) / 1e9


COLUMNS = (
    "network",
    "pass",
    "program",
    "images a second",
    "cxr / program",
    "CPU s an image",
    "GFLOP/s",
    "share of the matrix product",
    "peak GiB",
)


def measure(name: str, what: Pass, programs: Sequence[str], steps: int, rounds: int) -> None:
    """Print the rows of one network and pass."""
    row = ROWS[name]
    with ExitStack() as running:
        started = {program: running.enter_context(worker(program, name, what)) for program in programs}
        workers = {program: process for program, process in started.items() if process is not None}
        peaks, turns = [product_gflops()], []
        for _ in range(rounds):
            turns.append({program: turn(process, steps) for program, process in workers.items()})
            peaks.append(product_gflops())
    each = gflop(row) * (3 if what == "training" else 1)
    images = steps * row.images

    def over_rounds(of: Callable[[dict[str, dict[str, float]]], float]) -> float:
        return statistics.median(map(of, turns))

    speeds = {}
    for program in workers:
        speeds[program] = over_rounds(lambda results, of=program: images / results[of]["wall"])  # type: ignore[misc]
        cpu = over_rounds(lambda results, of=program: results[of]["cpu"] / images)  # type: ignore[misc]
        ratio = "-"
        if "cxr" in workers and program != "cxr":
            found = over_rounds(lambda results, of=program: results[of]["wall"] / results["cxr"]["wall"])  # type: ignore[misc]
            ratio = f"{found:.2f}"
        share = speeds[program] * each / statistics.median(peaks)
        peak_gib = max(results[program]["peak_gib"] for results in turns)
        print(
            f"| {name} | {what} | {program} | {speeds[program]:.2f} | {ratio} | {cpu:.3f} "
            f"| {speeds[program] * each:.0f} | {share:.2f} | {peak_gib:.1f} |",
            flush=True,
        )
    peers = {program: speed for program, speed in speeds.items() if program in PROGRAMS and program != "cxr"}
    if "cxr" in speeds and peers:
        best = max(peers, key=peers.__getitem__)
        ratio = over_rounds(lambda results: results[best]["wall"] / results["cxr"]["wall"])
        print(
            f"{name}, {what}: {ratio:.2f} x the best peer ({best}); matrix product "
            f"{statistics.median(peaks):.0f} GFLOP/s",
            file=sys.stderr,
        )


def main() -> None:
    """Print a table of rows, or be one of its programs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="networks; all if none is named")
    parser.add_argument("--passes", nargs="+", choices=["training", "inference"])
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--beside", metavar="FOLDER", help="another checkout of cxr, as a program more")
    parser.add_argument("--steps", type=int, default=2, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", choices=PROGRAMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, ROWS[options.rows[0]], options.passes[0])
        return
    programs = [*options.programs, *filter(None, [options.beside])]
    print(f"{date.today()}, {platform.platform()}, {os.cpu_count()} cores", file=sys.stderr)
    print("| " + " | ".join(COLUMNS) + " |")
    print("| --- " * len(COLUMNS) + "|")
    for name in options.rows or ROWS:
        for what in options.passes or ("training", "inference"):
            measure(name, what, programs, options.steps, options.rounds)


if __name__ == "__main__":
    main()
