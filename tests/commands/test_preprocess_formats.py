"""`cxr preprocess --format` from the shell."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cxr_cli.artifacts import read_csv

Cxr = Callable[..., Any]

TRAIN = "CheXpert-v1.0-small/train"


@pytest.fixture
def chexpert(tmp_path: Path) -> Path:
    """Four images in CheXpert's folders, and a fifth that is listed and not there; the table beside them."""
    rng = np.random.default_rng(0)
    lines = ["Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Pneumonia"]
    findings = [",1.0,", ",,-1.0", "1.0,,", ",,1.0", ",1.0,"]
    for number, finding in enumerate(findings):
        folder = f"patient{number:05}/study1"
        view, projection = ("lateral", "") if number == 3 else ("frontal", "AP")
        lines.append(f"{TRAIN}/{folder}/view1_{view}.jpg,Male,50,{view.title()},{projection},{finding}")
        if number < 4:
            path = tmp_path / "images" / "train" / folder / f"view1_{view}.jpg"
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (40, 40)).astype(np.uint8))
    (tmp_path / "images" / "train.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "images"


def preprocess(cxr: Cxr, folder: Path, output: Path, *options: object) -> Any:
    return cxr("preprocess", folder, "--size", 32, "--workers", 0, "-o", output, *options)


def test_a_finding_makes_two_classes_and_uncertain_images_are_counted(
    cxr: Cxr, chexpert: Path, tmp_path: Path
) -> None:
    table = ("--labels", chexpert / "train.csv", "--format", "chexpert")
    outcome = preprocess(cxr, chexpert, tmp_path / "d", *table, "--finding", "Pneumonia")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        f"{tmp_path / 'd'}: 2 images of 32 x 32, 2 inputs rejected",
        "  class negative: 2",
        *(line for line in outcome.out.splitlines() if "rejected, " in line),
    ]
    assert "  rejected, uncertain finding: 1" in outcome.out.splitlines()
    assert "rows of the label tables without an image here: 1" in outcome.err
    manifest = read_csv(tmp_path / "d" / "manifest.csv")
    assert manifest["patient_id"].tolist() == ["patient00000", "patient00002"]
    assert set(manifest["sex"]) == {"M"}
    assert set(manifest["view_position"]) == {"AP"}
    rejected = read_csv(tmp_path / "d" / "rejected.csv")
    assert len(rejected) == 2
    assert "uncertain finding: Pneumonia" in rejected["reason"].tolist()


def test_without_a_finding_an_image_has_its_one_finding(cxr: Cxr, chexpert: Path, tmp_path: Path) -> None:
    table = ("--labels", chexpert / "train.csv", "--format", "chexpert")
    outcome = preprocess(cxr, chexpert, tmp_path / "d", *table, "--views", "any")
    assert outcome.code == 0
    manifest = read_csv(tmp_path / "d" / "manifest.csv")
    assert manifest["label"].tolist() == ["Edema", "No Finding", "Pneumonia"]


