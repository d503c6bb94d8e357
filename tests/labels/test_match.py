"""Label tables: what is read from them, and which image a row means."""

import gzip
import unicodedata
from pathlib import Path

import pytest
from recorder import Recorder

from cxr_cli.errors import BadInput
from cxr_cli.labels.match import Labels, match_rows, read_labels
from cxr_cli.labels.table import Columns, LabelRow, read_table


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def labels_of(found: Labels, folder: Path) -> dict[str, str]:
    """Labels by the image's path below `folder`."""
    return {str(Path(image).relative_to(folder)): row.label for image, row in found.by_image.items()}


def test_csv_values_stay_text(tmp_path: Path) -> None:
    table = write(
        tmp_path / "t.csv", "path,label,patient_id,sex,note", "a.png, normal ,007,F,1e5", "b.png,,,,"
    )
    first, second = read_table(table, Columns())
    assert (first.path, first.label) == ("a.png", "normal")
    assert first.values == {"path": "a.png", "patient_id": "007", "sex": "F", "note": "1e5"}
    assert (second.label, second.values["patient_id"]) == ("", "")


def test_tsv_with_columns_of_other_names(tmp_path: Path) -> None:
    table = write(tmp_path / "t.tsv", "Image Index\tFinding\tPatient", "a b.png\tnormal, mild\t5")
    (row,) = read_table(table, Columns("Image Index", "Finding", "Patient"))
    assert row == LabelRow(table, "a b.png", "normal, mild", {"Image Index": "a b.png", "patient_id": "5"})


def test_columns_whose_name_is_taken_are_kept_under_another(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "path,finding,label,source,row,patient_id,who", "a.png,x,y,s,9,7,w")
    found = read_labels([table], Columns(label="finding", patient="who"), [tmp_path / "a.png"], [tmp_path])
    row = found.by_image[str(tmp_path / "a.png")]
    assert row.label == "x"
    assert row.values == {
        "path": "a.png",
        "table_label": "y",
        "table_source": "s",
        "table_row": "9",
        "table_patient_id": "7",
        "patient_id": "w",
    }
    assert found.columns == ("path", "table_label", "table_source", "table_row", "table_patient_id")
    assert found.renamed == ("table_label", "table_source", "table_row", "table_patient_id")


def test_without_a_patient_column_images_have_no_patient(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path / "t.csv", "path,label", "a.png,x"), Columns())
    assert "patient_id" not in row.values


@pytest.mark.parametrize(
    "columns", [Columns(path="file"), Columns(label="class"), Columns(patient="patient")]
)
def test_a_missing_column_is_named_with_those_there(tmp_path: Path, columns: Columns) -> None:
    table = write(tmp_path / "t.csv", "path,label,patient_id", "a.png,x,1")
    with pytest.raises(BadInput, match=r"t\.csv: no column .*'path', 'label', 'patient_id'"):
        read_table(table, columns)


@pytest.mark.parametrize(
    ("name", "subset"), [("train_COVIDx9A.txt", "train"), ("test_split.txt", "test"), ("val.txt", "val")]
)
def test_a_covidx_list_is_split_from_the_right(tmp_path: Path, name: str, subset: str) -> None:
    table = write(tmp_path / name, "13 a 1.png covid19 cohen", "", "COVID-19 (4) left b.jpg normal rsna")
    first, second = read_table(table, Columns())
    assert (first.path, first.label, first.values["patient_id"]) == ("1.png", "covid19", "13 a")
    assert second.values == {
        "patient_id": "COVID-19 (4) left",
        "path": "b.jpg",
        "collection": "rsna",
        "listed_in": subset,
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7 a.png normal", ("7", "a.png", "normal", None)),
        ("7 a normal", ("7", "a", "normal", None)),
        ("COVID-19 (4) left a.png normal", ("COVID-19 (4) left", "a.png", "normal", None)),
        ("7 a.png normal rsna", ("7", "a.png", "normal", "rsna")),
        ("7 8 a normal rsna", ("7 8", "a", "normal", "rsna")),
        ("a.png a.png normal rsna", ("a.png", "a.png", "normal", "rsna")),
    ],
)
def test_a_covidx_list_may_have_no_source(
    tmp_path: Path, line: str, expected: tuple[str | None, ...]
) -> None:
    (row,) = read_table(write(tmp_path / "train.txt", line), Columns())
    assert (row.values["patient_id"], row.path, row.label, row.values.get("collection")) == expected


