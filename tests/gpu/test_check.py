"""The check for GPU machines goes through on a CPU, small, and knows that a CPU is none."""

import re
import subprocess
import sys

import pytest
from gpu import check


def test_a_machine_without_a_gpu_is_told_so() -> None:
    done = subprocess.run(
        [sys.executable, check.__file__],
        capture_output=True,
        text=True,
        check=False,
        env={"JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 1
    assert "no GPU" in done.stderr


def test_each_program_has_its_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "torch_peers", lambda *_: {("covidnet", "training", "bfloat16"): 2.0})
    every = list(check.cases(("covidnet",)))
    assert len(every) == 6
    monkeypatch.setattr(check, "cases", lambda _: [every[0], every[-1]])
    report = check.Report(600)
    check.throughput(report, check.DRY, ("covidnet",), workers=1)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| covidnet")]
    assert not report.failed
    assert len(rows) == 2
    for row in rows:
        share = re.search(r"(\d+)%", row)
        assert share
        assert 0 < int(share[1]) <= 100
    rate, ratio = float(rows[0].split("|")[4]), float(rows[0].split("|")[-2])
    assert ratio == pytest.approx(rate / 2, rel=0.05)


def test_a_failed_check_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    report = check.Report(1)
    report.check("sum", False, "2 + 2 = 5")
    assert report.failed == ["sum"]
    assert "| sum | **failed** | 2 + 2 = 5 |" in capsys.readouterr().out


def test_resident_and_streamed_images_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    report = check.Report(600)
    check.data_path(report, check.DRY)
    assert not report.failed
    assert "weights off by" in capsys.readouterr().out
