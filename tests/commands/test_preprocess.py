"""`cxr preprocess` from the shell."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_cli.artifacts import read_csv
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.images.read import PreparedImage, UnreadImage, read_image

Cxr = Callable[..., Any]

UNKNOWN_VIEWS = "images of unknown view, taken: 4 of 4"
"""What is said of four PNG images without a table that has their views."""


def draw(path: Path, seed: int, side: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)).save(
        path, compress_level=1
    )
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for seed in range(4):
        draw(tmp_path / "images" / ("normal", "pneumonia")[seed % 2] / f"{seed}.png", seed)
    return tmp_path / "images"


def test_the_summary_goes_to_stdout_and_talk_to_stderr(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    (images / "normal" / "text.png").write_text("no image")
    draw(images / "normal" / "again.png", 0)
    (images / "notes.txt").write_text("no input")
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 0)
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        f"{tmp_path / 'd'}: 4 images of 16 x 16, 2 inputs rejected",
        "  class normal: 2",
        "  class pneumonia: 2",
        "  rejected, duplicate: 1",
        "  rejected, not a PNG, JPEG, TIFF or BMP image: 1",
    ]
    assert outcome.err.splitlines() == [
        "other files passed over, no images by name: 1 (.txt 1)",
        "exact duplicates left out: 1 (0 under another label, 0 under another patient)",
        UNKNOWN_VIEWS,
    ]
    again = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16)
    assert (again.code, again.out) == (0, outcome.out)
    assert "already done" in again.err


def test_labels_crops_and_columns_from_the_command_line(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    (tmp_path / "t.tsv").write_text("file\tclass\twho\n0.png\tx\t007\n1.png\ty\t8\n")
    (tmp_path / "train.txt").write_text("a b 2.png x rsna\n")
    options = ["--labels", tmp_path / "t.tsv", "--labels", tmp_path / "train.txt", "--path-column", "file"]
    options += [
        "--label-column",
        "class",
        "--patient-column",
        "who",
        "--crop-top",
        0.1,
        "--crop-border",
        0.05,
    ]
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 0, *options)
    assert outcome.code == 0, outcome.err
    dataset = open_dataset(tmp_path / "d")
    assert dataset.manifest["patient_id"].tolist() == ["007", "a b", "8"]
    assert dataset.manifest["label"].tolist() == ["x", "x", "y"]
    assert (dataset.info["settings"]["crop_top"], dataset.info["settings"]["crop_border"]) == (0.1, 0.05)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def test_bad_input_is_one_line_and_leaves_nothing(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.png").write_text("no image")
    (tmp_path / "t.csv").write_text("file,label\na.png,x\n")
    for arguments, code, what in (
        ([tmp_path / "empty"], 3, "no images here"),
        ([tmp_path / "gone"], 3, "no such file or folder"),
        ([tmp_path / "text"], 3, "not a PNG, JPEG, TIFF or BMP"),
        ([images, "--labels", tmp_path / "t.csv"], 3, "t.csv: no column 'path'; it has 'file', 'label'"),
        ([images, "--labels", tmp_path / "gone.csv"], 3, "gone.csv: no such file"),
        ([images, "--crop-border", "0.5"], 2, "--crop-border 0.5"),
        ([images, "--crop-top", "nan"], 2, "--crop-top nan"),
    ):
        outcome = cxr("preprocess", *arguments, "-o", tmp_path / "d")
        assert (outcome.code, outcome.out) == (code, "")
        assert what in one_line(outcome.err)
        assert not (tmp_path / "d").exists()


def test_other_settings_into_a_dataset_and_too_many_rejects(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    assert cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 0).code == 0
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 32)
    assert outcome.code == 2
    assert "--size was 16, now 32" in one_line(outcome.err)
    (images / "normal" / "text.png").write_text("no image")
    outcome = cxr("preprocess", images, "-o", tmp_path / "e", "--max-failures", 0, "--workers", 0)
    assert outcome.code == 4
    assert "text.png" in one_line(outcome.err)


def test_classes_that_may_be_one_are_reported(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    lines = [f"{n}.png,{label}" for n, label in enumerate(("No Finding", "no finding", "NoFinding", "mass"))]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *lines]))
    outcome = cxr("preprocess", images, "--labels", tmp_path / "t.csv", "-o", tmp_path / "d", "--workers", 0)
    assert "class no finding: 1" in outcome.out
    (notice,) = [line for line in outcome.err.splitlines() if line.startswith("classes")]
    assert notice == (
        "classes 'No Finding' and 'NoFinding' and 'no finding' differ in capitals or blanks alone; "
        "they are classes of their own"
    )


def test_truncated_images_are_rows_of_the_rejected(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    for name in ("cut.jpg", "cut.png"):
        path = draw(images / "normal" / name, 9)
        path.write_bytes(path.read_bytes()[:-300])
    (images / "normal" / "cut.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00")
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 0)
    assert (outcome.code, outcome.err) == (0, f"{UNKNOWN_VIEWS}\n")
    assert "4 images of 16 x 16, 3 inputs rejected" in outcome.out


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from cxr_cli.main import entry; entry()", "preprocess"]
    command += [str(argument) for argument in arguments]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_lines(process: subprocess.Popen[str], journal: Path, lines: int) -> None:
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
        time.sleep(0.01)


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command with two reading processes that has done its first images of 500, each there five times."""
    for seed in range(100):
        image = tmp_path / "images" / "normal" / f"{seed:02}.png"
        draw(image, seed, side=500)
        for copy in range(4):
            os.link(image, image.with_stem(f"{seed:02}{copy}"))
    process = start(tmp_path / "images", "-o", tmp_path / "d", "--size", 16, "--workers", 2)
    wait_for_lines(process, tmp_path / "d" / "progress.jsonl", 4)
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def assert_goes_on(cxr: Cxr, tmp_path: Path) -> None:
    again = cxr("preprocess", tmp_path / "images", "-o", tmp_path / "d", "--size", 16, "--workers", 0)
    assert again.code == 0
    assert "resuming after" in again.err
    whole = cxr("preprocess", tmp_path / "images", "-o", tmp_path / "w", "--size", 16, "--workers", 0)
    assert whole.code == 0
    for name in ("images.npy", "manifest.csv", "rejected.csv", "dataset.json"):
        assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "w" / name).read_bytes()


