"""A run in memory: arrays and files have the scores that the commands give."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from untrained import SAVED_SIZE, saved_run

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.prediction.loaded_run import LoadedRun, load_run
from cxr_cli.prediction.predict_files import predict_files
from cxr_cli.prediction.scores import class_scores


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    return load_run(saved_run(tmp_path_factory.mktemp("loaded") / "run").folder)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (3, SAVED_SIZE, SAVED_SIZE), np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_arrays_have_the_run_s_scores(kind: type, loaded: LoadedRun, pixels: np.ndarray) -> None:
    found = loaded.predict(pixels.astype(kind))
    own = class_scores(loaded.runs[0], pixels, np.arange(3))
    np.testing.assert_allclose(found.scores, own.values, atol=1e-6)
    assert list(found.scores) == list(loaded.classes)
    assert list(found.table["predicted"]) == [loaded.classes[number] for number in own.predicted]
    assert found.model_id == loaded.runs[0].model_id


def test_arrays_that_are_no_images_of_the_run_are_refused(loaded: LoadedRun, pixels: np.ndarray) -> None:
    with pytest.raises(InvalidSetting, match=r"`images` \[32, 32\]: gray images \[N, 32, 32\] are needed"):
        loaded.predict(pixels[0])
    with pytest.raises(InvalidSetting, match="`images` from 0 to 1: gray values are 0 to 255"):
        loaded.predict(pixels / 255)


def test_files_have_the_scores_of_predict_files(
    loaded: LoadedRun, pixels: np.ndarray, tmp_path: Path
) -> None:
    for name, image in zip("ab", pixels, strict=False):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.kron(image, np.ones((2, 2), np.uint8)))
    (tmp_path / "c.png").write_bytes(b"no image")
    found = loaded.predict(tmp_path)
    records = list(predict_files(loaded.ensemble.folder, [tmp_path]))
    assert list(found.table["source"]) == [record["source"] for record in records]
    assert list(found.table["rejected"].astype(bool)) == [False, False, True]
    assert found.scores["normal"][:2].tolist() == pytest.approx(
        [each["score_normal"] for each in records[:2]]
    )
    assert found.scores.loc[2].isna().all()
    assert loaded.predict(tmp_path / "c.png").scores.isna().all(axis=None)
    with pytest.raises(BadInput, match="no such file"):
        loaded.predict(tmp_path / "d.png")


def test_a_notebook_shows_the_first_images_escaped(loaded: LoadedRun, pixels: np.ndarray) -> None:
    shown = loaded.predict(np.repeat(pixels, 4, axis=0))
    shown.table.loc[0, "predicted"] = "<script>"
    page = shown._repr_html_()
    assert page.count("<tr>") == 11
    assert "12 images, model" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
