"""Parts of a dataset and their merge."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from recorder import Recorder

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import read_csv, read_record, write_record
from cxr_cli.dataset.preprocess import Effort, make_dataset, merge_shards
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.dataset.settings import Settings
from cxr_cli.errors import BadInput, SettingsChanged, TooManyRejects
from cxr_cli.images.read import Geometry

SMALL = Settings(Geometry(size=16))
FILES = ("images.npy", "manifest.csv", "rejected.csv", "dataset.json")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven inputs; 0, 4 and 10 have equal pixels, 4 under another label; so have 7 and 8; 2 is no image."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(11):
        path = folder / ("b" if number >= 9 or number == 4 else "a") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        seed = {4: 0, 10: 0, 8: 7}.get(number, number)
        image = np.random.default_rng(seed).integers(0, 256, (40, 40), np.uint8)
        Image.fromarray(image).save(path)
    (folder / "a" / "02.png").write_text("no image")
    return folder


def make(
    images: Path, to: Path, shard: ArrayTask | None = None, settings: Settings = SMALL
) -> dict[str, Any]:
    return make_dataset([images], to, settings, Effort(0), shard=shard)


def make_shards(images: Path, folder: Path, count: int) -> list[Path]:
    for number in range(1, count + 1):
        make(images, folder / str(number), ArrayTask(number, count))
    return [folder / str(number) for number in range(count, 0, -1)]


def merged(shards: list[Path], to: Path, advance: Callable[..., None] = lambda *_: None) -> list[str]:
    said: list[str] = []
    merge_shards(shards, to, max_failures=None, reporter=Recorder(said, after=advance))
    return said


@pytest.mark.parametrize("count", [2, 3, 14])
def test_a_merged_dataset_has_the_bytes_of_one_made_whole(images: Path, tmp_path: Path, count: int) -> None:
    make(images, tmp_path / "whole")
    said = merged(make_shards(images, tmp_path, count), tmp_path / "merged")
    for name in FILES:
        assert (tmp_path / "merged" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    # Files come by folder, so 4, 9 and 10 are last; the numbers are those of the duplicates' first images.
    assert [
        reason.removeprefix(f"duplicate of {images}/")
        for reason in read_csv(tmp_path / "merged" / "rejected.csv")["reason"]
    ] == [
        "not a PNG, JPEG, TIFF or BMP image",
        "a/07.png",
        "a/00.png, under another label",
        "a/00.png, under another label",
    ]
    assert said == [
        "exact duplicates left out: 3 (2 under another label, 0 under another patient)",
        "images of unknown view, taken: 7 of 7",
    ]


def test_a_merge_that_was_cut_off_goes_on_to_the_same_bytes(images: Path, tmp_path: Path) -> None:
    shards = make_shards(images, tmp_path, 2)
    merged(shards, tmp_path / "whole")

    def cut_off(done: int, _: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merged(shards, tmp_path / "cut", cut_off)
    assert f"{tmp_path / 'cut'}: resuming after 7 of 11 inputs" in merged(shards, tmp_path / "cut")
    for name in FILES:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert "already done" in merged(shards, tmp_path / "cut")[0]


def test_a_shard_is_made_once_and_is_no_dataset(images: Path, tmp_path: Path) -> None:
    first = make(images, tmp_path / "s", ArrayTask(1, 2))
    assert first["counts"] == {"inputs": 5, "images": 4, "rejected": 1}
    assert make(images, tmp_path / "s", ArrayTask(1, 2)) == first
    with pytest.raises(BadInput, match="merge all shards"):
        open_dataset(tmp_path / "s")
    with pytest.raises(SettingsChanged, match=r"`shard` was \[1, 2\], now \[2, 2\]"):
        make(images, tmp_path / "s", ArrayTask(2, 2))
    with pytest.raises(SettingsChanged, match=r"`shard` was \[1, 2\], now None"):
        make(images, tmp_path / "s")


def test_missing_doubled_and_foreign_shards_are_refused(images: Path, tmp_path: Path) -> None:
    three, two, one = make_shards(images, tmp_path, 3)
    shutil.copytree(one, tmp_path / "again")
    make(images, tmp_path / "of two", ArrayTask(2, 2))
    make(images, tmp_path / "larger", ArrayTask(3, 3), Settings(Geometry(size=32)))
    make(images, tmp_path / "whole")
    for shards, message in (
        ([one, three], "1 of 3 shards missing: 2"),
        ([one, two, three, tmp_path / "again"], "again: is shard 1/3 again"),
        ([one, tmp_path / "of two"], "of two: is one of 2 shards"),
        ([one, two, tmp_path / "larger"], "larger: `size` is not as in"),
        ([one, two, tmp_path / "whole"], "whole: no finished shard"),
        ([one, two, tmp_path / "gone"], "gone: no such folder"),
    ):
        with pytest.raises(BadInput, match=message):
            merged(shards, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("name", ["images.npy", "progress.jsonl"])
def test_a_damaged_shard_is_refused(images: Path, tmp_path: Path, name: str) -> None:
    shards = make_shards(images, tmp_path, 2)
    content = (shards[0] / name).read_bytes()
    (shards[0] / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match=f"{name}: missing or not as it was written"):
        merged(shards, tmp_path / "merged")


def test_a_shard_of_another_version_is_refused(images: Path, tmp_path: Path) -> None:
    shards = make_shards(images, tmp_path, 2)
    info = read_record(shards[0] / "shard.json")
    info["columns"].remove("patient_id_raw")
    write_record(shards[0] / "shard.json", info)
    with pytest.raises(BadInput, match="no column 'patient_id_raw': another version of cxr made it"):
        merged(shards, tmp_path / "merged")


def test_rejected_inputs_count_when_merged(images: Path, tmp_path: Path) -> None:
    shards = make_shards(images, tmp_path, 2)
    with pytest.raises(TooManyRejects, match="4 inputs rejected, `max_failures` allows 3"):
        merge_shards(shards, tmp_path / "m", max_failures=3)


def test_shards_of_different_versions_are_told(images: Path, tmp_path: Path) -> None:
    shards = make_shards(images, tmp_path, 2)
    info = read_record(shards[0] / "shard.json")
    info["versions"] |= {"pydicom": "2.0", "platform": "another node"}
    write_record(shards[0] / "shard.json", info)
    notice = "shards were made with different versions of pydicom; dataset.json names the first shard's"
    assert merged(shards, tmp_path / "merged")[0] == notice
    assert read_record(tmp_path / "merged" / "dataset.json")["versions"]["pydicom"] != "2.0"
