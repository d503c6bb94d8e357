"""Images to a DATASET folder: inputs, labels, duplicates, resuming, several processes."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dicom_image import dicom, gradual
from PIL import Image
from recorder import Recorder

from cxr_cli.array_task import ArrayTask
from cxr_cli.artifacts import digest_file, read_csv
from cxr_cli.dataset.preprocess import Effort, make_dataset, preprocess
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.dataset.settings import Settings
from cxr_cli.errors import BadInput, InvalidSetting, SettingsChanged, TooManyRejects
from cxr_cli.images.raster import crop, image_id, resize
from cxr_cli.images.read import Geometry
from cxr_cli.labels.table import Columns
from cxr_cli.locks import locked

SMALL = Settings(Geometry(size=16))


def noise(seed: int, height: int = 40, width: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def draw(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed)).save(path)
    return path


class Run:
    """Call preprocess in one process and keep what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def __call__(
        self,
        *sources: Path,
        to: Path,
        settings: Settings = SMALL,
        shard: ArrayTask | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        self.said, self.steps = [], []
        effort = Effort(**{"workers": 0, **options})
        return make_dataset(
            sources,
            to,
            settings,
            effort,
            shard=shard,
            reporter=Recorder(self.said, self.steps),
        )


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four images of two classes in folders of their names, in an order that is not the alphabet's."""
    for seed, name in enumerate(
        ("pneumonia/d.png", "normal/b.PNG", "normal/deep/normal/a.jpeg", "pneumonia/c.jpg")
    ):
        draw(tmp_path / "images" / name, seed)
    return tmp_path / "images"


def table(path: Path, *rows: str) -> Settings:
    path.write_text("\n".join(rows) + "\n")
    return Settings(Geometry(size=16), (path,), Columns())


def test_images_become_rows_in_the_order_of_their_paths(tmp_path: Path, images: Path, run: Run) -> None:
    info = run(images, to=tmp_path / "d")
    dataset = open_dataset(tmp_path / "d")
    names = ["normal/b.PNG", "normal/deep/normal/a.jpeg", "pneumonia/c.jpg", "pneumonia/d.png"]
    assert dataset.manifest["source"].tolist() == [str(images / name) for name in names]
    assert dataset.manifest["label"].tolist() == ["normal", "normal", "pneumonia", "pneumonia"]
    assert dataset.images.shape == (4, 16, 16)
    np.testing.assert_array_equal(dataset.images[3], resize(noise(0), 16))
    assert dataset.manifest["image_id"][3] == image_id(noise(0))
    assert info["counts"] == {"inputs": 4, "images": 4, "rejected": 0}
    assert info["classes"] == {"normal": 2, "pneumonia": 2}
    assert info["digest"] == digest_file(tmp_path / "d" / "images.npy")
    assert {"python", "pydicom", "opencv-python-headless"} <= info["versions"].keys()
    assert run.steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_crops_come_before_the_resize_and_leave_the_identity(tmp_path: Path, images: Path, run: Run) -> None:
    run(images, to=tmp_path / "d", settings=Settings(Geometry(16, crop_top=0.25, crop_border=0.1)))
    dataset = open_dataset(tmp_path / "d")
    np.testing.assert_array_equal(dataset.images[3], resize(crop(noise(0), 0.25, 0.1), 16))
    assert dataset.manifest["image_id"][3] == image_id(noise(0))


def test_several_processes_make_the_same_dataset(tmp_path: Path, images: Path, run: Run) -> None:
    for seed in range(10, 30):
        draw(images / "normal" / f"{seed % 17}.png", seed % 15)  # duplicates among them
    (images / "normal" / "broken.png").write_bytes(b"")
    run(images, to=tmp_path / "one")
    run(images, to=tmp_path / "two", workers=2)
    for name in ("images.npy", "manifest.csv", "rejected.csv", "dataset.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert len(read_csv(tmp_path / "two" / "rejected.csv")) > 3


def test_inputs_are_rows_and_rejected(tmp_path: Path, images: Path, run: Run) -> None:
    (images / "normal" / "text.png").write_text("no image")
    (images / "normal" / "notes.txt").write_text("no input")
    (images / "normal" / "noextension").write_text("no input")
    whole = draw(images / "normal" / "cut.png", 9).read_bytes()
    (images / "normal" / "cut.png").write_bytes(whole[:900])
    info = run(images, to=tmp_path / "d")
    assert info["counts"] == {"inputs": 6, "images": 4, "rejected": 2}
    rejected = read_csv(tmp_path / "d" / "rejected.csv")
    assert rejected["source"].tolist() == [str(images / "normal" / name) for name in ("cut.png", "text.png")]
    assert "truncated" in rejected["reason"][0]
    assert any(
        line.startswith("other files passed over") and line.endswith(": 2 (.txt 1, no suffix 1)")
        for line in run.said
    )


def test_a_file_named_by_the_user_is_always_an_input(tmp_path: Path, images: Path, run: Run) -> None:
    (images / "notes.txt").write_text("not an image")
    info = run(images / "notes.txt", images / "normal", images / "normal" / "b.PNG", to=tmp_path / "d")
    assert info["counts"] == {"inputs": 3, "images": 2, "rejected": 1}


def test_a_link_to_nowhere_is_a_rejected_input(tmp_path: Path, images: Path, run: Run) -> None:
    (images / "normal" / "gone.png").symlink_to(tmp_path / "gone.png")
    run(images, to=tmp_path / "d")
    assert "cannot be opened" in read_csv(tmp_path / "d" / "rejected.csv")["reason"][0]


def test_a_file_name_that_is_no_utf8_is_written_with_escapes(tmp_path: Path, run: Run) -> None:
    (tmp_path / "images").mkdir()
    odd = str(tmp_path / "images").encode() + b"/caf\xe9.png"
    draw(tmp_path / "image.png", 0).rename(Path(os.fsdecode(odd)))
    run(tmp_path / "images", to=tmp_path / "d")
    assert open_dataset(tmp_path / "d").manifest["source"][0].endswith("caf\\xe9.png")


def test_exact_duplicates_are_kept_once_and_told(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "images"
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/4.png", "b/5.png"):
        draw(folder / name, 0)
    settings = table(tmp_path / "t.csv", "path,label,patient_id", "1,a,p", "2,a,p", "3,a,q", "4,b,p", "5,b,q")
    info = run(folder, to=tmp_path / "d", settings=settings)
    assert info["counts"] == {"inputs": 5, "images": 1, "rejected": 4}
    first = f"duplicate of {folder / 'a/1.png'}"
    assert read_csv(tmp_path / "d" / "rejected.csv")["reason"].tolist() == [
        first,
        f"{first}, under another patient",
        f"{first}, under another label",
        f"{first}, under another label, under another patient",
    ]
    assert run.said[0] == "exact duplicates left out: 4 (2 under another label, 2 under another patient)"


def test_a_label_table_gives_labels_characteristics_and_columns(
    tmp_path: Path, images: Path, run: Run
) -> None:
    settings = table(
        tmp_path / "t.csv",
        "path,label,patient_id,sex,age,source,site,reason",
        "a,one,007,F,40,x,north,cough",
        "b,,,,,,,",
        "c,two,8,,,,south,",
        "zzz,two,9,,,,,",
    )
    info = run(images, to=tmp_path / "d", settings=settings)
    manifest = open_dataset(tmp_path / "d").manifest
    assert info["classes"] == {"one": 1, "two": 1}
    assert list(manifest.columns[-5:]) == ["pixel_mapping", "path", "table_source", "site", "reason"]
    assert manifest.loc[0, ["patient_id", "sex", "age", "table_source", "site", "reason"]].tolist() == [
        "007",
        "F",
        "40",
        "x",
        "north",
        "cough",
    ]
    assert read_csv(tmp_path / "d" / "rejected.csv").to_numpy().tolist() == [
        [str(images / "normal" / "b.PNG"), "empty label in the label table"],
        [str(images / "pneumonia" / "d.png"), "no row in the label table"],
    ]
    assert "rows of the label tables without an image here: 1" in run.said
    assert any("'source' is kept as 'table_source'" in line for line in run.said)


def test_what_is_missing_is_missing_in_every_column(tmp_path: Path, images: Path, run: Run) -> None:
    settings = table(
        tmp_path / "t.csv",
        "path,label,patient_id,sex,age,view_position",
        "a,one,nan,NA,#N/A,?",
        "b,None,7,F,50,PA",
        "c,two,NaN,-,<NA>,null",
        "d,NaN,8,M,60,AP",
    )
    run(images, to=tmp_path / "d", settings=settings)
    manifest = open_dataset(tmp_path / "d").manifest
    missing = manifest[["patient_id", "sex", "age", "view_position"]]
    assert manifest["label"].tolist() == ["one", "two"]
    assert (missing == "").all(axis=None)
    assert read_csv(tmp_path / "d" / "rejected.csv")["reason"].tolist() == [
        "missing label in the label table: 'None'",
        "missing label in the label table: 'NaN'",
    ]
    assert run.said == [
        "images whose patient id is a word for a missing value, each a patient of its own: 2 of 2",
        "images of unknown view, taken: 2 of 2",
    ]


def test_a_folder_named_like_a_missing_value_is_no_class(tmp_path: Path, images: Path, run: Run) -> None:
    draw(images / "nan" / "e.png", 9)
    run(images, to=tmp_path / "d")
    assert read_csv(tmp_path / "d" / "rejected.csv")["reason"].tolist() == [
        "missing label of its folder: 'nan'"
    ]


def test_ages_sexes_and_views_are_written_in_one_way_and_kept_as_written(
    tmp_path: Path, images: Path, run: Run
) -> None:
    settings = table(
        tmp_path / "t.csv",
        "path,label,sex,age,view_position",
        "a,one,male,018M,pa",
        "b,one,W,412,AP ERECT",
        "c,two,1,90+,FRONTAL",
        "d,two,unknown,50-59,XYZ",
    )
    run(images, to=tmp_path / "d", settings=settings)
    manifest = open_dataset(tmp_path / "d").manifest.set_index("path").sort_index()
    for column, values in {
        "sex": ["M", "F", "1", ""],
        "sex_raw": ["male", "W", "1", "unknown"],
        "age": ["1.5", "", "90", "50-59"],
        "age_raw": ["018M", "412", "90+", "50-59"],
        "view_position": ["PA", "AP", "FRONTAL", ""],
        "view_position_raw": ["pa", "AP ERECT", "FRONTAL", "XYZ"],
    }.items():
        assert manifest[column].tolist() == values
    assert run.said == [
        "images whose age is left empty: negative, over 120 years, or no age: 1 of 4 (column age_raw)",
        "images whose age is no number of years, kept as written: 1 of 4 (column age_raw)",
        "images whose age has an open end, such as 90+, read as 90: 1 of 4 (column age_raw)",
        "images whose sex is none of M, F and O, kept as written: 1 of 4 (column sex_raw)",
        "images of unknown view, taken: 1 of 4; frontal ones, PA or AP not stated: 1",
    ]
    run(images, to=tmp_path / "ap", settings=replace(settings, views=("AP",)))
    assert run.said[-1] == "images of unknown view, taken: 1 of 3; frontal ones, PA or AP not stated: 1"
    assert read_csv(tmp_path / "ap" / "rejected.csv")["reason"].tolist() == ["PA view; taken are AP"]


def test_spellings_of_one_patient_id_are_one_patient(tmp_path: Path, images: Path, run: Run) -> None:
    rows = ["path,label,patient_id", "a,one,P 01", "b,one,8", "c,two,p01 ", "d,two,08"]
    settings = table(tmp_path / "t.csv", *rows)
    run(images, to=tmp_path / "d", settings=settings)
    manifest = open_dataset(tmp_path / "d").manifest.set_index("path").sort_index()
    assert manifest["patient_id_raw"].tolist() == ["P 01", "8", "p01", "08"]
    # The first of an id's spellings, in the order of the images: b, a, c, d.
    assert manifest["patient_id"].tolist() == ["P 01", "8", "P 01", "8"]
    assert run.said[0] == (
        "patient ids that differ only in zeros, blanks, case or .0, each taken as one patient: 2, such as "
        "'8' and '08'; `ids_verbatim` keeps them apart"
    )
    with pytest.raises(SettingsChanged, match="`ids_verbatim` was False, now True"):
        run(images, to=tmp_path / "d", settings=replace(settings, ids_verbatim=True))
    run(images, to=tmp_path / "v", settings=replace(settings, ids_verbatim=True))
    verbatim = open_dataset(tmp_path / "v").manifest.set_index("path").sort_index()
    assert verbatim["patient_id"].tolist() == verbatim["patient_id_raw"].tolist()
    assert verbatim["patient_id"].nunique() == 4
    assert run.said == ["images of unknown view, taken: 4 of 4"]


def test_an_id_that_is_no_patient_s_is_reported(tmp_path: Path, images: Path, run: Run) -> None:
    rows = ["path,label,patient_id", "a,one,ANONYMOUS", "b,one,8", "c,two,Anonymous", "d,two,9"]
    run(images, to=tmp_path / "d", settings=table(tmp_path / "t.csv", *rows))
    assert (
        "patient_id 'ANONYMOUS' is on 2 of 4 images, which count as one patient; if it is no patient's, "
        "give `cxr preprocess` a label table with a column of patients; its column of paths, taken as that "
        "one, makes each image a patient of its own"
    ) in run.said
    (tmp_path / "t.csv").write_text("path,label\na,one\nb,one\nc,two\nd,two\n")
    by_path = Settings(Geometry(size=16), (tmp_path / "t.csv",), Columns(patient="path"))
    run(images, to=tmp_path / "p", settings=by_path)
    assert open_dataset(tmp_path / "p").manifest["patient_id"].nunique() == 4


def test_a_covidx_list_gives_subset_and_collection(tmp_path: Path, images: Path, run: Run) -> None:
    lists = []
    for name, line in (("train_x.txt", "a 1 a.jpeg normal rsna"), ("test_x.txt", "7 d.png pneumonia cohen")):
        (tmp_path / name).write_text(line + "\n")
        lists.append(tmp_path / name)
    run(images, to=tmp_path / "d", settings=Settings(Geometry(16), tuple(lists)))
    manifest = open_dataset(tmp_path / "d").manifest
    assert manifest[["patient_id", "listed_in", "collection"]].to_numpy().tolist() == [
        ["a 1", "train", "rsna"],
        ["7", "test", "cohen"],
    ]


class CutOffError(Exception):
    """Stands for the end of the process."""


def cut_off_after(count: int) -> Callable[[int, int], None]:
    def advance(done: int, total: int) -> None:
        if done == count:
            raise CutOffError

    return advance


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_call_goes_on_where_it_was_cut_off(
    tmp_path: Path, images: Path, run: Run, workers: int
) -> None:
    draw(images / "pneumonia" / "z.png", 1)  # a duplicate of an image that is read before the cut
    run(images, to=tmp_path / "whole")
    with pytest.raises(CutOffError):
        make_dataset(
            [images],
            tmp_path / "d",
            SMALL,
            Effort(workers),
            reporter=Recorder(after=cut_off_after(2)),
        )
    assert len((tmp_path / "d" / "progress.jsonl").read_text().splitlines()) == 3
    run(images, to=tmp_path / "d")
    assert run.steps == [(3, 5), (4, 5), (5, 5)]
    assert f"{tmp_path / 'd'}: resuming after 2 of 5 inputs" in run.said
    for name in ("images.npy", "manifest.csv", "rejected.csv"):
        assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_finished_dataset_is_not_made_again(tmp_path: Path, images: Path, run: Run) -> None:
    first = run(images, to=tmp_path / "d")
    before = (tmp_path / "d" / "dataset.json").stat().st_mtime_ns
    assert run(images, to=tmp_path / "d", workers=2) == first
    assert "already done" in run.said[-1]
    assert run.steps == []
    assert (tmp_path / "d" / "dataset.json").stat().st_mtime_ns == before


def test_a_folder_at_work_is_left_to_the_first_process(tmp_path: Path, images: Path, run: Run) -> None:
    with locked(tmp_path / "d"), pytest.raises(BadInput, match="is writing there; wait"):
        run(images, to=tmp_path / "d")


def test_images_without_room_are_refused_before_any_is_read(
    tmp_path: Path, images: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=800))
    with pytest.raises(BadInput, match=r"d: 0\.0 MB are free, 4 images take 0\.0 MB; make room"):
        run(images, to=tmp_path / "d")
    assert run.steps == []


def test_other_settings_or_inputs_are_refused(tmp_path: Path, images: Path, run: Run) -> None:
    settings = table(tmp_path / "t.csv", "path,label", "a,x", "b,y")
    run(images, to=tmp_path / "d", settings=settings)
    before = (tmp_path / "d" / "dataset.json").read_bytes()
    for other, what in (
        (SMALL, "`labels` was"),
        (Settings(Geometry(8), settings.labels), "`size` was 16, now 8"),
        (Settings(Geometry(16, crop_top=0.1), settings.labels), "`crop_top` was 0.0, now 0.1"),
    ):
        with pytest.raises(SettingsChanged, match=what):
            run(images, to=tmp_path / "d", settings=other)
    with pytest.raises(SettingsChanged, match="the number of inputs was 4, now 2"):
        run(images / "normal", to=tmp_path / "d", settings=settings)
    (images / "normal" / "b.PNG").rename(images / "normal" / "e.png")
    with pytest.raises(SettingsChanged, match="the list of inputs"):
        run(images, to=tmp_path / "d", settings=settings)
    (images / "normal" / "e.png").rename(images / "normal" / "b.PNG")
    table(tmp_path / "t.csv", "path,label", "a,x", "b,z")
    with pytest.raises(SettingsChanged, match="the content of `labels`"):
        run(images, to=tmp_path / "d", settings=settings)
    assert (tmp_path / "d" / "dataset.json").read_bytes() == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, images: Path, run: Run) -> None:
    with pytest.raises(BadInput, match="is not empty and holds no dataset"):
        run(images, to=images)
    assert sorted(path.name for path in images.iterdir()) == ["normal", "pneumonia"]
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(BadInput, match="is a file; the name of a folder is needed"):
        run(images, to=tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "dear"


def test_nothing_is_left_where_no_image_could_be_read(tmp_path: Path, run: Run) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_text("no picture")
    with pytest.raises(BadInput, match=r"none of 1 inputs .*a\.png: not a PNG, JPEG, TIFF or BMP"):
        run(tmp_path / "images", to=tmp_path / "d")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 4}, "`size` 4: from 8 to 4096 pixels"),
        ({"format": "kaggle", "labels": ["t.csv"]}, "`format` kaggle: one of nih, rsna"),
        ({"views": "PA,top"}, "`views` PA,top: 'TOP' is none of PA, AP"),
    ],
)
def test_settings_from_python_are_checked_before_any_work(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        preprocess([tmp_path / "gone"], tmp_path / "d", **settings)
    assert message in str(refusal.value)


def test_the_call_of_a_notebook_gives_counts(tmp_path: Path, images: Path) -> None:
    (images / "normal" / "text.png").write_text("no image")
    result = preprocess([str(images)], str(tmp_path / "d"), size=16, workers=0)
    assert (result.folder, result.size, result.shard) == (tmp_path / "d", 16, None)
    assert (result.inputs, result.images, result.rejected) == (5, 4, 1)
    assert result.classes == {"normal": 2, "pneumonia": 2}
    assert result.rejected_by_reason == {"not a PNG, JPEG, TIFF or BMP image": 1}


def test_an_empty_folder_is_bad_input(tmp_path: Path, run: Run) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(BadInput, match="no images here"):
        run(tmp_path / "images", to=tmp_path / "d")
    with pytest.raises(BadInput, match="no such file or folder"):
        run(tmp_path / "gone", to=tmp_path / "d")


def test_too_many_rejected_inputs_stop_the_work_which_can_go_on(
    tmp_path: Path, images: Path, run: Run
) -> None:
    for name in ("0.png", "1.png"):
        (images / name).write_text("no image")
    with pytest.raises(TooManyRejects, match=r"2 inputs rejected, `max_failures` allows 1; .*1\.png"):
        run(images, to=tmp_path / "d", max_failures=1)
    assert run(images, to=tmp_path / "d", max_failures=2)["counts"]["images"] == 4


def test_every_real_image_has_its_row(tmp_path: Path, real_images: Path, run: Run) -> None:
    sources = sorted((real_images / "cxr3" / "covid19").iterdir())[:12]
    metadata = real_images / "cxr3" / "metadata.csv"
    run(*sources, to=tmp_path / "d", settings=Settings(Geometry(32), (metadata,)))
    manifest = open_dataset(tmp_path / "d").manifest
    expected = read_csv(metadata).set_index("path")["patient_id"]
    assert len(manifest) == 12
    for source, patient in zip(manifest["source"], manifest["patient_id"], strict=True):
        assert patient == expected[str(Path(source).relative_to(real_images / "cxr3"))]


def test_the_journal_holds_no_header_text(tmp_path: Path, images: Path) -> None:
    with pytest.raises(CutOffError):
        make_dataset(
            [images],
            tmp_path / "d",
            SMALL,
            Effort(0),
            reporter=Recorder(after=cut_off_after(1)),
        )
    _, line = (tmp_path / "d" / "progress.jsonl").read_text().splitlines()
    assert set(json.loads(line)["image"]) == {
        "image_id",
        "source",
        "label",
        "patient_id",
        "patient_id_raw",
        "view_position",
        "view_position_raw",
        "sex",
        "sex_raw",
        "age",
        "age_raw",
        "manufacturer",
        "portable",
        "pixel_mapping",
    }


def test_images_whose_header_and_pixels_disagree_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name, width in (("sound", 4000), ("narrow", 0), ("elsewhere", 1)):
        image = dicom(gradual(len(name), 4000).astype(np.uint16), 12, WindowCenter=2000, WindowWidth=width)
        image.save_as(tmp_path / "images" / f"{name}.dcm", enforce_file_format=True)
    run(tmp_path / "images", to=tmp_path / "ds")
    assert [line for line in run.said if "disagree" in line] == [
        "images whose header and pixels disagree, read as it says after 'despite': "
        "2 of 3 (column pixel_mapping)"
    ]
    mapping = read_csv(tmp_path / "ds" / "manifest.csv").set_index("source")["pixel_mapping"]
    assert sum("despite" in text for text in mapping) == 2