@pytest.mark.parametrize("header", ["patientid filename class source", "PatientID filename class"])
def test_a_covidx_list_may_have_a_header(tmp_path: Path, header: str) -> None:
    (row,) = read_table(write(tmp_path / "train.txt", header, "7 a.png normal x"), Columns())
    assert row.path == "a.png"


def test_a_covidx_list_may_be_packed_and_in_any_encoding(tmp_path: Path) -> None:
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress("7 ä.png normal\r\n".encode("utf-16")))
    (row,) = read_table(tmp_path / "train.txt.gz", Columns())
    assert (row.path, row.values["listed_in"]) == ("ä.png", "train")


def test_a_short_covidx_line_is_named(tmp_path: Path) -> None:
    table = write(tmp_path / "train.txt", "1 a.png covid19 cohen", "b.png covid19")
    with pytest.raises(BadInput, match=r"train\.txt: line 2 has 2 fields"):
        read_table(table, Columns())


def test_columns_are_found_under_other_capitals(tmp_path: Path) -> None:
    table = write(
        tmp_path / "t.csv", "Path,LABEL,Patient_ID,Age,View_Position,Institution,Note", "a,x,7,58,PA,K,n"
    )
    (row,) = read_table(table, Columns())
    assert (row.path, row.label) == ("a", "x")
    assert row.values == {
        "path": "a",
        "patient_id": "7",
        "age": "58",
        "view_position": "PA",
        "table_institution": "K",
        "Note": "n",
    }


@pytest.mark.parametrize("header", ["Source,Label,Age", "SOURCE,LABEL,AGE"])
def test_a_column_may_have_a_manifest_s_name_in_other_capitals(tmp_path: Path, header: str) -> None:
    table = write(tmp_path / "t.csv", header, "a,x,58")
    (row,) = read_table(table, Columns("Source", "Label"))
    assert (row.path, row.label, row.values["age"]) == ("a", "x", "58")


def test_what_was_guessed_of_a_table_is_reported(tmp_path: Path) -> None:
    table, recorder = tmp_path / "t.csv", Recorder()
    table.write_bytes("path;label\r\na.png;Köln\r\n".encode("cp1252"))
    found = read_labels([table], Columns(), [tmp_path / "a.png"], [], reporter=recorder)
    assert found.by_image[str(tmp_path / "a.png")].label == "Köln"
    assert recorder.said == [f"{table}: is not UTF-8, read as Windows-1252; check letters with accents"]


def test_a_txt_file_with_the_path_column_is_a_table(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path / "t.txt", "path\tlabel", "a.png\tx"), Columns())
    assert row.label == "x"


def test_a_txt_file_whose_path_column_has_blanks_is_a_table(tmp_path: Path) -> None:
    table = write(tmp_path / "t.txt", "Image Index,Finding Labels,Patient ID", "a.png,x,7")
    (row,) = read_table(table, Columns("Image Index", "Finding Labels"))
    assert (row.path, row.label) == ("a.png", "x")


@pytest.mark.parametrize("value", ["8.3986E+37", "8,3986E+37", "1E+15", "8.398604886942923e+37"])
def test_an_id_that_a_spreadsheet_rounded_is_refused(tmp_path: Path, value: str) -> None:
    for column, name in (("path", "path"), ("patient_id", "patient id")):
        cells = {"path": "a.png", "label": "x", "patient_id": "7", column: f'"{value}"'}
        table = write(tmp_path / "t.csv", ",".join(cells), ",".join(cells.values()))
        with pytest.raises(BadInput, match=f"{name} .* was rounded by a spreadsheet; export"):
            read_labels([table], Columns(), [tmp_path / "a.png"], [])


