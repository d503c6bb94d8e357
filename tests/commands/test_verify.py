"""`cxr verify`: what was copied from elsewhere, edited or damaged is named, and refused by readers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edited import edit_config

from cxr_cli.artifacts import read_record, write_record

Cxr = Callable[..., Any]


@pytest.fixture(scope="module")
def tested(single_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tested run; not to be changed."""
    from cxr_cli.main import main

    run = Path(shutil.copytree(single_run, tmp_path_factory.mktemp("verify") / "run"))
    assert main(["test", str(run)]) == 0
    return run


@pytest.fixture
def run(tested: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(tested, tmp_path / "run"))


def edit(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file as a hand does, which leaves its digest as it was."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_whole_is_named_line_by_line(
    cxr: Cxr, run: Path, small_dataset: Path, split_file: Path
) -> None:
    done = cxr("verify", small_dataset, split_file, run, "--full")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert all(line.startswith("ok   ") for line in lines)
    for path in (small_dataset, small_dataset / "images.npy", split_file, run / "model" / "digests.json"):
        assert any(line.startswith(f"ok   {path}: ") for line in lines)
    for name in ("config.json", "run.json", "history.csv", "metrics.json", "predictions.csv"):
        assert any(f"{run / name}: " in line for line in lines)


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "another run's model": (
        lambda run: write_record(
            run / "model" / "digests.json", {**read_record(run / "model" / "digests.json"), "run": "f" * 64}
        ),
        "the weights are of another run: ffffffffffff...",
    ),
    "a file of the weights gone": (
        lambda run: next((run / "model" / "weights").rglob("_METADATA")).unlink(),
        "_METADATA: missing",
    ),
    "another epoch selected": (
        lambda run: select_last(run / "history.csv"),
        "column 'selected' is",
    ),
    "another run's metrics": (
        lambda run: write_record(
            run / "metrics.json", {**read_record(run / "metrics.json"), "model_id": "f" * 12 + "-1"}
        ),
        "is of model ffffffffffff-1, the run's model is",
    ),
    "metrics edited": (
        lambda run: edit(run / "metrics.json", images=5),
        "was changed after cxr wrote it",
    ),
    "a text where a number stands": (
        lambda run: edit(run / "metrics.json", patients="many"),
        "field 'patients': expected `int`, got `str` ('many')",
    ),
    "another run's predictions": (
        lambda run: (
            pd.read_csv(run / "predictions.csv")
            .assign(model_id="f" * 12 + "-1")
            .to_csv(run / "predictions.csv", index=False)
        ),
        "is of model ffffffffffff-1, the run's model is",
    ),
    "configuration edited": (lambda run: edit(run / "config.json", seed=9), "was changed after cxr wrote it"),
    "record without a field": (
        lambda run: write_record(run / "run.json", {}),
        "missing required field `finished`",
    ),
}


def select_last(path: Path) -> None:
    """Mark another epoch of a history as selected."""
    table = pd.read_csv(path)
    last = table.index[table["selected"] == 1][-1]
    table["selected"] = 0
    table.loc[0 if last else len(table) - 1, "selected"] = 1
    table.to_csv(path, index=False)


@pytest.mark.parametrize("name", SPOILED)
def test_what_does_not_belong_is_named_and_the_report_refuses_it(cxr: Cxr, run: Path, name: str) -> None:
    spoil, message = SPOILED[name]
    spoil(run)
    done = cxr("verify", run)
    assert done.code == 3
    bad = [line for line in done.out.splitlines() if line.startswith("bad  ")]
    assert any(message in line for line in bad)
    assert done.err.count("\n") == 1
    refused = cxr("report", run)
    if "weights gone" not in name:  # the report needs no weights
        assert refused.code == 3
        assert message in refused.err
        assert refused.err.count("\n") == 1
    assert not (run / "report.html").exists() or "weights gone" in name


def test_weights_are_read_whole_on_demand(cxr: Cxr, run: Path) -> None:
    path = max((run / "model" / "weights").rglob("*"), key=lambda each: each.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert cxr("verify", run).code == 0
    done = cxr("verify", run, "--full")
    assert done.code == 3
    assert f"{path}: is not as it was written" in done.out
    assert cxr("test", run).code == 3


def test_images_that_were_changed_are_refused_wherever_they_are_read(
    cxr: Cxr, run: Path, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    dataset = Path(shutil.copytree(small_dataset, tmp_path / "dataset"))
    assert cxr("describe", dataset, "--split", split_file).code == 0
    path = dataset / "images.npy"
    whole = path.read_bytes()
    path.write_bytes(whole + b"tail")
    done = cxr("describe", dataset, "--split", split_file)
    assert done.code == 3
    assert "images.npy: has 4 bytes after its 60 images" in done.err
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    path.write_bytes(bytes(flipped))
    edit_config(run, dataset=str(dataset))
    for command in (("describe", dataset, "--split", split_file), ("test", run), ("verify", dataset)):
        done = cxr(*command)
        assert done.code == 3
        assert "images.npy: was changed after it was written" in done.err + done.out
    path.write_bytes(whole)  # newer than its record, and right all the same
    assert cxr("verify", dataset).code == 0


def test_what_dataset_json_says_is_compared(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(small_dataset, tmp_path / "dataset"))
    record = read_record(dataset / "dataset.json")
    write_record(dataset / "dataset.json", {**record, "counts": {**record["counts"], "rejected": 2}})
    done = cxr("verify", dataset)
    assert done.code == 3
    assert "field 'counts.rejected' is 2, manifest.csv and rejected.csv have 0" in done.out


def test_statistics_edited_in_a_split_are_refused(
    cxr: Cxr, small_dataset: Path, split_file: Path, tmp_path: Path
) -> None:
    for suffix in (".csv", ".json"):
        shutil.copy(split_file.with_suffix(suffix), tmp_path)
    edit(tmp_path / "split.json", normalization={"mean": 0.9, "std": 0.1})
    done = cxr("train", small_dataset, "--split", tmp_path / "split.csv", "-o", tmp_path / "new")
    assert done.code == 3
    assert "split.json: was changed after cxr wrote it" in done.err
    assert not (tmp_path / "new").exists()


def test_something_else_is_refused(cxr: Cxr, tmp_path: Path) -> None:
    done = cxr("verify", tmp_path)
    assert done.code == 2
    assert "a DATASET, a split.csv, a RUN or a CV is needed" in done.err


def test_templates_with_a_value_changed_are_refused(cxr: Cxr, siamese_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(siamese_run, tmp_path / "run"))
    assert cxr("template", run).code == 0
    assert cxr("verify", run).code == 0
    path = run / "templates.npz"
    with np.load(path) as content:
        arrays = dict(content)
    for name, value, message in (
        ("vectors", np.full_like(arrays["vectors"], np.nan), "'vectors' has values that are not finite"),
        ("vectors", arrays["vectors"] + 1, "was changed after it was written"),
        ("vectors", arrays["vectors"].astype(np.int64), "field 'vectors' is int64"),
        ("owners", arrays["owners"][:, None], "field 'owners' is int64 [3, 1], int64 [3] is right"),
        ("counts", arrays["counts"][:0], "field 'counts' is int64 [0], int64 [3] is right"),
    ):
        np.savez(path, **{**arrays, name: value})
        done = cxr("test", run)
        assert done.code == 3
        assert message in done.err
        assert cxr("verify", run).code == 3