def test_a_killed_command_goes_on_and_leaves_no_process_behind(
    cxr: Cxr, tmp_path: Path, at_work: subprocess.Popen[str]
) -> None:
    at_work.kill()
    at_work.communicate(timeout=60)  # returns when the last process that holds this stderr is gone
    assert at_work.returncode == -signal.SIGKILL
    assert_goes_on(cxr, tmp_path)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_with_a_line_at_most(
    cxr: Cxr, tmp_path: Path, at_work: subprocess.Popen[str], times: int
) -> None:
    for _ in range(times):  # to all processes, as a terminal does
        os.killpg(at_work.pid, signal.SIGINT)
        time.sleep(0.02)
    _, err = at_work.communicate(timeout=60)
    assert at_work.returncode == 130
    line = "cxr: stopped; what is finished is kept, the same command continues\n"
    assert err == line or (times == 2 and err == "")
    assert_goes_on(cxr, tmp_path)


def read_or_misbehave(image: UnreadImage, **options: Any) -> PreparedImage | str:
    """Stands for a decoder with faults."""
    if image.path.stem == "hangs":
        time.sleep(1000)
    if image.path.stem == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    return read_image(image, **options)


def test_an_image_that_hangs_or_kills_its_process_is_one_reject(
    cxr: Cxr, tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxr_cli.images.read.read_image", read_or_misbehave)
    bad = [draw(images / "normal" / f"{name}.png", 7) for name in ("crashes", "hangs")]
    options = ["--size", 16, "--workers", 2, "--image-timeout", 3]
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", *options)
    assert (outcome.code, outcome.err) == (0, f"{UNKNOWN_VIEWS}\n")
    assert "4 images of 16 x 16, 2 inputs rejected" in outcome.out
    assert read_csv(tmp_path / "d" / "rejected.csv").to_numpy().tolist() == [
        [str(bad[0]), "reading it killed its process (SIGSEGV)"],
        [str(bad[1]), "reading it was not done within 3 s"],
    ]


def test_shards_from_a_job_array_are_merged(
    cxr: Cxr, tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--size", 16, "--workers", 0]
    whole = cxr("preprocess", images, "-o", tmp_path / "whole", *options)
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "5")
    for task in ("5", "6"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        outcome = cxr("preprocess", images, "-o", tmp_path / task, *options)
        number = int(task) - 4
        assert outcome.err == (
            f"task of a Slurm job array: --shard {number}/2 (--shard 1/1 takes all images)\n"
        )
        assert outcome.out == (
            f"{tmp_path / task}: 2 images of 16 x 16, 0 inputs rejected, shard {number}/2\n"
        )
    merged = cxr("preprocess", "--merge", tmp_path / "6", tmp_path / "5", "-o", tmp_path / "merged")
    assert (merged.code, merged.err) == (0, f"{UNKNOWN_VIEWS}\n")
    assert merged.out == whole.out.replace("whole", "merged")
    everything = cxr("preprocess", images, "-o", tmp_path / "all", "--shard", "1/1", *options)
    assert (everything.out, everything.err) == (whole.out.replace("whole", "all"), f"{UNKNOWN_VIEWS}\n")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "9")
    outcome = cxr("preprocess", images, "-o", tmp_path / "x", *options)
    assert outcome.code == 2
    assert "give --shard I/N" in one_line(outcome.err)


def test_a_merge_takes_no_other_options(cxr: Cxr, tmp_path: Path, images: Path) -> None:
    outcome = cxr("preprocess", "--merge", images, "-o", tmp_path / "m", "--size", 16)
    assert outcome.code == 2
    assert "--size: not with --merge" in one_line(outcome.err)
    outcome = cxr("preprocess", "--merge", images, "-o", tmp_path / "m", "--max-failures", 0)
    assert outcome.code == 3
    assert "no finished shard" in one_line(outcome.err)


def test_patients_tags_and_manufacturers_from_the_command_line(
    cxr: Cxr, tmp_path: Path, images: Path
) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    (tmp_path / "t.csv").write_text("path,label,patient_id\n0.png,x,007\n")
    (tmp_path / "own.toml").write_text('"Acme" = ["Acme"]\n')
    options = [
        "--size",
        16,
        "--workers",
        0,
        "--labels",
        tmp_path / "t.csv",
        "--pseudonymize",
        tmp_path / "key",
    ]
    options += ["--keep-tags", "StudyDate, KVP", "--manufacturers", tmp_path / "own.toml"]
    assert cxr("preprocess", images, "-o", tmp_path / "d", *options).code == 0
    manifest = open_dataset(tmp_path / "d").manifest
    # printf 007 | openssl dgst -sha256 -hmac 0123456789abcdef
    assert manifest["patient_id"].tolist() == ["17509191b4c07463"]
    assert {"StudyDate", "KVP"} <= set(manifest.columns)
    for wrong, code, what in (
        (("--keep-tags", "Datum"), 2, "--keep-tags 'Datum'"),
        (("--pseudonymize", tmp_path / "gone"), 3, "gone: the key cannot be read"),
        (("--manufacturers", tmp_path / "gone.toml"), 3, "gone.toml: no such file"),
        (("--shard", "3/2"), 2, "--shard 3/2"),
        (("--image-timeout", 0), 2, "--image-timeout 0"),
    ):
        outcome = cxr("preprocess", images, "-o", tmp_path / "e", *wrong)
        assert outcome.code == code
        assert what in one_line(outcome.err)
        assert not (tmp_path / "e").exists()


def test_help_does_not_import_what_computes() -> None:
    code = (
        "import sys; from cxr_cli.main import main; main(['preprocess', '--help'])\n"
        "heavy = {'numpy', 'pandas', 'cv2', 'pydicom', 'jax', 'PIL'} & sys.modules.keys()\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "--crop-border" in done.stdout


def test_no_image_is_decoded_in_the_command_s_own_process(
    cxr: Cxr, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit("decoded here")

    monkeypatch.setattr("cxr_cli.images.read.read_raster", die)
    monkeypatch.setattr("cxr_cli.images.read.read_dicom", die)
    assert cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 0).code == 0
