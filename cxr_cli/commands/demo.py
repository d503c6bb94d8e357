"""`cxr demo`: phantoms through the whole chain, by the commands that a user would type."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say, show
from cxr_cli.errors import CxrError

# Small enough for three minutes on two cores.
IMAGES = 600
DRAWN_SIZE = 128
SIZE = 64
WIDTH = 0.25
LEARNING_RATE = 3e-4
SINGLE_EPOCHS = 30
SIAMESE_EPOCHS = 16
BATCH_OF_IMAGES = 30
PAIRS = 5000
TRIALS = 99
EXPLAINED_IMAGES = 10
NEW_IMAGES = 12
POSITIVE = "pneumonia"
EXPLAINED_LAYER = "stage3"  # of 4 x 4; the last map of images so small is 2 x 2


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for phantoms, dataset and runs.")
    ] = Path("cxr-demo"),
    seed: options.Seed = 0,
) -> None:
    """Run every stage on synthetic radiographs.

    Checks the installation, and is an example to follow: each command is printed before it runs.
    """
    for stage in _stages(output, seed):
        _run(stage)
    from cxr_cli.evaluation.report import format_metric
    from cxr_cli.prediction.metrics_file import read_metrics

    single, siamese = (
        format_metric(read_metrics(output / run / "metrics.json")["accuracy"])
        for run in ("single", "siamese")
    )
    show(
        "\nFinal test accuracy, phantom images of patients that neither model was trained on (chance: 0.333)"
    )
    show(f"  siamese  {siamese}")
    show(f"  single   {single}")
    say("")
    say(
        "Phantoms are drawings: performance on them says nothing about patients. "
        f"Open {output / 'single' / 'report.html'} in a browser."
    )


def _stages(output: Path, seed: int) -> list[list[object]]:
    """List the command lines of the chain, in order."""
    phantoms, dataset, split = output / "phantoms", output / "dataset", output / "split.csv"
    single, siamese, new = output / "single", output / "siamese", output / "new"
    images: list[object] = [dataset, "--split", split]
    network = ["--width", WIDTH, "--lr", f"{LEARNING_RATE:g}", "--seed", seed]
    pairing = ["--pairing", "in-batch", "--batch-size", BATCH_OF_IMAGES, "--pairs", PAIRS]
    looking = ["--layer", EXPLAINED_LAYER, "--count", EXPLAINED_IMAGES, "--seed", seed]
    comparing = ["--recipe", "siamese", "--epochs", SIAMESE_EPOCHS, *pairing]
    return [
        ["phantom", "-o", phantoms, "--count", IMAGES, "--size", DRAWN_SIZE, "--seed", seed],
        ["preprocess", phantoms / "images", "-o", dataset, "--size", SIZE],
        ["split", dataset, "-o", split, "--seed", seed],
        ["describe", *images],
        ["train", *images, "-o", single, "--epochs", SINGLE_EPOCHS, *network],
        ["test", single],
        ["train", *images, "-o", siamese, *comparing, *network],
        ["validate3way", siamese, "--trials", TRIALS, "--repeats", 5],
        ["template", siamese],
        ["test", siamese],
        ["compare", single, siamese, "-o", output / "comparison"],
        ["stratify", single / "predictions.csv", "--by", "manufacturer", "--positive", POSITIVE],
        ["gradcam", single, "--beside", siamese, "-o", single / "gradcam", *looking],
        ["audit", single],
        ["phantom", "-o", new, "--count", NEW_IMAGES, "--size", DRAWN_SIZE, "--seed", seed + 1],
        ["predict", single, new / "images", "-o", output / "new-scores.csv"],
        ["report", single],
    ]


def _run(stage: list[object]) -> None:
    """Show a command line and run it in a process of its own, as the user's shell would."""
    # Here, not above: every `cxr --help` would pay for them.
    import shlex
    import subprocess

    arguments = [str(argument) for argument in stage]
    say("")
    say(f"$ cxr {shlex.join(arguments)}")
    # -P keeps the working directory off the import path, as it is for the console script.
    done = subprocess.run([sys.executable, "-P", "-m", "cxr_cli", *arguments], check=False)
    if done.returncode:
        raise StageFailed(arguments[0], done.returncode)


class StageFailed(CxrError):
    """A stage of the demo failed; its own message stands above."""

    def __init__(self, command: str, code: int) -> None:
        """Take over the exit code of the stage."""
        super().__init__(f"demo: `cxr {command}` ended with exit code {code}")
        self.exit_code = code
