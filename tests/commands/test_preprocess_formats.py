"""`cxr preprocess --format` from the shell."""

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
            ["--labels", "train.csv", "--format", "mimic"],
            "'--format': 'mimic' is not one of 'nih', 'rsna', 'covidx'",
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
