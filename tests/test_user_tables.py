"""Tables as spreadsheets and other programs save them: one content, however it was saved."""

import gzip
import io
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from recorder import Recorder

from cxr_cli.errors import BadInput
from cxr_cli.user_tables import read_user_table, read_user_text

CONTENT = [
    {"path": "f0.png", "label": "effusion, left", "patient_id": "007", "age": "40.5", "place": "Köln"},
    {"path": "f1.png", "label": "normal", "patient_id": "1e3", "age": "41", "place": ""},
]
HEADER = "path,label,patient_id,age,place"
COMMAS = f'{HEADER}\nf0.png,"effusion, left",007,40.5,Köln\nf1.png,normal,1e3,41,\n'
DECIMALS = "path;label;patient_id;age;place\nf0.png;effusion, left;007;40,5;Köln\nf1.png;normal;1e3;41;\n"
TABS = DECIMALS.replace(";", "\t")
QUOTED = '"path","label","patient_id","age","place"\n"f0.png","effusion, left","007","40.5","Köln"\n' + (
    '"f1.png","normal","1e3","41",""\n'
)


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


MISPLACED = zipped(a="x")[:-6] + b"\xff" + zipped(a="x")[-5:]
"""A zip archive whose directory is said to be elsewhere, so that its file would begin before the archive."""


def workbook(**sheets: list[list[object]]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(buffer)
    return buffer.getvalue()


CELLS: list[list[object]] = [
    HEADER.split(","),
    ["f0.png", "effusion, left", "007", 40.5, "Köln"],
    ["f1.png", "normal", "1e3", 41, None],
]

UTF8_MARK = b"\xef\xbb\xbf"


def without_bytes(value: object) -> str | None:
    """Name a case without its bytes: archives hold the time at which they were made."""
    return "content" if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    "content",
    [
        COMMAS.encode(),
        UTF8_MARK + COMMAS.encode(),
        COMMAS.encode("cp1252"),
        COMMAS.encode("utf-16"),
        b"\xfe\xff" + COMMAS.encode("utf-16-be"),
        COMMAS.encode("utf-32"),
        COMMAS.replace("\n", "\r\n").encode(),
        COMMAS.replace("\n", "\r").encode(),
        QUOTED.encode(),
        COMMAS.replace(",", ", ").replace("effusion,  ", "effusion, ").encode(),
        COMMAS.replace(HEADER, f"{HEADER},,").encode(),
        COMMAS.replace("\n", ",,\n").encode(),
        (COMMAS + ",,,,,,\n\n,,,,,,\n").encode(),
        ("\n\n" + COMMAS).encode(),
        ("sep=,\r\n" + COMMAS.replace("\n", "\r\n")).encode(),
        ('"sep=,"\n' + COMMAS).encode(),
        UTF8_MARK + ("sep=;\n" + DECIMALS).encode(),
        DECIMALS.encode("cp1252"),
        TABS.encode(),
        TABS.replace("\n", "\r\n").encode("utf-16"),
        COMMAS.replace(",", "|").replace('"effusion| left"', "effusion, left").encode(),
        COMMAS.replace("path,", ",path,").replace("f0", "0,f0").replace("f1", "1,f1").encode(),
        COMMAS.replace("path,", '"",path,').replace("f0", '"1",f0').replace("f1", '"2",f1').encode(),
        COMMAS.replace("path,", ",path,").replace("f0", "71,f0").replace("f1", "8,f1").encode(),
        COMMAS.replace("007", '="007"').replace("normal", '"=""normal"""').encode(),
        (UTF8_MARK * 2 + COMMAS.replace("normal", "normal\u200b").encode()),
        gzip.compress(COMMAS.encode()),
        gzip.compress(COMMAS.encode("utf-16")),
        zipped(**{"labels.csv": COMMAS}),
        zipped(**{"a/": "", "a/labels.csv": COMMAS, "__MACOSX/a/._labels.csv": "x", "a/.DS_Store": "x"}),
        workbook(Sheet1=CELLS),
        workbook(Sheet1=[], Labels=[[], *CELLS, [None], []], Sheet3=[]),
    ],
    ids=without_bytes,
)
def test_one_content_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    assert read_user_table(path, ("path", "label")).to_dict("records") == CONTENT


def test_every_value_is_text_as_pandas_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"say ""x""",007\nNA,"line\nbreak"\nshort\n', "utf-8")
    expected = pd.read_csv(path, dtype=str, keep_default_na=False).fillna("")
    assert read_user_table(path).to_dict("records") == expected.to_dict("records")


