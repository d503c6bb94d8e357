"""What is delivered: the wheel's files, and that everything names the same version."""

import re
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from cxr_cli import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_has_the_package_whole_and_the_completions() -> None:
    builder = WheelBuilder(str(ROOT))
    found = {file.distribution_path for file in builder.recurse_included_files()}
    inside = (path for path in (ROOT / "cxr_cli").rglob("*") if path.is_file() and path.suffix != ".pyc")
    completions = {f"cxr_cli/completions/cxr.{shell}" for shell in ("bash", "zsh", "fish")}
    assert found == {path.relative_to(ROOT).as_posix() for path in inside} | completions
    assert {"cxr_cli/py.typed", "cxr_cli/report/page.html", "cxr_cli/images/manufacturers.toml"} <= found
    shared = set(builder.config.shared_data.values())
    assert shared == {
        "share/bash-completion/completions/cxr",
        "share/zsh/site-functions/_cxr",
        "share/fish/vendor_completions.d/cxr.fish",
        "share/man/man1/cxr.1",
    }


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("pyproject.toml", r'^version = "(.*)"$'),
        ("CITATION.cff", r"^version: (.*)$"),
        ("CHANGELOG.md", r"^## \[([\d.]+)\]"),
        ("packaging/cxr.def", r"cxr_cli-([\d.]+)-py3-none-any\.whl"),
        ("packaging/cxr.def", r"image\.version (.*)$"),
    ],
)
def test_every_file_names_this_version(file: str, pattern: str) -> None:
    named = re.findall(pattern, (ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert named
    assert set(named[:1] if file == "CHANGELOG.md" else named) == {__version__}
