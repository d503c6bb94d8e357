"""Files are there whole or not at all, and read back as they were written."""

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, NotRequired, TypedDict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.artifacts import (
    atomic_path,
    check_same_settings,
    claim_folder,
    digest_file,
    digest_folder,
    file_stems,
    read_csv,
    read_json,
    read_record,
    replace_folder,
    restore_folder,
    versions,
    write_csv,
    write_json,
    write_record,
    write_text,
    writing,
)
from cxr_cli.errors import BadInput, SettingsChanged
from cxr_cli.locks import LOCK

KILLED_WHILE_WRITING = """
import os, sys
from pathlib import Path
from cxr_cli.artifacts import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_in_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "table.csv"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
    assert path.read_text() == "whole"
    assert names(path.parent) == ["table.csv"]


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("file/a.json", "file/a.json: cannot be written (File exists)"),
        ("file/deeper/a.json", "file/deeper/a.json: cannot be written (Not a directory)"),
        ("folder", "folder: is a folder; the name of a file is needed"),
        ("", ".: is a folder; the name of a file is needed"),
    ],
)
def test_a_place_that_cannot_be_written_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("kept")
    Path("folder").mkdir()
    with pytest.raises(BadInput) as refusal:
        write_json(Path(place), {})
    assert str(refusal.value) == message
    assert names(tmp_path) == ["file", "folder"]
    assert Path("file").read_text() == "kept"


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, path], check=False)
    assert killed.returncode == 9
    assert path.read_text() == "old"


def folder_of(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "weights").write_text(content)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    final = folder_of(tmp_path / "model", "old")
    replace_folder(folder_of(tmp_path / "new", "new"), final)
    assert (final / "weights").read_text() == "new"
    assert names(tmp_path) == ["model"]
    replace_folder(folder_of(tmp_path / "new", "newer"), final)
    assert (final / "weights").read_text() == "newer"


def test_a_folder_is_put_where_there_was_none(tmp_path: Path) -> None:
    replace_folder(folder_of(tmp_path / "new", "new"), tmp_path / "model")
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("cut_off_at", ["first rename", "second rename", "removal"])
def test_a_replacement_cut_off_anywhere_leaves_a_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_off_at: str
) -> None:
    final, new = folder_of(tmp_path / "model", "old"), folder_of(tmp_path / "new", "new")
    renames = iter(["first rename", "second rename"])
    rename = Path.rename

    def rename_or_stop(path: Path, target: Path) -> Path:
        if next(renames) == cut_off_at:
            raise KeyboardInterrupt
        return rename(path, target)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename_or_stop)
        if cut_off_at == "removal":
            patched.setattr("shutil.rmtree", only_of_existing(stop))
        with pytest.raises(KeyboardInterrupt):
            replace_folder(new, final)
    shutil.copytree(tmp_path, tmp_path.with_suffix(".later"))

    restore_folder(final)
    assert (final / "weights").read_text() == ("new" if cut_off_at == "removal" else "old")
    assert set(names(tmp_path)) <= {"model", "new"}

    # Nor does it stand in the way of the next one.
    later = tmp_path.with_suffix(".later")
    replace_folder(folder_of(later / "newer", "newer"), later / "model")
    assert (later / "model" / "weights").read_text() == "newer"
    assert set(names(later)) <= {"model", "new"}


def only_of_existing(act: Callable[..., None]) -> Callable[..., None]:
    """Act on the removal of a folder that is there; pass over one that is not."""

    def remove(path: Path, **_: object) -> None:
        if path.exists():
            act()

    return remove


def test_restoring_where_nothing_was_cut_off_changes_nothing(tmp_path: Path) -> None:
    final = folder_of(tmp_path / "model", "old")
    restore_folder(final)
    restore_folder(tmp_path / "none")
    assert (final / "weights").read_text() == "old"
    assert names(tmp_path) == ["model"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(content=st.dictionaries(st.text(), json_values, max_size=4))
def test_json_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.json"
    write_json(path, content)
    assert read_json(path) == content


def test_json_is_for_people_too(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"class": "pneumonía"})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "class": "pneumonía"\n}\n'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_json_is_not_written(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "a.json", {"value": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"value": number})
    assert json.loads((tmp_path / "a.json").read_text()) == {"value": 1}
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"{", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[1]", "holds a JSON list, an object is needed"),
    ],
)
def test_a_file_that_is_no_json_object_is_bad_input(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_json(path)
    assert str(refusal.value).startswith(f"{path}: {message}")


def test_a_folder_in_the_place_of_a_file_is_bad_input(tmp_path: Path) -> None:
    for read in (read_json, read_csv):
        with pytest.raises(BadInput, match="cannot be read"):
            read(tmp_path)


def test_tables_keep_every_value_as_written(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "patient_id": ["007", "1e3", "NA", ""],
            "source": ["a b.png", "a,b.png", 'say "x"', "line\nbreak"],
            "age": [64.0, None, 0.5, 1.0],
        }
    )
    write_csv(tmp_path / "t.csv", table)
    read = read_csv(tmp_path / "t.csv", required=("age", "patient_id"))
    assert read["patient_id"].tolist() == ["007", "1e3", "NA", ""]
    assert read["source"].tolist() == table["source"].tolist()
    assert read["age"].tolist() == ["64.0", "", "0.5", "1.0"]


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbfpath\tlabel\r\na.png\tnormal\r\n")
    assert read_csv(tmp_path / "t.tsv", ("path",), separator="\t").to_dict("records") == [
        {"path": "a.png", "label": "normal"}
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "cannot be read as a table"),
        (b"path,label\na,b\na,b,c\n", "cannot be read as a table"),
        (b"path,label\na,b,\nc,d,\n", "rows have 1 field more than the header"),
        (b"path,label\na,b,c,d\n1,2\n", "rows have 2 fields more than the header"),
        (b"path\n\xff\xfe\n", "cannot be read as a table"),
        (b"path,class\na,b\n", "no column 'label'; it has 'path', 'class'"),
    ],
)
def test_a_file_that_is_not_the_table_is_bad_input(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_csv(path, required=("path", "label"))
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refusal.value)


def test_digests_are_sha_256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(tmp_path / "abc") == published


def test_versions_name_what_a_result_depends_on() -> None:
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["pandas"] == pd.__version__
    assert {"cxr-cli", "numpy", "jax", "flax", "pydicom", "platform"} <= set(found)


def test_of_two_writers_of_one_file_the_second_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    def write_second() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("second")

    second = Thread(target=write_second)
    with atomic_path(path) as temporary:
        temporary.write_text("fir")
        second.start()
        second.join(0.1)
        with temporary.open("a") as stream:
            stream.write("st")
    second.join()
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_half_written_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with suppress(BadInput), atomic_path(path) as temporary:
        left = temporary
        raise OSError(errno.ENOSPC, "full")
    assert list(tmp_path.iterdir()) == []
    left.write_text("half of a long file")
    write_text(path, "new")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("new", [path])


def test_a_system_s_refusal_names_the_file(tmp_path: Path) -> None:
    refused = r"b: cannot be written \(Stale file handle\)"
    with pytest.raises(BadInput, match=refused), writing(tmp_path / "b"):
        raise OSError(errno.ESTALE, "Stale file handle")


def test_a_folder_is_free_with_what_a_killed_call_left_in_it(tmp_path: Path) -> None:
    for name in (LOCK, ".config.tmp.json", "table.csv"):
        (tmp_path / name).touch()
    assert not claim_folder(tmp_path, "config.json", {}, holds="run", before=["table.csv"])
    with pytest.raises(BadInput, match="is not empty and holds no run"):
        claim_folder(tmp_path, "config.json", {}, holds="run")


def test_a_folder_s_digests_are_its_files_by_path(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "empty").touch()
    (tmp_path / "top").write_bytes(b"abc")
    # SHA-256 of nothing and of "abc" (FIPS 180-2, appendix B.1).
    assert digest_folder(tmp_path) == {
        "a/b/empty": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "top": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_other_settings_are_refused_and_all_of_them_named(tmp_path: Path) -> None:
    before = {"size": 16, "seed": 0, "list": "a" * 100, "place": "here"}
    check_same_settings(tmp_path, before, {"size": 16, "seed": 0})
    with pytest.raises(SettingsChanged) as refused:
        check_same_settings(
            tmp_path,
            before,
            {"size": 32, "seed": 0, "list": "b", "new": None, "other": 1},
            {"size": "the size"},
        )
    assert str(refused.value) == (
        f"{tmp_path}: was made with other settings: the size was 16, now 32; "
        "`list` was 'aaaaaaaaaaa..., now 'b'; `other` was None, now 1; name a new folder"
    )


def test_parts_of_file_names_are_never_alike() -> None:
    names = ["a b", "a-b", "A/B", "sex, age", "\u80ba\u708e", "\u6b63\u5e38", "x" * 300, "x" * 301, "a-b-2"]
    stems = file_stems(names)
    assert stems[:6] == ["a-b", "a-b-2", "A-B-3", "sex-age", "\u80ba\u708e", "\u6b63\u5e38"]
    assert stems[8] == "a-b-2-2"
    assert len({stem.casefold() for stem in stems}) == len(names)
    assert max(map(len, stems)) < 70


@pytest.mark.parametrize(
    "name", ["..", "../../x", "\0", "\U00020000" * 300, "\U0001fac1", ".hidden", "x" * 255]
)
def test_a_part_of_a_file_name_leads_nowhere_and_leaves_room(name: str) -> None:
    (stem,) = file_stems([name])
    assert not stem.startswith(".")
    assert not {"/", "\0"} & set(stem)
    assert len(stem.encode()) <= 120


class Kept(TypedDict):
    """What the record of these tests holds."""

    epoch: int
    counts: dict[str, int]
    note: NotRequired[str]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    content = {"epoch": 3, "counts": {"a": 1}, "share": 0.1, "text": "é", "none": None}
    write_record(tmp_path / "r.json", content)
    assert read_record(tmp_path / "r.json", Kept) == content


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('"epoch": 3', '"epoch": "three"', "field 'epoch': expected `int`, got `str` ('three')"),
        ('"epoch": 3,', "", "missing required field `epoch`"),
        ('"a": 1', '"a": null', "counts"),
        ('"epoch": 3', '"epoch": 4', "was changed after cxr wrote it"),
        ('"share": 0.1', '"share": 0.2', "was changed after cxr wrote it"),
        ('"format": 1', '"format": 2', "field 'format' is 2, this version of cxr reads 1"),
    ],
)
def test_a_changed_record_is_refused(tmp_path: Path, before: str, after: str, named: str) -> None:
    path = tmp_path / "r.json"
    write_record(path, {"epoch": 3, "counts": {"a": 1}, "share": 0.1})
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(BadInput) as caught:
        read_record(path, Kept)
    assert str(caught.value).startswith(f"{path}: ")
    assert named in str(caught.value)