def test_a_missing_or_binary_table_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_table(tmp_path / "gone.csv", Columns())
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(BadInput, match=r"t\.csv"):
        read_table(tmp_path / "t.csv", Columns())


@pytest.mark.parametrize(
    ("table_folder", "path"),
    [
        ("data", "a/1.png"),  # below the table's folder
        ("elsewhere", "a/1.png"),  # below the source
        ("elsewhere", "data/a/1.png"),  # as given, from the working directory
        ("elsewhere", "other/place/1.png"),  # by its name
        ("elsewhere", "C:\\images\\1.png"),
        ("elsewhere", "1"),  # by its stem
        ("elsewhere", "1.dcm"),
    ],
)
def test_ways_to_name_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table_folder: str, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    images = [tmp_path / "data" / "a" / "1.png", tmp_path / "data" / "b" / "2.png"]
    (tmp_path / "data").mkdir()
    table = write(tmp_path / table_folder / "t.csv", "path,label", f"{path},x", "9.png,y")
    found = read_labels([table], Columns(), images, [Path("data")])
    assert labels_of(found, tmp_path) == {"data/a/1.png": "x"}
    assert found.rows_without_image == 1


def test_an_absolute_path_names_an_image(tmp_path: Path) -> None:
    image = tmp_path / "1.png"
    row = LabelRow(Path("/elsewhere/t.csv"), str(image), "x", {})
    assert match_rows([row], [image], []) == ({str(image): row}, 0)


def test_a_uid_is_a_stem_although_it_has_dots(tmp_path: Path) -> None:
    images = [tmp_path / "1.2.3.dcm", tmp_path / "1.2.4.dcm"]
    row = LabelRow(tmp_path / "t.csv", "1.2.4", "x", {})
    assert list(match_rows([row], images, [])[0]) == [str(images[1])]


@pytest.mark.parametrize("path", ["1.png", "1", "elsewhere/1.png"])
def test_a_name_of_several_images_is_refused(tmp_path: Path, path: str) -> None:
    images = [tmp_path / "a" / "1.png", tmp_path / "b" / "1.png"]
    with pytest.raises(BadInput, match=rf"path '{path}' fits 2 images"):
        match_rows([LabelRow(tmp_path / "t.csv", path, "x", {})], images, [])


def test_a_path_below_two_sources_is_refused(tmp_path: Path) -> None:
    images = [tmp_path / "a" / "1.png", tmp_path / "b" / "1.png"]
    for image in images:
        image.parent.mkdir()
    with pytest.raises(BadInput, match="fits 2 images"):
        match_rows(
            [LabelRow(tmp_path / "t.csv", "1.png", "x", {})], images, [image.parent for image in images]
        )


def test_a_row_of_another_folder_does_not_take_an_image_that_is_named_in_full(tmp_path: Path) -> None:
    images = [tmp_path / "train" / "1.png"]
    rows = [LabelRow(tmp_path / "t.csv", path, path, {}) for path in ("train/1.png", "test/1.png")]
    matched, without_image = match_rows(rows, images, [])
    assert [row.label for row in matched.values()] == ["train/1.png"]
    assert without_image == 1


IMAGES = ["films/train/1.png", "films/test/1.png", "films/train/2.png"]


@pytest.mark.parametrize(
    "path",
    [
        "train\\1.png",
        ".\\train\\1.png",
        "C:\\Users\\x\\films\\train\\1.png",
        "\\\\server\\share\\films\\train\\1.png",
        "D:/films/train/1.png",
        "/home/other/films/train/1.png",
        "./films/train/1.png",
        "films/test/../train/1.png",
        "../elsewhere/train/1.png",
        "films//train//1.png",
        "films/train/1.PNG",
        "FILMS/Train/1.Png",
        "s3://bucket/films/train/1.png",
        "file:///data/films/train/1.png",
        "train/1",
        "other/train/1.dcm",
        "train/1.dcm.gz",
    ],
)
def test_the_longest_end_of_a_path_counts(tmp_path: Path, path: str) -> None:
    row = LabelRow(tmp_path / "t.csv", path, "x", {})
    matched, without_image = match_rows([row], [tmp_path / image for image in IMAGES], [tmp_path / "films"])
    assert (list(matched), without_image) == ([str(tmp_path / "films/train/1.png")], 0)


