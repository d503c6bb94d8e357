"""`cxr split` from the shell."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_cli.artifacts import read_csv, write_csv

Cxr = Callable[..., Any]
MakeDataset = Callable[..., Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_counts_are_data_and_notices_are_talk(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    outcome = cxr("split", small_dataset, "-o", tmp_path / "split.csv")
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.splitlines()]
    assert rows[0] == ["subset", "covid19", "normal", "pneumonia", "films"]
    assert [row[0] for row in rows[1:]] == ["train", "val", "test"]
    table = read_csv(tmp_path / "split.csv")
    for subset, *counts in rows[1:]:
        of_subset = table[table["subset"] == subset]
        assert list(map(int, counts)) == [
            *((of_subset["label"] == label).sum() for label in rows[0][1:4]),
            len(of_subset),
        ]
    assert outcome.err.splitlines() == [
        "12 of 60 films have no patient id: each counts as a patient of its own",
        f"{tmp_path / 'split.csv'}: 36 patients, none in two subsets",
    ]
    assert names(tmp_path) == ["split.csv", "split.json"]


def test_the_default_shares_are_a_fifth_each(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    cxr("split", small_dataset, "-o", tmp_path / "default.csv")
    cxr("split", small_dataset, "-o", tmp_path / "given.csv", "--val", 0.2, "--test", 0.2, "--seed", 0)
    assert (tmp_path / "default.csv").read_bytes() == (tmp_path / "given.csv").read_bytes()
    counts = read_csv(tmp_path / "default.csv")["subset"].value_counts()
    assert abs(counts["val"] - 12) <= 3
    assert abs(counts["test"] - 12) <= 3


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(
    cxr: Cxr, small_dataset: Path, tmp_path: Path
) -> None:
    written = []
    for number, seed in enumerate([5, 5, 6]):
        path = tmp_path / str(number) / "split.csv"
        assert cxr("split", small_dataset, "-o", path, "--seed", seed).code == 0
        written.append((path.read_bytes(), path.with_suffix(".json").read_bytes()))
    assert written[0] == written[1]
    assert written[0][0] != written[2][0]


def test_a_train_only_split_has_no_val(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    assert cxr("split", small_dataset, "-o", tmp_path / "s.csv", "--val", 0, "--test", 0.3).code == 0
    assert set(read_csv(tmp_path / "s.csv")["subset"]) == {"train", "test"}


def test_normalisation_is_that_of_the_training_pixels(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    cxr("split", small_dataset, "-o", tmp_path / "split.csv", "--seed", 1)
    training = (read_csv(tmp_path / "split.csv")["subset"] == "train").to_numpy()
    pixels = np.load(small_dataset / "images.npy")[training].astype(np.float64) / 255
    normalisation = json.loads((tmp_path / "split.json").read_text())["normalisation"]
    assert normalisation["mean"] == pytest.approx(pixels.mean(), rel=1e-12)
    assert normalisation["std"] == pytest.approx(pixels.std(), rel=1e-12)


def test_folds(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    outcome = cxr("split", small_dataset, "-o", tmp_path / "folds.csv", "--folds", 4)
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.splitlines()]
    assert [row[0] for row in rows] == ["fold", "0", "1", "2", "3"]
    assert sum(int(row[-1]) for row in rows[1:]) == 60
    table = read_csv(tmp_path / "folds.csv")
    known = table[table["patient_id"] != ""]
    assert (known.groupby("patient_id")["fold"].nunique() == 1).all()


@pytest.fixture
def with_column(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    """A dataset of 40 films, two a patient, whose manifest has the users' own subsets in `set`."""
    return make_dataset(
        tmp_path / "dataset",
        ["normal", "normal", "pneumonia", "pneumonia"] * 10,
        [f"{film // 2}" for film in range(40)],
        set=["train"] * 24 + ["test"] * 12 + [""] * 4,
        leak=["train", "test"] * 20,
    )


