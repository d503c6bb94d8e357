"""Every command on a study of hostile text and telling headers: nothing bites, and no patient is found."""

import base64
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_study import DATE, MARK, TIME, commands, make_study
from PIL import Image

from cxr_cli.printable import printable

SECRETS = tuple(text.encode() for text in (MARK, MARK.upper(), DATE, "1923-04-17", TIME + "00", f"T{TIME}"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the study, and what each command line said."""
    import contextlib

    from cxr_cli.main import main

    folder = tmp_path_factory.mktemp("study")
    make_study(folder)
    said = {}
    for line in commands(folder):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(word) for word in line])
        assert code == 0, (line[0], err.getvalue())
        said[str(line[0])] = out.getvalue() + err.getvalue()
    return folder, said


def written(folder: Path) -> Iterator[Path]:
    """All files that the commands wrote."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (folder / "images") not in path.parents and path != folder / "t.csv":
            yield path


def contents(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, and those of what is packed in it."""
    yield path, content
    if content.startswith(b"\x1f\x8b"):
        yield from contents(f"{path}!gunzip", gzip.decompress(content))
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from contents(f"{path}!{name}", archive.read(name))
    if content.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(content)) as image:
            yield f"{path}!text", repr(image.info).encode()
    if path.endswith(".html"):
        for number, inline in enumerate(re.findall(rb"base64,([A-Za-z0-9+/=]+)", content)):
            yield from contents(f"{path}!{number}", base64.b64decode(inline))


def test_no_patient_is_found_in_anything_written_or_said(study: tuple[Path, dict[str, Any]]) -> None:
    folder, said = study
    everything = [(command, text.encode("utf-8", "surrogatepass")) for command, text in said.items()]
    everything += [each for path in written(folder) for each in contents(str(path), path.read_bytes())]
    names = [str(path.relative_to(folder)) for path in written(folder)]
    found = [(place, secret) for place, text in everything for secret in SECRETS if secret in text]
    assert found == []
    assert not [name for name in names if MARK.casefold() in name.casefold()]


def test_no_command_sends_control_signs_to_the_terminal(study: tuple[Path, dict[str, Any]]) -> None:
    for command, text in study[1].items():
        assert text == printable(text, keep="\n"), command


def test_text_is_no_markup_where_it_is_written(study: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = study
    pages = list(folder.rglob("*.html"))
    tables = [*folder.rglob("*.tex"), *folder.rglob("*.md")]
    assert pages
    assert {path.suffix for path in tables} == {".tex", ".md"}
    for path in (*pages, *tables):
        text = path.read_text("utf-8")
        assert not re.search(r"(?<!\\)<(script>alert|img src=x)", text), path
        assert text == printable(text, keep="\n\t"), path
        if path.suffix == ".tex":
            assert "\\input" not in re.sub("(?m)^%.*", "", text), path


def test_files_stay_in_the_folders_they_are_meant_for(study: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = study
    made = {"dataset", "run", "strata", "described", "compared", "audit", "gradcam", "images"}
    files = {"other <b>_%.csv", "split.csv", "split.json", "files.csv", "t.csv"}
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == made | files
    assert max(len(path.name.encode()) for path in folder.rglob("*")) < 255
    assert all("\x1b" not in path.name for path in written(folder))