def test_a_path_that_ends_like_two_is_refused_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = LabelRow(tmp_path / "t.csv", "C:\\valid\\1.png", "x", {})
    with pytest.raises(BadInput) as refusal:
        match_rows([row], [tmp_path / image for image in IMAGES], [])
    assert str(refusal.value) == (
        f"{row.table}: path 'C:\\\\valid\\\\1.png' fits 2 images (films/train/1.png and films/test/1.png); "
        "give more of the path"
    )


def test_a_path_means_no_image_that_others_name_with_more_of_theirs(tmp_path: Path) -> None:
    rows = [
        LabelRow(tmp_path / "t.csv", f"C:\\{subset}\\1.png", subset, {})
        for subset in ("train", "test", "valid")
    ]
    matched, without_image = match_rows(rows, [tmp_path / image for image in IMAGES], [])
    assert {image: row.label for image, row in matched.items()} == {
        str(tmp_path / "films/train/1.png"): "train",
        str(tmp_path / "films/test/1.png"): "test",
    }
    assert without_image == 1


def test_of_names_that_differ_in_case_the_one_as_written_counts(tmp_path: Path) -> None:
    images = [tmp_path / "a.png", tmp_path / "A.png", tmp_path / "a.PNG"]
    rows = [LabelRow(tmp_path / "x" / "t.csv", f"old/{image.name}", image.name, {}) for image in images]
    matched, _ = match_rows(rows, images, [])
    assert {Path(image).name: row.label for image, row in matched.items()} == {
        name: name for name in ("a.png", "A.png", "a.PNG")
    }


@pytest.mark.parametrize("folder", ["", "old/"])
def test_composed_and_decomposed_letters_are_one_name(tmp_path: Path, folder: str) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Müller é.png") for form in ("NFC", "NFD"))
    for image, path in ((nfd, nfc), (nfc, nfd)):
        row = LabelRow(tmp_path / "t.csv", folder + path, "x", {})
        assert list(match_rows([row], [tmp_path / image], [])[0]) == [str(tmp_path / image)]


def test_a_name_is_found_where_the_locale_is_not_that_of_its_bytes(tmp_path: Path) -> None:
    image = tmp_path / "Müller.png".encode().decode("ascii", "surrogateescape")
    for path in ("Müller.png", "old/Müller.png"):
        assert list(match_rows([LabelRow(tmp_path / "t.csv", path, "x", {})], [image], [])[0]) == [str(image)]


def test_digits_after_a_dot_are_part_of_a_name(tmp_path: Path) -> None:
    images = [tmp_path / "1.2.840.1.dcm", tmp_path / "1.2.840"]
    rows = [
        LabelRow(tmp_path / "t.csv", path, path, {}) for path in ("1.2.840.1", "1.2.840.1.5", "1.2.840.7")
    ]
    matched, without_image = match_rows(rows, images, [])
    assert {Path(image).name: row.label for image, row in matched.items()} == {"1.2.840.1.dcm": "1.2.840.1"}
    assert without_image == 2


def test_a_row_of_a_folder_is_of_every_image_below_it(tmp_path: Path) -> None:
    images = [
        tmp_path / "p1" / f"s{study}" / name for study, name in ((1, "a.jpg"), (1, "b.jpg"), (12, "c.jpg"))
    ]
    rows = [
        LabelRow(tmp_path / "t.csv", f"P1\\s{study}", f"{study}", {}, of_folder=True) for study in (1, 12, 3)
    ]
    matched, without_image = match_rows(rows, images, [])
    assert [matched[str(image)].label for image in images] == ["1", "1", "12"]
    assert without_image == 1


