"""`cxr gradcam` from the shell."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr_cli.errors import InvalidSetting
from cxr_cli.main import main

Cxr = Callable[..., Any]
CLASSES = ["covid19", "normal", "pneumonia"]


def index_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "index.csv", keep_default_na=False, dtype={"image_id": str})


@pytest.fixture(scope="module")
def predictions(single_run: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The predictions of `cxr test` for the single run's test images."""
    folder = tmp_path_factory.mktemp("predictions")
    shutil.copytree(single_run, folder / "run")
    assert main(["test", str(folder / "run")]) == 0
    return pd.read_csv(folder / "run" / "predictions.csv", keep_default_na=False).set_index("image_id")


@pytest.fixture(scope="module")
def siamese(siamese_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the siamese run, with templates."""
    folder = Path(shutil.copytree(siamese_run, tmp_path_factory.mktemp("siamese") / "run"))
    assert main(["template", str(folder)]) == 0
    return folder


def test_a_handful_of_test_images_is_explained_by_default(
    cxr: Cxr, single_run: Path, predictions: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "maps"
    outcome = cxr("gradcam", single_run, "-o", out)
    assert outcome.code == 0, outcome.err
    index = index_of(out)
    images = min(16, len(predictions))
    assert len(index) == images
    assert f"{out}: {images} images, see sheet.png\n" in outcome.out
    # The small dataset's sources do not exist, and that is reported.
    reason = "the file cannot be opened (FileNotFoundError)"
    assert f"drawn at DATASET size: {images} of {images}; {reason}\n" in outcome.out
    of_test = predictions.loc[index["image_id"]].reset_index()
    for column in ("label", "predicted"):
        assert index[column].tolist() == of_test[column].tolist()
    assert index["target"].tolist() == index["predicted"].tolist()
    own = [of_test.at[row, f"score_{name}"] for row, name in enumerate(index["target"])]
    np.testing.assert_allclose(index["score"], own, rtol=1e-5)
    with np.load(out / "maps.npz") as content:
        assert content["maps"].shape == (images, 1, 1)
        assert content["maps"].max((1, 2)) == pytest.approx(index["largest"].to_numpy())
    for row in index.itertuples():
        with Image.open(out / row.overlay) as overlay:
            assert overlay.info["image_size"] == "32 32"
        assert (row.note == "no positive values") == (row.largest == 0)
    without = (index["largest"] == 0).sum()
    assert (f"maps without positive values: {without} of {images}\n" in outcome.out) == (without > 0)

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = cxr("gradcam", single_run, "-o", out)
    assert (again.code, again.out) == (0, "")
    assert again.err == f"{out}: already done with these settings and images; nothing to do\n"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    other = cxr("gradcam", single_run, "-o", out, "--layer", "stage3", "--color", "red")
    assert other.code == 2
    assert "--layer was None, now 'stage3'; --color was 'inferno', now 'red'; name a new folder" in other.err


def test_hits_and_misses_are_picked_by_the_predictions_of_test(
    cxr: Cxr, single_run: Path, predictions: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "maps"
    options = ("--target", "normal", "--count", 0, "--layer", "stage2", "--method", "layercam")
    picks = ("--pick", "tp", "--pick", "fp", "--pick", "fn", "--pick", "tn")
    assert cxr("gradcam", single_run, "-o", out, *picks, *options).code == 0
    index = index_of(out)
    assert set(index["image_id"]) == set(predictions.index)
    normal, called = index["label"] == "normal", index["predicted"] == "normal"
    expected = np.select([normal & called, ~normal & called, normal & ~called], ["tp", "fp", "fn"], "tn")
    assert index["pick"].tolist() == expected.tolist()
    assert set(index["target"]) == {"normal"}
    assert set(index["layer"]) == {"stage2"}
    with np.load(out / "maps.npz") as content:
        assert content["maps"].shape[1:] == (4, 4)


def test_a_siamese_run_explains_similarity_to_templates_and_between_images(
    cxr: Cxr, siamese: Path, tmp_path: Path
) -> None:
    out = tmp_path / "templates"
    assert cxr("gradcam", siamese, "-o", out, "--count", 3, "--layer", "stage3").code == 0
    index = index_of(out)
    scores = index[[f"score_{name}" for name in CLASSES]].to_numpy()
    assert index["predicted"].tolist() == [CLASSES[i] for i in scores.argmax(1)]
    np.testing.assert_allclose(1 / (1 + np.exp(-index["logit"])), index["score"], rtol=1e-5)

    one, other = index["image_id"][:2]
    pair = tmp_path / "pair"
    assert cxr("gradcam", siamese, "-o", pair, "--pair", one, other, "--layer", "stage3").code == 0
    both = index_of(pair)
    assert both["target"].tolist() == [f"same as {other}", f"same as {one}"]
    assert both["score"][0] == pytest.approx(both["score"][1])


def test_two_runs_side_by_side(cxr: Cxr, single_run: Path, siamese: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps"
    outcome = cxr("gradcam", single_run, "-o", out, "--beside", siamese, "--count", 3, "--layer", "stage3")
    assert outcome.code == 0, outcome.err
    index = index_of(out)
    assert index["run"].tolist() == [str(single_run), str(siamese)] * 3
    assert index["image_id"][::2].tolist() == index["image_id"][1::2].tolist()
    assert sorted(path.name for path in out.glob("maps*")) == ["maps-beside.npz", "maps.npz"]
    assert len(list((out / "overlays").iterdir())) == 6


def test_images_by_file_and_id(cxr: Cxr, single_run: Path, small_dataset: Path, tmp_path: Path) -> None:
    new = np.random.default_rng(9).integers(0, 256, (50, 70)).astype(np.uint8)
    Image.fromarray(new).save(tmp_path / "new.png")
    known = pd.read_csv(small_dataset / "manifest.csv", keep_default_na=False).iloc[3]
    images = ("--images", tmp_path / "new.png", "--images", known["image_id"])
    out = tmp_path / "maps"
    assert cxr("gradcam", single_run, "-o", out, *images).code == 0
    index = index_of(out)
    assert index["label"].tolist() == ["", known["label"]]
    assert index["drawn_on"][0] == "image"
    with Image.open(out / index["overlay"][0]) as overlay:
        assert overlay.info["image_size"] == "70 50"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--layer", "conv5"), 2, "--layer conv5: covidnet has stem, stage1, stage2, stage3, stage4"),
        (
            ("--target", "flu"),
            2,
            "--target flu: must be predicted, label, or a class: covid19, normal, pneum",
        ),
        (("--pick", "tp"), 2, "--pick tp: name the positive class by --positive: covid19, normal, pneumonia"),
        (("--pick", "tp", "--positive", "flu"), 2, "--positive flu: the classes are"),
        (("--images", "nowhere.png"), 3, "nowhere.png: no such file, and no image_id of"),
        (("--pair", "a", "b"), 2, "--pair a b: needs a siamese run, and"),
        (("--pair", "a", "b", "--count", "2"), 2, "--count 2: cannot be combined with --pair"),
        (("--templates", "t.npz"), 2, "is no siamese run and has no use for templates"),
        (("--beside", "nowhere"), 3, "nowhere: no such run"),
    ],
)
def test_invalid_settings_are_refused_in_one_line_and_leave_nothing(
    cxr: Cxr, single_run: Path, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    outcome = cxr("gradcam", single_run, "-o", tmp_path / "maps", *options)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--method", "cam", "'gradcam', 'gradcam++', 'hirescam', 'layercam'"),
        ("--color", "jet", "'inferno', 'viridis', 'cividis', 'red'"),
        ("--pick", "hit", "'random', 'tp', 'fp', 'fn', 'tn'"),
        ("--subset", "all", "'train', 'val', 'test'"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_known_ones(
    cxr: Cxr, tmp_path: Path, option: str, value: str, known: str
) -> None:
    outcome = cxr("gradcam", tmp_path / "run", "-o", tmp_path / "maps", option, value)
    assert outcome.code == 2
    assert f"'{option}': '{value}' is not one of {known}" in outcome.err


def test_the_call_from_python_returns_what_the_folder_has(single_run: Path, tmp_path: Path) -> None:
    from cxr_cli import gradcam

    result = gradcam(single_run, tmp_path / "maps", count=3, layer="stage2")
    assert (result.images, result.captures, result.already_done) == (3, 0, False)
    assert sum(result.at_dataset_size.values()) == 3
    assert result.without_positive_values == (index_of(tmp_path / "maps")["largest"] == 0).sum()
    again = gradcam(single_run, tmp_path / "maps", count=3, layer="stage2")
    assert again.already_done
    assert again.at_dataset_size == result.at_dataset_size
    assert again.without_positive_values == result.without_positive_values
    with pytest.raises(
        InvalidSetting, match=r"^`method` cam: known are gradcam, gradcam\+\+, hirescam, layer"
    ):
        gradcam(single_run, tmp_path / "other", method="cam")