def test_another_finding_is_another_dataset(cxr: Cxr, chexpert: Path, tmp_path: Path) -> None:
    table = ("--labels", chexpert / "train.csv", "--format", "chexpert")
    assert preprocess(cxr, chexpert, tmp_path / "d", *table, "--finding", "Edema").code == 0
    outcome = preprocess(cxr, chexpert, tmp_path / "d", *table, "--finding", "Pneumonia")
    assert outcome.code == 2
    assert "--finding was 'Edema', now 'Pneumonia'" in outcome.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--finding", "Edema"], "--finding 'Edema': --format is needed"),
        (["--format", "chexpert"], "--format chexpert: --labels is needed"),
        (
            ["--labels", "train.csv", "--format", "kaggle"],
            "'--format': 'kaggle' is not one of 'nih', 'rsna', 'covidx'",
        ),
        (
            ["--labels", "train.csv", "--format", "nih", "--label-column", "x"],
            "--label-column: --format nih says which columns there are",
        ),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    cxr: Cxr,
    chexpert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(chexpert)
    outcome = preprocess(cxr, chexpert, tmp_path / "d", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert not (tmp_path / "d").exists()


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    """Two studies of one patient as MIMIC-CXR-JPG has them, the first of two images; their tables."""
    rng = np.random.default_rng(0)
    for study, image in (("s1", "a-1"), ("s1", "b-2"), ("s2", "c-3")):
        path = tmp_path / "files" / "p10" / "p10000032" / study / f"{image}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (40, 40)).astype(np.uint8))
    findings = "subject_id,study_id,No Finding,Pneumonia\n10000032,1,,1.0\n10000032,2,1.0,\n"
    (tmp_path / "chexpert.csv.gz").write_bytes(gzip.compress(findings.encode()))
    metadata = "dicom_id,subject_id,study_id,ViewPosition,StudyDate\na-1,10000032,1,PA,21800506\n"
    metadata += "b-2,10000032,1,LATERAL,21800506\nc-3,10000032,2,AP,21800506\n"
    (tmp_path / "metadata.csv.gz").write_bytes(gzip.compress(metadata.encode()))
    return tmp_path


def test_findings_of_a_study_are_of_its_images(cxr: Cxr, mimic: Path) -> None:
    table = ("--labels", mimic / "chexpert.csv.gz", "--format", "mimic")
    outcome = preprocess(cxr, mimic / "files", mimic / "d", *table)
    assert outcome.code == 0
    assert "without an image" not in outcome.err
    labels = read_csv(mimic / "d" / "manifest.csv")["label"].tolist()
    assert labels == ["Pneumonia", "Pneumonia", "No Finding"]
    metadata = ("--labels", mimic / "metadata.csv.gz")
    assert preprocess(cxr, mimic / "files", mimic / "e", *table, *metadata).code == 0
    manifest = read_csv(mimic / "e" / "manifest.csv")
    assert manifest["label"].tolist() == ["Pneumonia", "No Finding"]  # without the lateral view
    assert manifest["view_position"].tolist() == ["PA", "AP"]
    assert "21800506" not in (mimic / "e" / "manifest.csv").read_text()


def test_every_kind_of_file_and_a_table_of_a_spreadsheet(cxr: Cxr, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = ["a.tif", "b.bmp", "c.JPE", "d.jfif", "e.tiff"]
    (tmp_path / "images").mkdir()
    for name in names:
        suffix = {".JPE": ".jpg", ".jfif": ".jpg"}.get(Path(name).suffix, Path(name).suffix)
        encoded = cv2.imencode(suffix, rng.integers(0, 255, (40, 40)).astype(np.uint8))[1]
        (tmp_path / "images" / name).write_bytes(encoded.tobytes())
    (tmp_path / "images" / "._a.tif").write_bytes(b"\x00\x05\x16\x07" + bytes(50))
    (tmp_path / "images" / "notes.docx").touch()
    lines = ["Path;Label;Age", *(f"C:\\old\\{name};Erguß, links;40,5" for name in names)]
    (tmp_path / "t.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    outcome = preprocess(cxr, tmp_path / "images", tmp_path / "d", "--labels", tmp_path / "t.csv")
    assert outcome.code == 0
    said = outcome.err.splitlines()
    for line in (
        "other files passed over, no images by name: 1 (.docx 1)",
        "files of the operating system skipped, such as __MACOSX: 1",
        f"{tmp_path / 't.csv'}: is not UTF-8, read as Windows-1252; check letters with accents",
        f"{tmp_path / 't.csv'}: decimal commas read as points, columns 'age'",
    ):
        assert line in said
    manifest = read_csv(tmp_path / "d" / "manifest.csv")
    assert set(manifest["label"]) == {"Erguß, links"}
    assert set(manifest["age"]) == {"40.5"}
    assert len(manifest) == 5
