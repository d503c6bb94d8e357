"""`cxr demo`: the whole chain in processes of its own, at a size that ends within a minute."""

import json
import shlex
from pathlib import Path

import pandas as pd
import pytest

from cxr_cli.commands import demo
from cxr_cli.main import main

SMALL = {
    "IMAGES": 60,
    "DRAWN_SIZE": 64,
    "SIZE": 32,
    "WIDTH": 0.125,
    "SINGLE_EPOCHS": 1,
    "SIAMESE_EPOCHS": 1,
    "BATCH_OF_IMAGES": 6,
    "PAIRS": 30,
    "TRIALS": 6,
    "EXPLAINED_IMAGES": 2,
    "NEW_IMAGES": 3,
}


def test_the_demo_runs_the_chain_and_prints_commands_to_copy(
    capfd: pytest.CaptureFixture[str],
    compiled_once: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(demo, name, value)
    out = tmp_path / "a demo"
    assert main(["demo", "-o", str(out)]) == 0
    captured = capfd.readouterr()

    commands = [shlex.split(line[2:]) for line in captured.err.splitlines() if line.startswith("$ ")]
    assert [command[1] for command in commands] == [
        *("phantom", "preprocess", "split", "describe", "train", "test"),
        *("train", "validate3way", "template", "test", "compare", "stratify", "gradcam", "audit"),
        *("phantom", "predict", "report"),
    ]
    # What was printed can be typed: here the split, and it gives the same.
    before = (out / "split.csv").read_bytes()
    assert main(commands[2][1:]) == 0
    assert (out / "split.csv").read_bytes() == before

    for run in ("single", "siamese"):
        predictions = pd.read_csv(out / run / "predictions.csv")
        metrics = json.loads((out / run / "metrics.json").read_text())
        assert metrics["images"] == len(predictions)
        hits = (predictions["label"] == predictions["predicted"]).mean()
        assert metrics["accuracy"]["value"] == pytest.approx(hits)
        assert f"{run:9}{hits:.3f} (" in captured.out

    assert (out / "single" / "gradcam" / "sheet.png").stat().st_size > 0
    assert captured.err.endswith(f"Open {out / 'single' / 'report.html'} in a browser.\n")
    assert (out / "single" / "report.html").exists()

    # Again: nothing is trained anew, and no image explained.
    assert main(["demo", "-o", str(out)]) == 0
    again = capfd.readouterr().err
    assert again.count("finished already") == 2
    assert again.count("already done with these settings and images") == 1


def test_a_stage_that_fails_ends_the_demo_with_its_exit_code(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "phantoms").mkdir()
    (tmp_path / "phantoms" / "mine.txt").write_text("not a phantom")
    assert main(["demo", "-o", str(tmp_path)]) == 3
    assert "demo: `cxr phantom` ended with exit code 3" in capfd.readouterr().err
    assert (tmp_path / "phantoms" / "mine.txt").read_text() == "not a phantom"
