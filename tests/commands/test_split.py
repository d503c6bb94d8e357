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
from edited import edit_images

from cxr_cli.artifacts import digest_file, read_csv, write_csv

Cxr = Callable[..., Any]
MakeDataset = Callable[..., Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_counts_are_data_and_notices_are_talk(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    outcome = cxr("split", small_dataset, "-o", tmp_path / "split.csv")
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.splitlines()]
    assert rows[0] == ["subset", "covid19", "normal", "pneumonia", "images"]
    assert [row[0] for row in rows[1:]] == ["train", "val", "test"]
    table = read_csv(tmp_path / "split.csv")
    for subset, *counts in rows[1:]:
        of_subset = table[table["subset"] == subset]
        assert list(map(int, counts)) == [
            *((of_subset["label"] == label).sum() for label in rows[0][1:4]),
            len(of_subset),
        ]
    assert outcome.err.splitlines() == [
        "12 of 60 images have no patient id: each counts as a patient of its own",
        f"{tmp_path / 'split.csv'}: 36 patients, none in two subsets",
    ]
    assert names(tmp_path) == ["split.csv", "split.json"]


def test_an_id_that_is_no_patient_s_is_reported(cxr: Cxr, make_dataset: MakeDataset, tmp_path: Path) -> None:
    patients = ["ANONYMOUS"] * 3 + [str(number) for number in range(17)]
    make_dataset(tmp_path / "d", ["normal", "pneumonia"] * 10, patients)
    outcome = cxr("split", tmp_path / "d", "-o", tmp_path / "split.csv", "--no-near-duplicates")
    assert outcome.err.splitlines()[0] == (
        "patient_id 'ANONYMOUS' is on 3 of 20 images, which count as one patient; if it is no patient's, "
        "give `cxr preprocess` a label table with a column of patients; its column of paths, taken as that "
        "one, makes each image a patient of its own"
    )


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


def test_normalization_is_that_of_the_training_pixels(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    cxr("split", small_dataset, "-o", tmp_path / "split.csv", "--seed", 1)
    training = (read_csv(tmp_path / "split.csv")["subset"] == "train").to_numpy()
    pixels = np.load(small_dataset / "images.npy")[training].astype(np.float64) / 255
    normalization = json.loads((tmp_path / "split.json").read_text())["normalization"]
    assert normalization["mean"] == pytest.approx(pixels.mean(), rel=1e-12)
    assert normalization["std"] == pytest.approx(pixels.std(), rel=1e-12)


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
    """A dataset of 40 images, two a patient, whose manifest has the users' own subsets in `set`."""
    return make_dataset(
        tmp_path / "dataset",
        ["normal", "normal", "pneumonia", "pneumonia"] * 10,
        [f"{image // 2}" for image in range(40)],
        set=["train"] * 24 + ["test"] * 12 + [""] * 4,
        leak=["train", "test"] * 20,
    )


def test_subsets_from_a_column_with_val_drawn_from_its_train(
    cxr: Cxr, with_column: Path, tmp_path: Path
) -> None:
    outcome = cxr("split", with_column, "-o", tmp_path / "s.csv", "--from-column", "set", "--val", 0.5)
    assert outcome.code == 0
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["subset", "normal", "pneumonia", "images"],
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
        ["DOE^JANE"] * 4 + [f"p{image}" for image in range(8)],
        leak=["train", "test"] * 6,
    )
    refused = cxr("split", dataset, "-o", tmp_path / "s.csv", "--from-column", "leak")
    assert refused.code == 3
    divided = cxr("split", dataset, "-o", tmp_path / "s.csv")
    assert divided.code == 0
    said = refused.err + divided.out + divided.err + (tmp_path / "s.json").read_text()
    assert "DOE" not in said


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("manifest.csv", "manifest.csv: no such file"),
        ("images.npy", "images.npy: no such file"),
        ("dataset.json", "no dataset.json in it"),
    ],
)
def test_a_folder_that_is_no_whole_dataset_is_refused(
    cxr: Cxr, small_dataset: Path, tmp_path: Path, damage: str, message: str
) -> None:
    shutil.copytree(small_dataset, tmp_path / "dataset")
    (tmp_path / "dataset" / damage).unlink()
    outcome = cxr("split", tmp_path / "dataset", "-o", tmp_path / "s.csv")
    assert outcome.code == 3
    assert message in outcome.err
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
    image = table.index[(table["subset"] == "test") & (table["patient_id"] != "")][0]
    table.loc[image, "subset"] = "train"
    write_csv(tmp_path / "s.csv", table)
    outcome = cxr("train", small_dataset, "--split", tmp_path / "s.csv", "-o", tmp_path / "run")
    assert outcome.code == 3
    assert "1 patient in more than one subset" in outcome.err
    assert outcome.err.count("\n") == 1
    assert names(tmp_path) == ["s.csv", "s.json"]


