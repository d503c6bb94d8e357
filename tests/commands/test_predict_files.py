"""`cxr predict` of raw image files from the shell."""

import io
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import cv2
import numpy as np
import pandas as pd
import pytest
from dicom_image import dicom
from edited import edit_config

Cxr = Callable[..., Any]


@pytest.fixture(scope="module")
def tested(single_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cxr_cli.main import main

    run = Path(shutil.copytree(single_run, tmp_path_factory.mktemp("files") / "run"))
    assert main(["test", str(run), "--resamples", "100"]) == 0
    return run


@pytest.fixture(scope="module")
def files(tested: Path, small_dataset: Path) -> Path:
    """The images of the test subset as PNG, a file that is none, and a folder's worth of noise."""
    folder = tested.parent / "images"
    folder.mkdir()
    images = np.load(small_dataset / "images.npy")
    manifest = pd.read_csv(small_dataset / "manifest.csv").set_index("image_id")
    for image_id in pd.read_csv(tested / "predictions.csv")["image_id"]:
        cv2.imwrite(str(folder / f"{image_id}.png"), images[manifest.loc[image_id, "row"]])
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return folder


def test_files_have_the_scores_that_their_dataset_has(cxr: Cxr, tested: Path, files: Path) -> None:
    done = cxr("predict", tested, files)
    assert done.code == 0
    found = pd.read_csv(io.StringIO(done.out)).set_index("image_id")
    expected = pd.read_csv(tested / "predictions.csv").set_index("image_id")
    assert set(found.index) == set(expected.index)
    trusted = found[found["flag"].isna()]
    assert len(trusted) > len(found) / 2
    assert np.allclose(trusted["score_normal"], expected.loc[trusted.index, "score_normal"], atol=1e-5)
    assert list(trusted["predicted"]) == list(expected.loc[trusted.index, "predicted"])
    assert f"rejected: {files / 'torn.png'}: " in done.err
    assert "1 files rejected" in done.err


def test_lines_of_json_are_in_the_order_of_the_files(
    cxr: Cxr, tested: Path, files: Path, tmp_path: Path
) -> None:
    done = cxr("predict", tested, files, "--json")
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["source"] for record in records] == sorted(map(str, files.iterdir()))
    assert [record["source"] for record in records if "rejected" in record] == [str(files / "torn.png")]
    assert cxr("predict", tested, files, "--json", "-o", tmp_path / "x.jsonl").out == ""
    assert (tmp_path / "x.jsonl").read_text() == done.out


def test_an_archive_is_searched_and_one_file_is_enough(
    cxr: Cxr, tested: Path, files: Path, tmp_path: Path
) -> None:
    one = next(files.glob("*.png"))
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(one, "study/image.png")
    from_file, from_archive = (
        json.loads(cxr("predict", tested, path, "--json").out) for path in (one, tmp_path / "a.zip")
    )
    assert from_archive["source"] == str(tmp_path / "a.zip" / "study" / "image.png")
    assert from_file["image_id"] == from_archive["image_id"]
    assert from_file["score_normal"] == pytest.approx(from_archive["score_normal"], abs=1e-6)


def test_images_unlike_those_of_training_are_flagged_and_not_guessed(
    cxr: Cxr, tested: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((64, 64), 90, np.uint8))
    stripes = np.where(np.arange(64) % 8 < 4, 255, 0).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "stripes.png"), np.tile(stripes, (64, 1)))
    done = cxr("predict", tested, tmp_path, "--json")
    blank, striped = (json.loads(line) for line in done.out.splitlines())
    assert "rejected" in blank
    assert striped["flag"] == "unlike the training images"
    assert striped["distance_sd"] > 3
    assert striped["predicted"] is None
    assert {value for name, value in striped.items() if name.startswith("score_")} == {None}