def test_rows_of_one_image_that_differ_in_boxes_alone_are_one(tmp_path: Path) -> None:
    table = write(
        tmp_path / "t.csv",
        "path,label,x,y,Bbox [x,EncodedPixels,sex",
        "1.png,x,1.5,2,5,1 2,F",
        "1.png,x,3,4,,,",
        "1.png,x,1.5,2,5,1 2,F",
    )
    (row,) = read_labels([table], Columns(), [tmp_path / "1.png"], []).by_image.values()
    assert row.values == {
        "path": "1.png",
        "x": "1.5; 3",
        "y": "2; 4",
        "Bbox [x": "5; ",
        "EncodedPixels": "1 2; ",
        "sex": "F",
    }


def test_what_one_of_two_rows_does_not_say_the_other_does(tmp_path: Path) -> None:
    rows = [
        LabelRow(tmp_path / "t.csv", "1.png", "x", {"sex": sex, "age": age})
        for sex, age in (("NA", "5"), ("F", ""))
    ]
    (row,) = match_rows(rows, [tmp_path / "1.png"], [])[0].values()
    assert row.values == {"sex": "F", "age": "5"}


@pytest.mark.parametrize("column", ["label", "patient_id", "fold", "split", "note"])
def test_rows_of_one_image_that_differ_otherwise_are_refused(tmp_path: Path, column: str) -> None:
    header = "path,label" if column == "label" else f"path,label,{column}"
    row = "1.png,x" if column == "label" else "1.png,x,1"
    table = write(tmp_path / "t.csv", header, row, row[:-1] + "2")
    with pytest.raises(BadInput, match=f"two rows for .*1.png disagree in '{column}'; keep one"):
        read_labels([table], Columns(), [tmp_path / "1.png"], [])


def test_two_rows_of_one_image_must_agree(tmp_path: Path) -> None:
    images = [tmp_path / "1.png"]
    one = LabelRow(tmp_path / "t.csv", "1.png", "x", {"path": "1.png", "sex": "F"})
    more = LabelRow(tmp_path / "u.csv", "./1.png", "x", {"path": "./1.png", "sex": "F", "age": "3"})
    other = LabelRow(tmp_path / "u.csv", "1.png", "y", {"path": "1.png", "sex": "F"})
    matched, _ = match_rows([one, more], images, [])
    assert matched[str(images[0])].values == {"path": "1.png", "sex": "F", "age": "3"}
    with pytest.raises(BadInput, match=r"t\.csv and .*u\.csv: two rows for .*1\.png disagree in 'label'"):
        match_rows([one, other], images, [])
    with pytest.raises(BadInput, match="disagree in 'sex'"):
        match_rows([one, LabelRow(one.table, "1.png", "x", {"sex": "M"})], images, [])


def test_an_image_in_both_covidx_lists_is_refused(tmp_path: Path) -> None:
    lists = [write(tmp_path / name, "7 1.png normal rsna") for name in ("train.txt", "test.txt")]
    with pytest.raises(BadInput, match="disagree in 'listed_in'"):
        read_labels(lists, Columns(), [tmp_path / "1.png"], [])


def test_last_parts_of_a_path_identify_an_image_where_its_name_does_not(tmp_path: Path) -> None:
    images = [tmp_path / f"batch {n}" / f"patient{n}" / "study1" / "view1_frontal.jpg" for n in (1, 2)]
    rows = [
        LabelRow(
            tmp_path / "train.csv", f"CheXpert/train/patient{n}/study1/view1_frontal.jpg", f"{n}", {},
            identifying_parts=3,
        )
        for n in (2, 3)
    ]  # fmt: skip
    matched, without_image = match_rows(rows, images, [tmp_path])
    assert {image: row.label for image, row in matched.items()} == {str(images[1]): "2"}
    assert without_image == 1


def test_two_rows_of_one_image_must_agree_in_why_it_is_left_out(tmp_path: Path) -> None:
    rows = [LabelRow(tmp_path / "t.csv", "1.png", "", {}, reason) for reason in ("several findings", None)]
    with pytest.raises(BadInput, match="disagree in 'label'"):
        match_rows(rows, [tmp_path / "1.png"], [])