def test_subsets_from_a_column_with_val_drawn_from_its_train(
    cxr: Cxr, with_column: Path, tmp_path: Path
) -> None:
    outcome = cxr("split", with_column, "-o", tmp_path / "s.csv", "--from-column", "set", "--val", 0.5)
    assert outcome.code == 0
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["subset", "normal", "pneumonia", "films"],
        ["train", "6", "6", "12"],
        ["val", "6", "6", "12"],
        ["test", "6", "6", "12"],
        ["left", "out", "2", "2", "4"],
    ]
    assert read_csv(tmp_path / "s.csv")["subset"][24:].tolist() == ["test"] * 12 + [""] * 4


def test_a_column_that_leaks_is_refused_and_nothing_written(
    cxr: Cxr, with_column: Path, tmp_path: Path
) -> None:
    before = names(tmp_path)
    outcome = cxr("split", with_column, "-o", tmp_path / "s.csv", "--from-column", "leak")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith(f"cxr: {with_column / 'manifest.csv'}: column 'leak': 20 patients in more")
    assert outcome.err.count("\n") == 1
    assert names(tmp_path) == before


def test_a_class_with_one_patient_is_refused_and_nothing_written(
    cxr: Cxr, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    dataset = make_dataset(tmp_path / "dataset", ["rare"] * 3 + ["normal"] * 9, ["7"] * 3 + [""] * 9)
    outcome = cxr("split", dataset, "-o", tmp_path / "s.csv")
    assert outcome == (
        3,
        "",
        "cxr: class 'rare' has 1 patient, 3 are needed: one for each subset or fold\n",
    )
    assert names(tmp_path) == ["dataset"]


def test_no_patient_s_id_is_told(cxr: Cxr, make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset(
        tmp_path / "dataset",
        ["a", "b"] * 6,
        ["DOE^JANE"] * 4 + [f"p{film}" for film in range(8)],
        leak=["train", "test"] * 6,
    )
    refused = cxr("split", dataset, "-o", tmp_path / "s.csv", "--from-column", "leak")
    assert refused.code == 3
    divided = cxr("split", dataset, "-o", tmp_path / "s.csv")
    assert divided.code == 0
    said = refused.err + divided.out + divided.err + (tmp_path / "s.json").read_text()
    assert "DOE" not in said


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("manifest.csv", "manifest.csv: no such file"),
        ("images.npy", "images.npy: no such file"),
        ("dataset.json", "no dataset.json in it"),
    ],
)
def test_a_folder_that_is_no_whole_dataset_is_refused(
    cxr: Cxr, small_dataset: Path, tmp_path: Path, damage: str, told: str
) -> None:
    shutil.copytree(small_dataset, tmp_path / "dataset")
    (tmp_path / "dataset" / damage).unlink()
    outcome = cxr("split", tmp_path / "dataset", "-o", tmp_path / "s.csv")
    assert outcome.code == 3
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert names(tmp_path) == ["dataset"]


def test_a_place_that_cannot_be_written_is_refused(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    outcome = cxr("split", small_dataset, "-o", tmp_path / "file" / "s.csv")
    assert outcome.code == 3
    assert outcome.err == f"cxr: {tmp_path / 'file' / 's.csv'}: cannot be written (File exists)\n"
    assert (tmp_path / "file").read_text() == "kept"


def test_the_data_can_be_piped(small_dataset: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cxr_cli", "split", small_dataset, "-o", tmp_path / "s.csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(result.stdout.splitlines()) == 4
    assert "\x1b" not in result.stdout + result.stderr


def test_training_refuses_an_edited_split_that_leaks(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    cxr("split", small_dataset, "-o", tmp_path / "s.csv")
    table = read_csv(tmp_path / "s.csv")
    film = table.index[(table["subset"] == "test") & (table["patient_id"] != "")][0]
    table.loc[film, "subset"] = "train"
    write_csv(tmp_path / "s.csv", table)
    outcome = cxr("train", small_dataset, "--split", tmp_path / "s.csv", "-o", tmp_path / "run")
    assert outcome.code == 3
    assert "1 patient in more than one subset" in outcome.err
    assert outcome.err.count("\n") == 1
    assert names(tmp_path) == ["s.csv", "s.json"]