def test_views_that_the_run_s_images_have_not_are_rejected_by_name(
    cxr: Cxr, tested: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(tested, tmp_path / "run"))
    edit_config(run, views=["PA", "AP"])
    assert cxr("phantom", "-o", tmp_path / "p", "--count", 3, "--size", 64, "--workers", 1).code == 0
    import pydicom

    path = next((tmp_path / "p" / "images").rglob("*.dcm"))
    header = pydicom.dcmread(path)
    header.ViewPosition = "LL"
    header.save_as(tmp_path / "lateral.dcm")
    [record] = map(json.loads, cxr("predict", run, tmp_path / "lateral.dcm", "--json").out.splitlines())
    assert "LATERAL" in record["rejected"]


def test_images_whose_header_and_pixels_disagree_are_counted(
    cxr: Cxr, tested: Path, files: Path, tmp_path: Path
) -> None:
    gray = cv2.imread(str(next(files.glob("*.png"))), cv2.IMREAD_GRAYSCALE)
    dicom(gray, WindowCenter=0, WindowWidth=0).save_as(tmp_path / "image.dcm", enforce_file_format=True)
    done = cxr("predict", tested, tmp_path / "image.dcm")
    assert done.code == 0
    assert "images whose header and pixels disagree: 1 (column pixel_mapping)" in done.err
    [mapping] = pd.read_csv(io.StringIO(done.out))["pixel_mapping"]
    assert mapping.endswith("; despite WindowCenter 0, WindowWidth 0: too narrow")
    [record] = map(json.loads, cxr("predict", tested, tmp_path / "image.dcm", "--json").out.splitlines())
    assert record["pixel_mapping"] == mapping


def test_a_run_without_its_images_says_that_nothing_is_flagged(
    cxr: Cxr, tested: Path, files: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(tested, tmp_path / "run"))
    (run / "reference-features.npz").unlink(missing_ok=True)
    edit_config(run, dataset=str(tmp_path / "gone"))
    done = cxr("predict", run, next(files.glob("*.png")), "--json")
    assert done.code == 0
    assert "images unlike them are not flagged" in done.err
    assert json.loads(done.out)["distance_sd"] is None


def test_arriving_files_are_predicted_each_once(cxr: Cxr, tested: Path, files: Path, tmp_path: Path) -> None:
    inbox, lines = tmp_path / "inbox", tmp_path / "out.jsonl"
    inbox.mkdir()
    first, second, *_ = sorted(files.glob("*.png"))
    shutil.copy(first, inbox)

    def arrive() -> None:
        time.sleep(3)
        shutil.copy(second, inbox)

    later = threading.Thread(target=arrive)
    later.start()
    done = cxr("predict", tested, "--watch", inbox, "-o", lines, "--idle", 12)
    later.join()
    assert (done.code, done.out) == (0, "")
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["source"] for record in records] == [str(inbox / first.name), str(inbox / second.name)]
    # A torn last line is dropped, and its file predicted again; the other is not.
    whole = lines.read_text()
    lines.write_text(whole[:-20])
    assert cxr("predict", tested, "--watch", inbox, "-o", lines, "--idle", 6).code == 0
    assert [json.loads(line) for line in lines.read_text().splitlines()] == records


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "a DATASET, or image files"),
        (("missing.png",), 3, "missing.png: no such file or folder"),
        (("--idle", 3), 2, "--idle: only with --watch"),
        (("--watch", "nowhere"), 2, "--watch: needs -o FILE"),
        (("--watch", "nowhere", "-o", "x.jsonl"), 3, "nowhere: no such folder"),
        (("--watch", ".", "-o", "x.jsonl"), 2, "is in the folder that is watched"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(
    cxr: Cxr, tested: Path, options: tuple[object, ...], code: int, message: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    done = cxr("predict", tested, *options)
    assert (done.code, done.out) == (code, "")
    assert message in done.err.splitlines()[-1]


def test_nothing_but_rejected_files_is_an_error(cxr: Cxr, tested: Path, files: Path) -> None:
    done = cxr("predict", tested, files / "torn.png")
    assert (done.code, done.out) == (3, "")
    assert "none of 1 files is an image that can be predicted" in done.err
