"""Damage the files that `cxr` wrote, and look at what the commands that read them say.

    python tests/fuzz/artifacts.py STUDY --edits 500 --seed 1

makes a small study in STUDY, unless it is there, and then damages one file at a time in a copy of it. Every
outcome but a result or one line with code 2 or 3 is a failure. Edits that pass unnoticed are counted by file:
they are right where the file is the user's to edit, such as a column of characteristics.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import random
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.main import main

TRAIN = ("--arch", "covidnet", "--width", "0.125", "--batch-size", "8", "--epochs", "2")

STUDY: tuple[tuple[str, ...], ...] = (
    ("phantom", "-o", "raw", "--count", "60", "--size", "64", "--workers", "1"),
    ("preprocess", "raw", "--labels", "raw/labels.csv", "-o", "dataset", "--size", "32", "--workers", "1"),
    ("split", "dataset", "-o", "split.csv"),
    ("split", "dataset", "-o", "folds.csv", "--folds", "3"),
    ("train", "dataset", "--split", "split.csv", "-o", "run", *TRAIN),
    ("test", "run"),
    ("audit", "run"),
    ("gradcam", "run", "-o", "run/gradcam", "--count", "2"),
    ("train", "dataset", "--split", "split.csv", "-o", "siamese", "--recipe", "siamese", *TRAIN),
    ("template", "siamese"),
    ("crossval", "dataset", "--split", "folds.csv", "-o", "cv", *TRAIN),
)
"""The commands that make the study."""

REPORT = ("report", "run", "--dataset", "dataset", "--split", "split.csv")
READERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "dataset/": (
        ("describe", "dataset", "--split", "split.csv"),
        ("split", "dataset", "-o", "new.csv"),
        REPORT,
    ),
    "split": (
        ("describe", "dataset", "--split", "split.csv"),
        REPORT,
        ("verify", "dataset", "run"),
    ),
    "run/predictions.csv": (("stratify", "run/predictions.csv", "--by", "sex"), REPORT),
    "run/config.json": (REPORT, ("predict", "run", "raw/images")),
    "run/model": (("predict", "run", "raw/images"),),
    "run/": (REPORT, ("train", "dataset", "--split", "split.csv", "-o", "run", *TRAIN)),
    "run/metrics.json": (REPORT, ("predict", "run", "raw/images")),
    "siamese/templates.npz": (("test", "siamese"),),
    "cv/": (("crossval", "dataset", "--split", "folds.csv", "-o", "cv", *TRAIN), ("compare", "cv", "run")),
}
"""Which commands read a file, by how its path begins; the longest beginning counts."""

VALUES: tuple[Any, ...] = (None, "x", "", -1, 0, 10**30, 1.5, True, [], {}, ["a"], "nan", "../../etc/passwd")
CELLS = ("", "nan", "x", "-1", "1e400", "0.5;", "\0", '"', "=1+1", "inf")


def damage(path: Path, rng: random.Random) -> str:
    """Damage a file; return what was done."""
    kinds: dict[str, Callable[[Path, random.Random], str]] = {
        ".json": _json_value,
        ".csv": _table,
        ".npz": _arrays,
        ".npy": _array,
    }
    special = kinds.get(path.suffix, _bytes)
    return (special if rng.random() < 0.7 else _bytes)(path, rng)


def _bytes(path: Path, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    place = rng.randrange(max(1, len(content)))
    kind = rng.choice(("truncated", "emptied", "a byte flipped", "a tail", "noise", "text", "gone"))
    if kind == "gone":
        path.unlink()
        return kind
    after = {
        "truncated": content[:place],
        "emptied": b"",
        "a byte flipped": content[:place]
        + bytes([content[place] ^ 1 << rng.randrange(8)])
        + content[place + 1 :]
        if content
        else b"\0",
        "a tail": content + b"tail",
        "noise": bytes(rng.randrange(256) for _ in range(64)),
        "text": b"no such thing\n",
    }[kind]
    path.write_bytes(after)
    return f"{kind} at {place}"


def _json_value(path: Path, rng: random.Random) -> str:
    content = json.loads(path.read_text())
    place: Any = content
    trail = []
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return _bytes(path, rng)
        key = rng.choice(keys)
        trail.append(str(key))
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
            break
        place = place[key]
    if rng.random() < 0.3:
        del place[key]
        done = f"{'.'.join(trail)} deleted"
    else:
        value = rng.choice(VALUES)
        if isinstance(place[key], int | float) and not isinstance(place[key], bool) and rng.random() < 0.4:
            value = place[key] + rng.choice((1, -1, 0.25))
        done = f"{'.'.join(trail)} = {value!r}, was {str(place[key])[:30]}"
        place[key] = value
    path.write_text(json.dumps(content))
    return done


def _table(path: Path, rng: random.Random) -> str:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    kind = rng.choice(
        (
            "cell",
            "cell",
            "cell",
            "column gone",
            "column twice",
            "row gone",
            "row twice",
            "header alone",
            "short row",
        )
    )
    if len(rows) < 2:
        return _bytes(path, rng)
    column, row = rng.randrange(len(rows[0])), rng.randrange(1, len(rows))
    name = rows[0][column]
    if kind == "cell":
        before, rows[row][column] = rows[row][column], rng.choice(CELLS)
        kind = f"cell {before[:20]!r} = {rows[row][column]!r}"
    elif kind == "column gone":
        rows = [line[:column] + line[column + 1 :] for line in rows]
    elif kind == "column twice":
        rows = [[*line, line[column]] for line in rows]
    elif kind == "row gone":
        del rows[row]
    elif kind == "row twice":
        rows.insert(row, rows[row])
    elif kind == "header alone":
        rows = rows[:1]
    else:
        rows[row] = rows[row][:column]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return f"{kind} (column {name}, row {row})"


def _spoil(array: Any, rng: random.Random) -> tuple[Any, str]:
    kind = rng.choice(("dtype", "shape", "empty", "value", "text"))
    if kind == "dtype":
        return (
            array.astype("U") if rng.random() < 0.5 or array.dtype.kind == "U" else array.astype(np.float64)
        ), kind
    if kind == "shape":
        return array[..., None], kind
    if kind == "empty":
        return array[:0] if array.ndim else np.zeros(0, array.dtype), kind
    if kind == "text":
        return np.array(["x"]), kind
    changed = array.copy()
    if changed.dtype.kind in "fiu" and changed.size:
        changed.flat[rng.randrange(changed.size)] = np.nan if changed.dtype.kind == "f" else 99
    return changed, kind


def _arrays(path: Path, rng: random.Random) -> str:
    with np.load(path, allow_pickle=False) as content:
        arrays = dict(content)
    name = rng.choice(list(arrays))
    if rng.random() < 0.2:
        del arrays[name]
        done = "gone"
    else:
        arrays[name], done = _spoil(arrays[name], rng)
    np.savez(path, **arrays)
    return f"{name}: {done}"


def _array(path: Path, rng: random.Random) -> str:
    spoiled, done = _spoil(np.load(path), rng)
    np.save(path, spoiled)
    return done


def files_of(study: Path) -> list[Path]:
    """List the files to damage: one place for each, relative to the study."""
    wanted = (
        "dataset",
        "run",
        "siamese/templates.npz",
        "cv",
        "split.csv",
        "split.json",
        "folds.csv",
        "folds.json",
    )
    found = [path.relative_to(study) for path in sorted(study.rglob("*")) if path.is_file()]
    return [
        path
        for path in found
        if path.as_posix().startswith(wanted) and not path.as_posix().endswith((".html", ".svg"))
    ]


def readers_of(path: Path) -> tuple[tuple[str, ...], ...]:
    """Return the commands that read a file."""
    beginnings = [beginning for beginning in READERS if path.as_posix().startswith(beginning)]
    return READERS[max(beginnings, key=len)] if beginnings else ()


def run_command(arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run a command in this process: its code and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments))
        except BaseException:
            traceback.print_exc(file=err)
            code = 1
    return code, err.getvalue()


def make_study(folder: Path) -> None:
    """Make the study, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):
        for number, command in enumerate(STUDY):
            done = Path(f".done{number}")
            if not done.exists():
                code, err = run_command(command)
                if code:
                    raise SystemExit(f"cxr {' '.join(command)}: {code}\n{err}")
                done.touch()


