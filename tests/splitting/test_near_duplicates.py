"""Films that are one picture under two patients."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.artifacts import read_csv
from cxr_cli.splitting.near_duplicates import CERTAIN, TWIN, find_twins, twin_threshold

Film = NDArray[np.uint8]
SIZE = 224


def draw(seed: int) -> Film:
    """Draw a film of smooth shapes that all films share and of detail that is its own."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    lungs = 90 * np.exp(-(((np.abs(columns) - 0.45) / 0.3) ** 2) - (rows / 0.7) ** 2)
    detail = cv2.GaussianBlur(rng.normal(0, 1, (SIZE, SIZE)), (0, 0), 4)
    return np.clip(60 + lungs + 18 * detail / detail.std(), 0, 255).astype(np.uint8)


def jpeg(film: Film) -> Film:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0))


def bordered(film: Film) -> Film:
    film = film.copy()
    film[:18] = film[:, -16:] = 0
    return film


def warped(film: Film, degrees: float, zoom: float, shift: float) -> Film:
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), degrees, zoom)
    matrix[:, 2] += shift
    return np.asarray(cv2.warpAffine(film, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE))


COPIES = {
    "same": lambda film: film,
    "windowed": lambda film: (255 * (film / 255) ** 2).astype(np.uint8),
    "negative": lambda film: 255 - film,
    "mirrored": lambda film: film[:, ::-1],
    "jpeg": jpeg,
    "bordered": bordered,
    "small": lambda film: cv2.resize(cv2.resize(film, (96, 96)), (SIZE, SIZE)),
    "moved": lambda film: warped(film, 1, 1.01, 2),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_under_another_patient_is_found_among_others(change: str) -> None:
    films = np.stack([draw(seed) for seed in range(8)])
    films[6] = COPIES[change](films[1])
    (twins,) = find_twins(films, np.arange(8))
    assert twins.rows == (1, 6)
    assert twins.mirrored == (change == "mirrored")
    assert (twins.correlation < 0) == (change == "negative")
    assert abs(twins.correlation) >= TWIN
    if change in ("same", "mirrored"):
        assert abs(twins.correlation) == pytest.approx(1, abs=1e-5)


def test_films_of_one_patient_are_not_compared() -> None:
    films = np.stack([draw(0)] * 3)
    assert [twins.rows for twins in find_twins(films, np.array([0, 0, 1]))] == [(0, 2), (1, 2)]
    assert find_twins(films, np.zeros(3, np.int64)) == []


def test_a_common_border_or_shape_makes_no_twins() -> None:
    films = np.stack([bordered(draw(seed)) for seed in range(6)])
    assert find_twins(films, np.arange(6)) == []


@pytest.mark.parametrize("value", [0, 128, 255])
def test_films_without_detail_are_nobody_s_twins(value: int) -> None:
    assert find_twins(np.full((4, 32, 32), value, np.uint8), np.arange(4)) == []


def test_films_from_one_mould_are_no_twins_but_their_copies_are() -> None:
    mould = draw(0).astype(np.int16)
    films = np.stack([np.clip((3 * mould + draw(seed)) // 4, 0, 255) for seed in range(1, 25)])
    films = films.astype(np.uint8)
    patients = np.arange(24)
    assert TWIN < twin_threshold(films, patients) <= CERTAIN
    assert find_twins(films, patients) == []
    films[20] = films[3]
    assert [twins.rows for twins in find_twins(films, patients)] == [(3, 20)]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    films = np.stack([draw(seed % 5) for seed in range(12)])
    whole = find_twins(films, np.arange(12))
    monkeypatch.setattr("cxr_cli.splitting.near_duplicates.BLOCK", 5)
    assert find_twins(films, np.arange(12)) == whole
    assert [twins.rows for twins in whole] == [
        (one, other) for one in range(12) for other in range(one + 1, 12) if (other - one) % 5 == 0
    ]


def test_no_two_real_patients_share_a_picture_and_every_copy_is_found(real_films: Path) -> None:
    """A sample of the measurement in twins.py: all of cxr3, 414,000 pairs, has no false find either."""
    listed = read_csv(real_films / "cxr3" / "metadata.csv").iloc[::10]
    films = np.stack(
        [
            cv2.resize(cv2.imread(str(real_films / "cxr3" / path), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE))
            for path in listed["path"]
        ]
    )
    patients = np.unique(listed["patient_id"], return_inverse=True)[1]
    assert find_twins(films, patients) == []
    copies = np.stack([bordered(COPIES["windowed"](film)) for film in films])
    found = find_twins(np.concatenate([films, copies]), np.append(patients, patients.max() + 1 + patients))
    assert {twins.rows for twins in found} == {(film, len(films) + film) for film in range(len(films))}
