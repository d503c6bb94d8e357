"""Label tables: what is read from them, and which image a row means."""

from pathlib import Path

import pytest

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


def test_a_short_covidx_line_is_named(tmp_path: Path) -> None:
    table = write(tmp_path / "train.txt", "1 a.png covid19 cohen", "2 b.png covid19")
    with pytest.raises(BadInput, match=r"train\.txt: line 2 has 3 fields"):
        read_table(table, Columns())


def test_a_txt_file_with_the_path_column_is_a_table(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path / "t.txt", "path\tlabel", "a.png\tx"), Columns())
    assert row.label == "x"


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
