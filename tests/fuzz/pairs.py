"""Run two of every command at once, and look at how they end and at what they leave.

    python tests/fuzz/pairs.py WORK [--times 20] [--only train] [--seed 0]

makes the study of `stages.py` in WORK, unless it is there. Two of the same command begin in the same folder,
the second up to the command's duration later. Each is to end with 0, or be refused with code 3 in one line
that names the process at work there; one at least is to end with 0. Then what is there is to be what one
alone leaves. Some run beside another command, too, that writes what they read.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from stages import STAGES, Stage, Study, preload, print_outcomes, start

REFUSED = "is writing there; wait until it ends"
BESIDE = {
    "test": "train",
    "predict": "train",
    "template": "siamese",
    "report": "test",
    "validate3way": "siamese",
}
"""Commands that read what another one writes, which may begin again beside them."""


def pair(study: Study, stage: Stage, other: Stage, chance: random.Random) -> str:
    """Run a stage, and another one that writes what the first reads or writes; return what came of it."""
    study.restore(stage)
    first = start(other.words, study.here)
    time.sleep(chance.uniform(0, study.seconds(other)) * chance.choice((0, 0, 0.3, 1)))
    second = start(stage.words, study.here)
    ends = [command.finish() for command in (first, second)]
    for code, _, err in ends:
        lines = [line for line in err.splitlines() if line.startswith("cxr: ")]
        refused = code == 3 and len(lines) == 1 and REFUSED in lines[0]
        if (code and not refused) or "Traceback" in err:
            return f"FAILED: code {code}\n{err[-2000:]}"
    codes = [code for code, _, _ in ends]
    if 0 not in codes:
        return "FAILED: both were refused"
    if codes[1]:  # of another command the result is not there yet
        code, _, err = start(stage.words, study.here).finish()
        if code:
            return f"FAILED: again: code {code}\n{err[-2000:]}"
    if unlike := study.differences(stage):
        return f"FAILED: {'; '.join(unlike)}"
    return {(0, 0): "both ended", (0, 3): "the second was refused", (3, 0): "the first was refused"}[
        (codes[0], codes[1])
    ]


def run() -> None:
    """Run the pairs and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[stage.name for stage in STAGES])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    preload()
    study = Study(asked.work.resolve())
    study.make()
    by_name = {stage.name: stage for stage in STAGES}
    chance, failures = random.Random(asked.seed), 0
    for name in asked.only:
        stage = by_name[name]
        for other in (stage, *([by_name[BESIDE[name]]] if name in BESIDE else ())):
            outcomes = [pair(study, stage, other, chance) for _ in range(asked.times)]
            failures += print_outcomes(f"{other.name:12} and {stage.name:13}", outcomes)
    print(f"{failures} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    run()