@pytest.fixture(scope="module")
def archive(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 48 images, two a patient: one in three from elsewhere, every eighth image portable."""
    return make_dataset(
        tmp_path_factory.mktemp("archive") / "dataset",
        ["negative", "negative", "positive", "positive"] * 12,
        [f"{image // 2}" for image in range(48)],
        site=["Elsewhere" if image // 4 % 3 == 0 else "Academic Hospital" for image in range(48)],
        unit=["portable" if image % 8 == 7 else "fixed" for image in range(48)],
    )


WHERE = "site == 'Academic Hospital' and unit == 'fixed'"


def test_the_second_paper_s_split(cxr: Cxr, archive: Path, tmp_path: Path) -> None:
    numbers = ("--train-per-class", 7, "--val-per-class", "positive=2,negative=4")
    outcome = cxr("split", archive, "-o", tmp_path / "s.csv", "--train-where", WHERE, *numbers)
    assert outcome.code == 0
    table = read_csv(tmp_path / "s.csv")
    manifest = read_csv(archive / "manifest.csv")
    used = table["subset"].isin(["train", "val"])
    assert set(manifest["site"][used]) == {"Academic Hospital"}
    assert set(manifest["unit"][used]) == {"fixed"}
    rows = [line.split() for line in outcome.out.split("\n\n")[0].splitlines()]
    assert rows[0] == ["subset", "negative", "positive", "images"]
    assert rows[1] == ["train", "7", "7", "14"]
    assert rows[2] == ["val", "4", "2", "6"]
    assert sum(int(row[-1]) for row in rows[1:]) == 48
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["criteria"]["train_where"] == WHERE
    assert summary["criteria"]["train_per_class"] == 7
    assert summary["criteria"]["val_per_class"] == {"positive": 2, "negative": 4}
    assert summary["counts"]["train"] == {"negative": 7, "positive": 7}
    left_out = [line for line in outcome.err.splitlines() if line.startswith("left out, ")]
    message = {
        line.removeprefix("left out, ").rpartition(": ")[0]: int(line.split()[-1]) for line in left_out
    }
    assert message == summary["left_out"] == table["reason"][table["subset"] == ""].value_counts().to_dict()
    tested = (table["subset"] == "test") & manifest.eval(WHERE)
    assert summary["test_images_of_domain"] == tested.sum() > 0
    assert f"test images of other patients that meet --train-where: {tested.sum()}" in outcome.err


def test_a_condition_with_shares(cxr: Cxr, archive: Path, tmp_path: Path) -> None:
    outcome = cxr("split", archive, "-o", tmp_path / "s.csv", "--train-where", WHERE, "--val", 0.25)
    assert outcome.code == 0
    table = read_csv(tmp_path / "s.csv")
    domain = read_csv(archive / "manifest.csv").eval(WHERE)
    assert table["subset"][domain].isin(["train", "val"]).all()
    assert abs((table["subset"] == "val").sum() - 0.25 * domain.sum()) <= 2
    drawn = table["patient_id"].isin(table["patient_id"][domain])
    assert (table["subset"][~drawn] == "test").all()
    assert (table["subset"][drawn & ~domain] == "").all()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--train-where", "site = 'x'"], 2, "equal is written =="),
        (["--train-where", "nosuch == 'x'"], 3, "has no column 'nosuch'; it has 'image_id'"),
        (["--train-where", "site == 'academic'"], 3, "none of 48 images meets"),
        (
            ["--train-where", WHERE, "--folds", 3],
            2,
            "--folds: divides all images: it cannot be combined with --train-where",
        ),
        (["--train-where", WHERE, "--from-column", "site"], 2, "cannot be combined with --train-where"),
        (["--train-where", WHERE, "--test", 0.2], 2, "--train-where: makes all other patients test"),
        (["--train-per-class", "few"], 2, "--train-per-class few: one number, or one per class"),
        (["--train-per-class", 99], 3, "99 images are wanted (99 for train, 0 for val), 24 are available"),
        (["--val-per-class", 3], 2, "--val-per-class: needs --train-per-class"),
        (["--train-per-class", 3, "--val", 0.1], 2, "--train-per-class: goes with --val-per-class"),
    ],
)
def test_a_domain_that_cannot_be_is_refused_in_one_line(
    cxr: Cxr, archive: Path, tmp_path: Path, options: list[object], code: int, message: str
) -> None:
    outcome = cxr("split", archive, "-o", tmp_path / "s.csv", *options)
    assert (outcome.code, outcome.out) == (code, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert names(tmp_path) == []


def test_a_misspelt_value_is_told(cxr: Cxr, archive: Path, tmp_path: Path) -> None:
    where = "site in ('Academic Hospital', 'Elswhere')"
    outcome = cxr("split", archive, "-o", tmp_path / "s.csv", "--train-where", where)
    assert outcome.code == 0
    assert "--train-where: no image has site 'Elswhere'" in outcome.err.splitlines()


def test_images_are_counted_by_characteristic(cxr: Cxr, make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset(
        tmp_path / "dataset", list("ab") * 12, [""] * 24, view_position=["AP", "AP", "PA", ""] * 6
    )
    outcome = cxr("split", dataset, "-o", tmp_path / "s.csv")
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.split("\n\n")[1].splitlines()]
    assert rows[0] == ["characteristic", "value", "subset", "a", "b", "images"]
    images = {value: sum(int(row[-1]) for row in rows[1:] if row[1] == value) for value in ("AP", "PA", "-")}
    assert images == {"AP": 12, "PA": 6, "-": 6}
    assert {row[0] for row in rows[1:]} == {"view_position"}


@pytest.fixture
def with_near_duplicates(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    """A dataset of 32 images of 32 patients; each of the first four has a mirrored copy at the end."""
    folder = make_dataset(tmp_path / "dataset", list("ab") * 16, [f"p{image}" for image in range(32)])
    images = np.load(folder / "images.npy")
    images[28:] = images[:4, :, ::-1]
    edit_images(folder, images)
    return folder


def test_images_under_two_patients_are_listed_and_kept_together(
    cxr: Cxr, with_near_duplicates: Path, tmp_path: Path
) -> None:
    for seed in range(3):
        outcome = cxr("split", with_near_duplicates, "-o", tmp_path / "s.csv", "--seed", seed, "--force")
        assert outcome.code == 0
        subsets = read_csv(tmp_path / "s.csv")["subset"].tolist()
        assert subsets[:4] == subsets[28:]
        assert outcome.err.splitlines() == [
            *(
                f"near-duplicates of two patients: images/{image}.png and images/{image + 28}.png "
                "(correlation 1.00, mirrored)"
                for image in range(4)
            ),
            "8 of 32 images are near-duplicates of another patient's: those patients stay in one subset",
            "--no-near-duplicates does not search for them",
            f"{tmp_path / 's.csv'}: 28 patients, none in two subsets",
        ]
    summary = json.loads((tmp_path / "s.json").read_text())
    image_ids = read_csv(tmp_path / "s.csv")["image_id"]
    assert [near_duplicates["images"] for near_duplicates in summary["near_duplicates"]] == [
        [image_ids[image], image_ids[image + 28]] for image in range(4)
    ]
    assert all(near_duplicates["mirrored"] for near_duplicates in summary["near_duplicates"])
    assert summary["criteria"]["near_duplicates"] is True


def test_near_duplicates_are_not_looked_for_on_demand(
    cxr: Cxr, with_near_duplicates: Path, tmp_path: Path
) -> None:
    outcome = cxr("split", with_near_duplicates, "-o", tmp_path / "s.csv", "--no-near-duplicates")
    assert outcome.err == f"{tmp_path / 's.csv'}: 32 patients, none in two subsets\n"
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["near_duplicates"] == []
    assert summary["criteria"]["near_duplicates"] is False


def test_the_library_s_split_is_the_command_s(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    from cxr_cli.splitting.criteria import SplitCriteria
    from cxr_cli.splitting.split import split

    result = split(small_dataset, tmp_path / "a.csv", SplitCriteria(val=0.2, test=0.2, near_duplicates=True))
    assert cxr("split", small_dataset, "-o", tmp_path / "b.csv").code == 0
    assert result.path.read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (result.images, result.patients, result.near_duplicates) == (60, 36, ())
    assert result.counts == json.loads((tmp_path / "b.json").read_text())["counts"]


def test_another_split_is_replaced_by_force_alone(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    first = cxr("split", small_dataset, "-o", path, "--val", 0.25)
    made = path.read_bytes()
    again = cxr("split", small_dataset, "-o", path, "--val", 0.25)
    assert again.out == first.out
    assert f"{path}: was made before with the same settings; nothing to do" in again.err

    outcome = cxr("split", small_dataset, "-o", path, "--val", 0.3)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        f"cxr: {path}: was made with other settings: --val was 0.25, now 0.3; name another file, or --force\n"
    )
    assert path.read_bytes() == made

    run = tmp_path / "runs" / "single"
    run.mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"split_digest": digest_file(path)}))
    outcome = cxr("split", small_dataset, "-o", path, "--val", 0.3, "--force")
    assert outcome.code == 0
    assert f"{run}: was trained on the split that is replaced" in outcome.err
    assert path.read_bytes() != made


def test_a_file_that_is_no_split_or_an_edited_one_stays(
    cxr: Cxr, small_dataset: Path, tmp_path: Path
) -> None:
    path = tmp_path / "split.csv"
    path.write_text("thesis")
    outcome = cxr("split", small_dataset, "-o", path)
    assert (outcome.code, path.read_text()) == (3, "thesis")
    assert "is there already, and no split of cxr; name another file, or --force" in outcome.err
    assert cxr("split", small_dataset, "-o", path, "--force").code == 0
    path.write_text(path.read_text().replace(",test,", ",val,"))
    outcome = cxr("split", small_dataset, "-o", path)
    assert outcome.code == 3
    assert f"{path}: was edited after cxr made it" in outcome.err
