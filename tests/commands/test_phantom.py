"""`cxr phantom` by its command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Cxr = Callable[..., Any]


def test_phantoms_are_drawn_and_the_same_command_again_is_done(cxr: Cxr, tmp_path: Path) -> None:
    argv = ("phantom", "-o", tmp_path / "d", "--count", 7, "--size", 40, "--workers", 1)
    first = cxr(*argv)
    assert (first.code, first.out) == (0, "")
    assert "7 images made" in first.err
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == [
        "images",
        "labels.csv",
        "masks",
        "phantom.json",
    ]
    table = pd.read_csv(tmp_path / "d" / "labels.csv")
    assert table["label"].value_counts().to_dict() == {"normal": 3, "pneumonia": 2, "covid19": 2}
    again = cxr(*argv)
    assert again.code == 0
    assert "done already" in again.err
    other = cxr(*argv, "--seed", 5)
    assert other.code == 2
    assert "was made with other settings: --seed was 0, now 5;" in other.err


def test_findings_and_the_shortcut_class_are_chosen(cxr: Cxr, tmp_path: Path) -> None:
    chosen = (
        "--finding",
        "normal",
        "--finding",
        "pneumoperitoneum",
        "--shortcut",
        1,
        "--images-per-patient",
        1,
    )
    assert cxr("phantom", "-o", tmp_path, "--count", 4, "--size", 40, "--workers", 1, *chosen).code == 0
    table = pd.read_csv(tmp_path / "labels.csv")
    assert table["patient_id"].nunique() == 4
    assert dict(zip(table["label"], table["shortcut"], strict=True)) == {"normal": 0, "pneumoperitoneum": 1}
    assert len(list((tmp_path / "markers").rglob("*.png"))) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--finding", "flu"), "--finding 'flu'"),
        (("--count", "0"), "--count 0"),
        (("--shortcut", "1.2"), "--shortcut 1.2"),
        (("--shortcut", "-0.1"), "--shortcut -0.1"),
        (("--shortcut-class", "pneumoperitoneum"), "--shortcut-class"),
        (("--images-per-patient", "0"), "--images-per-patient 0"),
        (("--size", "8"), "--size 8"),
        (("--workers", "0"), "--workers 0"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    cxr: Cxr, tmp_path: Path, options: tuple[str, str], message: str
) -> None:
    outcome = cxr("phantom", "-o", tmp_path / "d", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "d").exists()


def test_a_foreign_folder_is_bad_input(cxr: Cxr, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    outcome = cxr("phantom", "-o", tmp_path, "--count", 3)
    assert outcome.code == 3
    assert "not empty" in outcome.err
