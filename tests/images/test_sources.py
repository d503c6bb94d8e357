"""What counts as an input: names, contents, links, indexes, zip archives and the bombs among them."""

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_cli.artifacts import read_csv
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import BadInput
from cxr_cli.images import archives
from cxr_cli.images.archives import archive_members, first_bytes, folder_name, input_size, open_input
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.sources import IMAGE_SUFFIXES, find_inputs, image_stem, listed

Cxr = Callable[..., Any]

PREAMBLE = bytes(128) + b"DICM"


def png_bytes(seed: int) -> bytes:
    written = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40), np.uint8)
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def pack(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def found(*sources: Path) -> list[str]:
    return [path.relative_to(sources[0]).as_posix() for path in find_inputs(sources).paths]


def test_files_without_suffix_count_by_their_content(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.10008", "DICOMDIR", "report.doc"):
        (tmp_path / name).write_bytes(PREAMBLE)
    # No preamble: (0008,0005) CS, 10 bytes, and (0008,0008) in implicit VR.
    (tmp_path / "explicit").write_bytes(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")
    (tmp_path / "implicit").write_bytes(b"\x08\x00\x08\x00\x10\x00\x00\x00ORIGINAL")
    (tmp_path / "README").write_text("no image")
    (tmp_path / "x.dcm").write_bytes(b"")
    assert found(tmp_path) == ["1.2.840.10008", "IM0001", "explicit", "implicit", "x.dcm"]
    assert find_inputs([tmp_path]).other_files == {"no suffix": 2, ".doc": 1}


def test_every_suffix_of_an_image_counts_in_any_case(tmp_path: Path) -> None:
    images = [
        f"{n}{suffix}" for n, suffix in enumerate((*IMAGE_SUFFIXES, ".JPE", ".Tif", ".dcm.gz", ".DCM.GZ"))
    ]
    others = ["a.csv", "b.CSV", "c.csv.gz", "d.nii.gz", "e.txt"]
    for name in (*images, *others):
        (tmp_path / name).write_bytes(b"")
    inputs = find_inputs([tmp_path])
    assert sorted(path.name for path in inputs.paths) == sorted(images)
    assert inputs.other_files == {".csv": 2, ".csv.gz": 1, ".nii.gz": 1, ".txt": 1}


def test_copies_and_thumbnails_of_systems_are_skipped_and_counted(tmp_path: Path) -> None:
    for name in ("a.png", "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/a-checkpoint.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png_bytes(0))
    (tmp_path / "._a.png").write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    (tmp_path / "._b.png").write_bytes(png_bytes(1))  # called so, but an image
    pack(tmp_path / "set.zip", {"c.png": png_bytes(2), "__MACOSX/._c.png": b"x", "._c.dcm": b"\0\5\x16\7"})
    inputs = find_inputs([tmp_path])
    assert [path.name for path in inputs.paths] == ["._b.png", "a.png", "c.png"]
    assert (inputs.system_files, inputs.other_files) == (5, {})
    apple = tmp_path / "._a.png"
    assert find_inputs([apple]).paths == (apple,)  # named itself


def test_without_images_what_is_there_is_named(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c"):
        (tmp_path / name).touch()
    with pytest.raises(
        BadInput, match=r"no images here \(other files: \.csv 2, no suffix 1\); PNG, JPEG, TIFF"
    ):
        find_inputs([tmp_path])


def test_of_many_suffixes_the_most_frequent_are_named() -> None:
    counts = {f".{n:02}": 20 - n for n in range(12)}
    assert listed(counts) == ", ".join(f".{n:02} {20 - n}" for n in range(10)) + ", others 19"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.png", "a"),
        ("1.2.3.dcm", "1.2.3"),
        ("1.2.3", "1.2.3"),
        ("1.2.3.gz", "1.2.3"),
        ("a.dcm.gz", "a"),
        ("A.DCM.GZ", "A"),
        ("a", "a"),
        ("a.gz", "a"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert image_stem(name) == stem


def test_gzipped_files_are_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dcm.gz"
    path.write_bytes(gzip.compress(PREAMBLE + b"more"))
    archive = pack(tmp_path / "a.zip", {"a.dcm.gz": path.read_bytes()})
    for one in (path, *archive_members(archive)):
        assert first_bytes(one, 132) == PREAMBLE
        with open_input(one) as stream:
            assert stream.read() == PREAMBLE + b"more"
    (tmp_path / "1.2.840.gz").write_bytes(gzip.compress(PREAMBLE))
    assert "1.2.840.gz" in found(tmp_path)
    monkeypatch.setattr(archives, "MAX_INPUT_BYTES", 100)
    with pytest.raises(RejectedImageError, match="larger than 100 bytes within its gzip packing"):
        open_input(path)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(RejectedImageError, match="damaged within its gzip packing"):
        open_input(path)


def test_folders_deep_down_and_circles_of_links(tmp_path: Path) -> None:
    deep = tmp_path / "images" / "/".join("abcdefghijklmnop")
    deep.mkdir(parents=True)
    (deep / "image.png").write_bytes(png_bytes(0))
    (deep / "up").symlink_to(tmp_path / "images")
    (tmp_path / "images" / "one.png").symlink_to(tmp_path / "images" / "two.png")
    (tmp_path / "images" / "two.png").symlink_to(tmp_path / "images" / "one.png")
    inputs = find_inputs([tmp_path / "images"])
    assert [path.name for path in inputs.paths] == ["image.png", "one.png", "two.png"]
    assert inputs.linked_folders == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.dcm")
    (tmp_path / "image.png").write_bytes(png_bytes(0))
    assert found(tmp_path) == ["image.png"]


def test_images_in_archives_are_rows(cxr: Cxr, tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "normal").mkdir(parents=True)
    (images / "normal" / "a.png").write_bytes(png_bytes(0))
    pack(
        images / "covid19.zip", {"b.png": png_bytes(1), "deep/normal/c.PNG": png_bytes(2), "notes.txt": b"no"}
    )
    pack(images / "normal" / "more.ZIP", {"pneumonia\\d.png": png_bytes(3), "cut.png": png_bytes(4)[:900]})
    outcome = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 2)
    assert outcome.code == 0, outcome.err
    manifest = open_dataset(tmp_path / "d").manifest
    assert dict(zip(manifest["source"], manifest["label"], strict=True)) == {
        f"{images}/covid19.zip/b.png": "covid19",
        f"{images}/covid19.zip/deep/normal/c.PNG": "normal",
        f"{images}/normal/a.png": "normal",
        f"{images}/normal/more.ZIP/pneumonia/d.png": "pneumonia",
    }
    assert read_csv(tmp_path / "d" / "rejected.csv")["source"].tolist() == [
        f"{images}/normal/more.ZIP/cut.png"
    ]
    assert "other files passed over, no images by name: 1 (.txt 1)" in outcome.err
    again = cxr("preprocess", images, "-o", tmp_path / "d", "--size", 16, "--workers", 1)
    assert "already done" in again.err


def test_labels_find_images_in_archives(cxr: Cxr, tmp_path: Path) -> None:
    pack(tmp_path / "set.zip", {"images/1.png": png_bytes(1), "images/2.png": png_bytes(2)})
    (tmp_path / "labels.csv").write_text("path,label\nset.zip/images/1.png,one\n2.png,two\n")
    labels = ["--labels", tmp_path / "labels.csv"]
    outcome = cxr("preprocess", tmp_path / "set.zip", "-o", tmp_path / "d", "--workers", 1, *labels)
    assert outcome.code == 0, outcome.err
    assert open_dataset(tmp_path / "d").manifest["label"].tolist() == ["one", "two"]


def test_members_are_read_from_their_archive(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"x/image": PREAMBLE + b"more"})
    (member,) = archive_members(archive)
    assert member == archive / "x/image"
    assert first_bytes(member, 132) == PREAMBLE
    assert input_size(member) == 136
    with open_input(member) as stream:
        assert stream.read() == PREAMBLE + b"more"
    assert folder_name(member) == "x"
    assert folder_name(archive / "image") == "a"
    pack(archive, {"y": b""})  # another archive in its place
    with pytest.raises(RejectedImageError, match="no longer in its zip archive"):
        open_input(member)


def stated_size(path: Path, size: int) -> Path:
    """Say in the archive's directory that its first file is larger than it is."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, size)
    path.write_bytes(content)
    return path


def test_archives_beyond_the_bounds_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(path: Path) -> str:
        assert find_inputs([path]).paths == (path,)
        with pytest.raises(RejectedImageError) as caught:
            open_input(path)
        return str(caught.value)

    bomb = pack(tmp_path / "bomb.zip", {"image.png": bytes(10_000_000)})
    assert "more than 100 times its size" in reason(bomb)
    assert "lead out of it" in reason(pack(tmp_path / "up.zip", {"../../image.png": b"x"}))
    assert "lead out of it" in reason(pack(tmp_path / "root.zip", {"/etc/image.png": b"x"}))
    (tmp_path / "text.zip").write_text("no archive")
    assert "cannot be read (BadZipFile)" in reason(tmp_path / "text.zip")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    three = {f"{number}.png": b"x" for number in range(3)}
    assert "more than 2 files" in reason(pack(tmp_path / "many.zip", three))
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 10_000)
    assert "more than 10,000 bytes" in reason(pack(tmp_path / "large.zip", {"a.png": bytes(10_001)}))


def test_members_beyond_the_bounds_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_INPUT_BYTES", 1000)
    large = pack(tmp_path / "large.zip", {"image.png": os.urandom(1001)}) / "image.png"
    with pytest.raises(RejectedImageError, match="larger than 1,000 bytes"):
        open_input(large)
    # A directory that states less than the data hold: no more than stated is unpacked.
    short = stated_size(pack(tmp_path / "short.zip", {"image.png": bytes(500)}), 10) / "image.png"
    with pytest.raises(RejectedImageError, match="damaged within its zip archive"):
        open_input(short)


def test_archives_in_archives_and_encrypted_members_are_rejected(cxr: Cxr, tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"image.png": png_bytes(0)}).read_bytes()
    archive = pack(
        tmp_path / "outer.zip", {"inner.zip": inner, "image.png": png_bytes(1), "locked.png": png_bytes(2)}
    )
    content = bytearray(archive.read_bytes())
    entry = content.index(b"locked.png", content.index(b"PK\x01\x02")) - 46
    content[entry + 8] |= 1  # the flag of encryption
    archive.write_bytes(content)
    outcome = cxr("preprocess", archive, "-o", tmp_path / "d", "--size", 16, "--workers", 1)
    assert outcome.code == 0, outcome.err
    rejected = read_csv(tmp_path / "d" / "rejected.csv")
    assert dict(zip(rejected["source"], rejected["reason"], strict=True)) == {
        f"{archive}/inner.zip": "a zip archive within a zip archive, which is not opened",
        f"{archive}/locked.png": "encrypted within its zip archive",
    }
    assert len(open_dataset(tmp_path / "d").images) == 1


def test_an_archive_of_no_images_and_a_folder_named_like_one(tmp_path: Path) -> None:
    pack(tmp_path / "notes.zip", {"a.txt": b"no image"})
    (tmp_path / "folder.zip" / "normal").mkdir(parents=True)
    (tmp_path / "folder.zip" / "normal" / "a.png").write_bytes(png_bytes(0))
    inputs = find_inputs([tmp_path])
    assert [path.name for path in inputs.paths] == ["a.png"]
    assert inputs.other_files == {".txt": 1}
    with open_input(inputs.paths[0]) as stream:
        assert stream.read() == png_bytes(0)