@pytest.mark.parametrize(
    ("content", "notices"),
    [
        (COMMAS.encode(), []),
        (COMMAS.encode("cp1252"), ["is not UTF-8, read as Windows-1252; check letters with accents"]),
        (DECIMALS.encode(), ["decimal commas read as points, columns 'age'"]),
    ],
)
def test_what_was_guessed_or_changed_is_reported(tmp_path: Path, content: bytes, notices: list[str]) -> None:
    path, recorder = tmp_path / "t.csv", Recorder()
    path.write_bytes(content)
    read_user_table(path, reporter=recorder)
    assert recorder.said == [f"{path}: {notice}" for notice in notices]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["0,5", "", "NA", "-1,25"], ["0.5", "", "NA", "-1.25"]),
        (["1,5E-03", "2"], ["1.5E-03", "2"]),
        (["1,234", "12,345"], ["1,234", "12,345"]),  # thousands, or not: left alone
        (["1,234", "0,877"], ["1.234", "0.877"]),
        (["1,5", "2.5"], ["1,5", "2.5"]),
        (["1,5", "left"], ["1,5", "left"]),
    ],
)
def test_decimal_commas(tmp_path: Path, values: list[str], read: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x;y\n" + "".join(f"a;{value}\n" for value in values), "utf-8")
    assert read_user_table(path)["y"].tolist() == read
    path.write_text("x,y\n" + "".join(f'a,"{value}"\n' for value in values), "utf-8")
    assert read_user_table(path)["y"].tolist() == values


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Path,LABEL,Note,note", ["path", "label", "Note", "note"]),
        ("path,label,Path,x", ["path", "label", "Path", "x"]),
        ("path,label,x,x", ["path", "label", "x", "x.1"]),
        ("path,label,x.1,x.1", ["path", "label", "x.1", "x.1.1"]),
        ("path,label,,x", ["path", "label", "Unnamed: 2", "x"]),
    ],
)
def test_names_of_columns(tmp_path: Path, header: str, columns: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\n1,2,3,4\n", "utf-8")
    assert read_user_table(path, ("path", "label")).columns.tolist() == columns


def test_the_separator_is_not_what_a_name_or_a_value_holds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path;label;Image[Width,Height,Depth]\na;b;1,2,3\n", "utf-8")
    assert read_user_table(path).columns.tolist() == ["path", "label", "Image[Width,Height,Depth]"]
    path.write_text("path,label,note\tx\na,b,c\td\n", "utf-8")
    assert read_user_table(path).columns.tolist() == ["path", "label", "note\tx"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "has no row"),
        (b"\n,,\n", "has no row"),
        (b"path,label\na,b\na,b,c\n", "row 3 has 3 fields, the header 2; values that hold the separator"),
        (b'path,label\na,"b\nc,d\n', "line 2: cannot be read as fields"),
        (b"path,class\na,b\n", "no column 'label'; it has 'path', 'class'"),
        (b"path,label,label\na,b,c\n", "has 2 columns 'label'; rename or delete one"),
        (b"path,Label,LABEL\na,b,c\n", "has 2 columns 'label'; rename or delete one"),
        (b"p\0a\0t\0h\0", "is no text that can be read; save it as CSV in UTF-8"),
        (b"\xff\xfep\0a", "is no text that can be read; save it as CSV in UTF-8"),
        (b"path,label\n\x81\xff", "is no text that can be read; save it as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an Excel file of the old format, or an encrypted one"),
        (b"<!DOCTYPE html>", "is a web page; download the table itself"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (gzip.compress(COMMAS.encode())[:-20], "cannot be unpacked (EOFError); is it whole?"),
        (MISPLACED, "cannot be unpacked (ValueError); is it whole?"),
        (zipped(a="x", b="y"), "holds 2 files, one table is needed; unpack it and name the table"),
        (zipped(a="x")[:-10], "cannot be unpacked (BadZipFile); is it whole?"),
        (zipped(**{"xl/workbook.xml": "<x/>"}), "is no Excel workbook that can be read"),
        (workbook(One=CELLS, Two=CELLS), "has 2 sheets that are not empty ('One', 'Two'); save the one"),
        (workbook(One=[]), "has no row"),
    ],
    ids=without_bytes,
)
def test_what_is_no_table_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_user_table(path, ("path", "label"))
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refusal.value)


def test_a_zip_archive_that_is_called_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "labels.xlsx"
    path.write_bytes(zipped(**{"[Content_Types].xml": "<x/>"}))
    with pytest.raises(BadInput, match="is no Excel workbook that can be read; save it as"):
        read_user_table(path)


def test_a_table_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr_cli.user_tables.MAX_BYTES", 1000)
    for content in (gzip.compress(b"a" * 1001), zipped(a="a" * 1001)):
        (tmp_path / "t.csv").write_bytes(content)
        with pytest.raises(BadInput, match="unpacks to more than 1,000 bytes"):
            read_user_table(tmp_path / "t.csv")


def test_without_openpyxl_a_workbook_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.xlsx").write_bytes(workbook(Sheet=CELLS))
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(BadInput, match="needs openpyxl"):
        read_user_table(tmp_path / "t.xlsx")


def test_a_text_in_any_encoding(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(gzip.compress("1 ä.png normal\r\n".encode("utf-16")))
    assert read_user_text(tmp_path / "list.txt") == "1 ä.png normal\r\n"


def test_no_column_may_be_there_twice_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path,x,x,,\na,1,2,,\n")
    assert list(read_user_table(path)) == ["path", "x", "x.1"]
    with pytest.raises(BadInput, match="has 2 columns 'x'; rename or delete one"):
        read_user_table(path, unique=True)
