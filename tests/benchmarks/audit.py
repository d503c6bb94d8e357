"""How often `cxr audit` is right on phantoms: `python tests/benchmarks/audit.py --seeds 100:112`.

With OMP_NUM_THREADS=1 it takes half a minute of CPU a seed and model.

For each seed 300 phantoms are drawn twice, without a shortcut and with a marker planted in a corner of 90%
of the images of one class, and two models are trained on each: a narrow COVID-Net, which learns little but
the marker, and a logistic regression on ImageNet features (needs the extra `pretrained`), which learns the
findings. Counted are the audits that name the marked class, and those that name anything where nothing was
planted; intervals are Wilson's.
"""

import argparse
import contextlib
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

IMAGES = 300
DRAWN_SIZE = 96
SIZE = 64
MARKED = "covid19"
NETWORKS: dict[str, tuple[object, ...]] = {
    "narrow": ("--width", 0.125, "--epochs", 12, "--lr", "1e-3"),
    "pretrained": ("--recipe", "small-data", "--arch", "efficientnet_lite0_mid"),
}
"""Options of `cxr train`."""


def cxr(*argv: object) -> str:
    """Run a command line in this process; return what it writes to stdout."""
    from cxr_cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as talk:
        code = main([str(argument) for argument in argv])
    if code:
        raise SystemExit(f"cxr {argv[0]}: exit code {code}\n{talk.getvalue()}")
    return out.getvalue()


def audits(
    folder: Path, seed: int, shortcut: float, networks: list[str]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Draw phantoms, train each model on them, and give its name and what the audit reports."""
    marker = ("--shortcut", shortcut, "--shortcut-class", MARKED)
    size = ("--count", IMAGES, "--size", DRAWN_SIZE)
    images, split = folder / "images", folder / "split.csv"
    cxr("phantom", "-o", folder / "phantoms", "--seed", seed, "--workers", 1, *size, *marker)
    cxr("preprocess", folder / "phantoms" / "images", "-o", images, "--size", SIZE, "--workers", 1)
    cxr("split", images, "-o", split, "--seed", seed)
    for network in networks:
        run = folder / network
        cxr("train", images, "--split", split, "-o", run, "--seed", seed, *NETWORKS[network])
        cxr("audit", run)
        yield network, json.loads((run / "audit.json").read_text())


def rate(hits: int, trials: int) -> str:
    """Write hits of trials with Wilson's 95% interval."""
    from scipy.stats import binomtest

    low, high = binomtest(hits, trials).proportion_ci(method="wilson")
    return f"{hits} of {trials} ({low:.2f}-{high:.2f})"


def main() -> None:
    """Print a line an audit, and the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="100:112", help="from:to, the last not included")
    parser.add_argument("--shortcut", type=float, default=0.9, help="share of the class that is marked")
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    options = parser.parse_args()
    import jax

    named: Counter[tuple[str, float, str]] = Counter()
    seeds = range(*map(int, options.seeds.split(":")))
    with tempfile.TemporaryDirectory() as place:
        jax.config.update("jax_compilation_cache_dir", f"{place}/compiled")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        for seed in seeds:
            for shortcut in (0.0, options.shortcut):
                began = time.perf_counter()
                for network, report in audits(
                    Path(place) / f"{seed}-{shortcut}", seed, shortcut, options.models
                ):
                    reported = {
                        finding["section"]
                        for finding in report["findings"]
                        if not shortcut or finding["label"] in (MARKED, None)
                    }
                    named.update((network, shortcut, section) for section in reported)
                    figures = {
                        section: {
                            region: round(of["per_class"][MARKED]["value"], 3)
                            for region, of in report[section]["regions"].items()
                        }
                        for section in ("occlusion", "refitted")
                    }
                    print(seed, shortcut, network, sorted(reported), figures, flush=True)
                print(f"{time.perf_counter() - began:.0f} s", flush=True)
    for network in options.models:
        for shortcut in (0.0, options.shortcut):
            for section in ("occlusion", "refitted", "association", "leaks"):
                print(
                    f"{network:12}{shortcut:5}  {section:12}"
                    f"{rate(named[network, shortcut, section], len(seeds))}"
                )


if __name__ == "__main__":
    main()
