"""A folder of phantoms, whole or resumable."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest

from cxr_cli.artifacts import read_json
from cxr_cli.errors import BadInput, SettingsChanged
from cxr_cli.phantom.build import label_table, phantom
from cxr_cli.phantom.cohort import PhantomSettings, image_generator, patient_anatomy, plan_images
from cxr_cli.phantom.dicom_file import stored_values
from cxr_cli.phantom.radiograph import draw_image
from cxr_cli.reporting import Advance, Silent


class Reports(Silent):
    """Hands progress to a function."""

    def __init__(self, advance: Advance) -> None:
        self.advance = advance

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:  # noqa: ARG002 - as the protocol has it
        yield self.advance


CLASSES = ("normal", "pneumonia", "covid19", "pneumoperitoneum")


def _settings(count: int = 8, shortcut: float = 0.0, seed: int = 0) -> PhantomSettings:
    return PhantomSettings(
        findings=CLASSES,
        count=count,
        size=48,
        images_per_patient=2,
        shortcut=shortcut,
        shortcut_class="pneumonia",
        seed=seed,
    )


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    assert phantom(tmp_path / "one", _settings(), workers=1).drawn == 8
    assert phantom(tmp_path / "two", _settings(), workers=2).drawn == 8
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")
    assert phantom(tmp_path / "other", _settings(seed=1), workers=1).drawn == 8
    images = (_contents(tmp_path / name) for name in ("one", "other"))
    assert not set(next(images).values()) & {b for n, b in next(images).items() if n.endswith(".dcm")}


def test_labels_describe_every_file(tmp_path: Path) -> None:
    phantom(tmp_path, _settings(count=12))
    table = pd.read_csv(tmp_path / "labels.csv")
    assert list(table) == [
        "path", "label", "patient_id", "view_position", "manufacturer", "portable", "shortcut", "mask",
    ]  # fmt: skip
    assert set(table["path"]) == {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.dcm")}
    assert set(table["mask"]) == {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")}
    assert table["label"].value_counts().to_dict() == dict.fromkeys(CLASSES, 3)
    for row in table.itertuples():
        header = pydicom.dcmread(tmp_path / row.path)
        mask = cv2.imread(str(tmp_path / row.mask), cv2.IMREAD_UNCHANGED)
        assert Path(row.path).parts[:2] == ("images", row.label)
        assert (header.PatientID, header.ViewPosition) == (row.patient_id, row.view_position)
        assert mask.dtype == np.uint8
        assert mask.shape == header.pixel_array.shape == (48, 48)
        assert set(np.unique(mask)) == ({0} if row.label == "normal" else {0, 255})
    content = read_json(tmp_path / "phantom.json")
    assert content["images"] == 12
    assert content["settings"]["findings"] == list(CLASSES)
    assert not (tmp_path / "markers").exists()


def test_any_image_can_be_drawn_alone(tmp_path: Path) -> None:
    settings = _settings()
    phantom(tmp_path, settings)
    image = plan_images(settings)[5]
    anatomy, rng = patient_anatomy(settings, image.patient), image_generator(settings, image)
    pixels, _ = draw_image(anatomy, image.finding, image.system, image.view_position, settings.size, rng)
    header = pydicom.dcmread(tmp_path / "images" / image.finding / f"{image.name}.dcm")
    inverted = header.PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(header.pixel_array, stored_values(pixels, header.BitsStored, inverted))


def test_the_planted_marker_is_on_its_class_alone_and_changes_nothing_else(tmp_path: Path) -> None:
    phantom(tmp_path / "plain", _settings())
    phantom(tmp_path / "marked", _settings(shortcut=1.0))
    table = pd.read_csv(tmp_path / "marked" / "labels.csv")
    assert set(table.loc[table["shortcut"] == 1, "label"]) == {"pneumonia"}
    assert (table["shortcut"] == 1).sum() == 2
    for row in table.itertuples():
        marker = cv2.imread(str(tmp_path / "marked" / row.mask.replace("masks", "markers")), 0) > 0
        before, after = (pydicom.dcmread(tmp_path / name / row.path) for name in ("plain", "marked"))
        assert marker.any() == bool(row.shortcut)
        assert np.array_equal(before.pixel_array != after.pixel_array, marker)


def test_an_interrupted_folder_is_completed(tmp_path: Path) -> None:
    def interrupt(done: int, total: int, note: str = "") -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phantom(tmp_path / "cut", _settings(), workers=1, reporter=Reports(interrupt))
    assert not (tmp_path / "cut" / "phantom.json").exists()
    with pytest.raises(SettingsChanged, match="`seed` was 0, now 9"):
        phantom(tmp_path / "cut", _settings(seed=9))
    last = tmp_path / "cut" / label_table(plan_images(_settings()))["path"].iloc[-1]
    last.parent.mkdir(parents=True, exist_ok=True)
    (last.parent / f".{last.stem}.tmp.dcm").write_bytes(b"half")
    calls: list[tuple[int, int]] = []
    reports = Reports(lambda done, total, _note="": calls.append((done, total)))
    assert phantom(tmp_path / "cut", _settings(), workers=1, reporter=reports).drawn == 5
    assert calls == [(4, 8), (5, 8), (6, 8), (7, 8), (8, 8)]
    phantom(tmp_path / "whole", _settings())
    assert _contents(tmp_path / "cut") == _contents(tmp_path / "whole")


def test_a_complete_folder_is_left_alone(tmp_path: Path) -> None:
    phantom(tmp_path, _settings())
    before = _contents(tmp_path)
    assert phantom(tmp_path, _settings(), workers=1).drawn == 0
    with pytest.raises(SettingsChanged, match=r"`count` was 8, now 12; name a new folder"):
        phantom(tmp_path, _settings(count=12))
    assert _contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("holiday.txt", "mine", "is not empty and holds no phantoms"),
        ("phantom.json", "[]", "holds a JSON list"),
        ("phantom.json", "{}", "no settings in it"),
    ],
)
def test_a_foreign_folder_is_refused_untouched(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=message):
        phantom(tmp_path, _settings())
    assert _contents(tmp_path) == {name: text.encode()}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a file"):
        phantom(tmp_path / "file", _settings())
