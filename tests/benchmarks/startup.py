"""CPU time of `cxr --help` and `cxr COMMAND --help`: `python tests/benchmarks/startup.py [COMMAND...]`.

The ratio to `python -c "import typer"`: the two take turns, pair after pair; a row has the median of each and
the median of the ratios within pairs.
"""

import resource
import statistics
import subprocess
import sys

from cxr_cli.main import COMMANDS

PAIRS = 25


def cpu_seconds(*arguments: str) -> float:
    """Run Python with these arguments, and return the CPU seconds of its process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # -P keeps the working directory off the import path, as it is for the console script.
    subprocess.run([sys.executable, "-P", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(commands: list[str]) -> None:
    """Print a row for the program and for each of the commands."""
    print("| command | CPU s | import typer, CPU s | ratio |\n| --- | --- | --- | --- |")
    for command in ["", *commands]:
        words = [*filter(None, [command]), "--help"]
        helps, typers = [], []
        for _ in range(PAIRS):
            helps.append(cpu_seconds("-m", "cxr_cli", *words))
            typers.append(cpu_seconds("-c", "import typer"))
        ratio = statistics.median(a / b for a, b in zip(helps, typers, strict=True))
        name = " ".join(["cxr", *words])
        print(
            f"| `{name}` | {statistics.median(helps):.3f} | {statistics.median(typers):.3f} | {ratio:.2f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:] or list(COMMANDS))