def outcomes(
    study: Path, edits: int, seed: int, only: str
) -> Iterator[tuple[Path, str, tuple[str, ...], int, str]]:
    """Damage one file after the other; yield (file, what was done, command, code, stderr)."""
    rng = random.Random(seed)
    files = [path for path in files_of(study) if readers_of(path) and only in path.as_posix()]
    # Each file of a kind is as likely as another, though a model has dozens of files and a split two.
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault("/".join(path.parts[:2]), []).append(path)
    copy = study.with_name(study.name + "-damaged")
    for _ in range(edits):
        path = rng.choice(groups[rng.choice(sorted(groups))])
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(study, copy, copy_function=os.link)
        target = copy / path
        target.unlink()
        shutil.copy2(study / path, target)
        done = damage(target, rng)
        command = rng.choice(readers_of(path))
        with contextlib.chdir(copy):
            yield path, done, command, *run_command(command)


def is_failure(code: int, err: str) -> bool:
    """Tell whether a command did something else than give a result, or refuse in one line."""
    errors = [line for line in err.splitlines() if line.startswith("cxr: ")]
    return "Traceback" in err or code not in (0, 2, 3) or (code != 0 and len(errors) != 1)


def print_outcomes() -> None:
    """Print failures as they come, and at the end what passed unnoticed by file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--edits", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files whose path has this in it")
    parser.add_argument("--verbose", action="store_true", help="print what passed and what was refused, too")
    options = parser.parse_args()
    study = options.study.resolve()
    make_study(study)
    codes: Counter[int] = Counter()
    failures = 0
    for path, done, command, code, err in outcomes(study, options.edits, options.seed, options.only):
        failed = is_failure(code, err)
        failures += failed
        codes[code] += 1
        last = err.strip().splitlines()[-1][:200] if err.strip() else ""
        if failed:
            print(f"FAILED {path}: {done}\n  cxr {' '.join(command[:2])}: {code}\n{err[-1500:]}", flush=True)
        elif options.verbose:
            print(f"{code} {path}: {done} | {command[0]}: {last}", flush=True)
    print(f"{options.edits} edits: {failures} failures; codes {dict(sorted(codes.items()))}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    print_outcomes()
