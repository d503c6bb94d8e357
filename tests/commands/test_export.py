"""`cxr export` from the shell."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_cli.extras import install_command

Cxr = Callable[..., Any]


def test_stdout_has_the_file_and_stderr_how_near_its_scores_are(
    cxr: Cxr, run_of_two: Path, tmp_path: Path
) -> None:
    done = cxr("export", run_of_two, "-o", tmp_path / "model.onnx")
    assert (done.code, done.out) == (0, f"{tmp_path / 'model.onnx'}\n")
    assert done.err.startswith("scores differ from the run's own by ")


@pytest.mark.parametrize(("missing", "code"), [("onnxruntime", 0), ("onnx", 3)])
def test_packages_of_the_extra_are_named_where_they_are_missing(
    missing: str, code: int, cxr: Cxr, run_of_two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cxr_cli.prediction.onnx_graph", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    done = cxr("export", run_of_two, "-o", tmp_path / "model.onnx")
    says = {
        "onnxruntime": "onnxruntime is not installed: the scores are not compared with the run's own\n",
        "onnx": f"cxr: writing ONNX files needs onnx: {install_command('export')}\n",
    }
    assert (done.code, done.err) == (code, says[missing])
    assert (tmp_path / "model.onnx").exists() == (code == 0)
