"""Damage the files that users bring beside images, and call what reads them.

    PYTHONPATH=tests python -m fuzz.tables --edits 5000 --seed 1

Label tables (CSV, TSV, packed, Excel), predictions of other tools, our own records and tables, spellings of
manufacturers and options (TOML), weights (safetensors, .pth). An outcome but a result or a CxrError of one
line is a failure, and so is one that takes longer than SECONDS.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import safetensors.numpy
import torch
from fuzz.images import damaged_bytes

from cxr_cli.artifacts import read_csv, read_record, write_record
from cxr_cli.errors import CxrError
from cxr_cli.images.manufacturers import read_manufacturers
from cxr_cli.labels.table import Columns, read_table
from cxr_cli.models.weights.state_dict import read_state_dict
from cxr_cli.prediction.predictions_file import read_predictions
from cxr_cli.user_tables import read_user_table

SECONDS = 10
SPELLINGS = b'"Acme" = ["Acme Imaging", "ACME"]\nB = ["Bee"]\n'
ROWS = [["path", "label", "patient_id", "age"], *([f"a{n}.png", "ab"[n % 2], f"P{n}", n] for n in range(40))]
CELLS = (
    "",
    "nan",
    "1e400",
    '"',
    '""',
    "\0",
    "\r",
    "=1+1",
    "é",
    "\ud7ff",
    "x" * 200_000,
    "1,5",
    "'",
    "\ufeff",
)


class Kind(NamedTuple):
    """A kind of file: its suffix, intact content, and what reads it."""

    suffix: str
    content: bytes
    read: Callable[[Path], Any]


def text_of(separator: str, rows: list[list[Any]] = ROWS) -> bytes:
    """Write rows, nothing quoted."""
    return "\n".join(separator.join(map(str, row)) for row in rows).encode()


def workbook() -> bytes:
    """Write the rows as an Excel workbook."""
    book, stream = openpyxl.Workbook(), BytesIO()
    for row in ROWS:
        book.active.append(row)
    book.save(stream)
    return stream.getvalue()


def zipped() -> bytes:
    """Pack the rows alone in a zip archive."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.csv", text_of(","))
    return stream.getvalue()


def record() -> bytes:
    """Write one of our own records."""
    with tempfile.TemporaryDirectory() as folder:
        write_record(
            Path(folder, "r.json"), {"settings": {"size": 32}, "counts": {"images": 3}, "names": ["a"]}
        )
        return Path(folder, "r.json").read_bytes()


def kinds() -> Mapping[str, Kind]:
    """Every kind that is damaged."""

    def labels(path: Path) -> Any:
        return read_table(path, Columns("path", "label", "patient_id"))

    weights = {"layer.weight": np.ones((3, 2), np.float32), "layer.bias": np.zeros(3, np.float32)}
    torch_file = BytesIO()
    torch.save({"state_dict": {name: torch.from_numpy(array) for name, array in weights.items()}}, torch_file)
    scores = [["image_id", "patient_id", "label", "score_normal", "score_ill"]]
    scores += [[f"i{n}", f"P{n}", ("normal", "ill")[n % 2], n / 40, 1 - n / 40] for n in range(40)]
    return {
        "labels, CSV": Kind(".csv", text_of(","), labels),
        "labels, semicolons": Kind(".csv", text_of(";"), labels),
        "labels, TSV": Kind(".tsv", text_of("\t"), labels),
        "labels, UTF-16": Kind(".csv", text_of(",").decode().encode("utf-16"), labels),
        "labels, gzip": Kind(".csv.gz", gzip.compress(text_of(",")), labels),
        "labels, zip": Kind(".zip", zipped(), labels),
        "labels, Excel": Kind(".xlsx", workbook(), read_user_table),
        "predictions": Kind(".csv", text_of(",", scores), read_predictions),
        "own table": Kind(".csv", text_of(","), read_csv),
        "own record": Kind(".json", record(), read_record),
        "manufacturers": Kind(
            ".toml", b'"Acme" = ["Acme Imaging", "ACME"]\nB = ["Bee"]\n', read_manufacturers
        ),
        "safetensors": Kind(".safetensors", safetensors.numpy.save(weights), read_state_dict),
        "torch": Kind(".pth", torch_file.getvalue(), read_state_dict),
    }


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage bytes, or put a hostile value in the place of a cell or word."""
    if rng.random() < 0.6:
        return damaged_bytes(content, rng)
    places = [place for place, byte in enumerate(content) if byte in b',;\t\n":[]{}'] or [0]
    first = rng.choice(places)
    cell = json.dumps(rng.choice(CELLS)) if rng.random() < 0.2 else rng.choice(CELLS)
    return (
        content[: first + 1]
        + cell.encode("utf-8", "surrogatepass")
        + content[first + rng.choice((1, 2, 5)) :]
    )


def outcomes(edits: int, seed: int) -> Iterator[tuple[str, bytes, str, str]]:
    """Damage and read; yield the kind, the content, and "read" or "refused", or else what went wrong."""
    rng, all_kinds = random.Random(seed), kinds()
    with tempfile.TemporaryDirectory() as folder:
        for name in rng.choices(sorted(all_kinds), k=edits):
            kind = all_kinds[name]
            content, path = damaged(kind.content, rng), Path(folder, f"file{kind.suffix}")
            path.write_bytes(content)
            began, wrong = time.monotonic(), ""
            try:
                kind.read(path)
                outcome = "read"
            except CxrError as error:
                outcome = "refused"
                wrong = "" if len(str(error).splitlines()) == 1 else f"several lines: {str(error)[:300]!r}"
            except BaseException:
                outcome, wrong = "failed", traceback.format_exc(limit=-6)
            if not wrong and (seconds := time.monotonic() - began) > SECONDS:
                wrong = f"took {seconds:.0f} s"
            yield name, content, outcome, wrong


def main() -> None:
    """Print failures as they come, then counts; exit with 1 where there was one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail")
    options = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    failures = 0
    for number, (name, content, outcome, wrong) in enumerate(outcomes(options.edits, options.seed)):
        counts[name, outcome] += 1
        if wrong:
            failures += 1
            print(f"FAILED {number} {name}: {wrong}", flush=True)
            if options.keep:
                (options.keep / f"{number}").write_bytes(content)
    for (name, outcome), count in sorted(counts.items()):
        print(f"{count:6} {outcome:8} {name}")
    print(f"{options.edits} edits: {failures} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
