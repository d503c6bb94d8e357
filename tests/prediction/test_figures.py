"""The figures of a test."""

from pathlib import Path

import numpy as np
import pytest

from cxr_cli.dataset.reader import open_dataset
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.report import classification_report
from cxr_cli.plots.thumbnails import Tile
from cxr_cli.prediction import figures
from cxr_cli.prediction.figures import draw_figures


def test_the_worst_errors_are_those_with_the_highest_score_and_figures_of_an_earlier_test_go(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Tile] = []
    draw_tiles = figures.draw_tiles

    def drawn(tiles: list[Tile], columns: int, heading: str) -> object:
        shown.extend(tiles)
        return draw_tiles(tiles, columns, heading)

    monkeypatch.setattr(figures, "draw_tiles", drawn)
    chance = np.array([0.2, 0.7, 0.9, 0.6])
    scores, labels = np.stack([1 - chance, chance], axis=1), np.array([0, 0, 0, 1])
    answers = Answers(("normal", "pneumonia"), labels, scores.argmax(1), np.arange(4), scores, 1)
    dataset = open_dataset(small_dataset)
    images = (dataset, np.array([5, 6, 7, 8]))
    found = draw_figures(answers, classification_report(answers), "test", tmp_path, images=images)
    assert {path.stem for path in found} == set(figures.FIGURES_OF_A_TEST)
    assert [tile.title for tile in shown] == [
        "predicted P(pneumonia) 0.90\nlabel P(normal) 0.10",
        "predicted P(pneumonia) 0.70\nlabel P(normal) 0.30",
    ]
    worst = dataset.manifest.iloc[7]
    assert shown[0].below == f"{Path(worst['source']).name}\n{worst['image_id']}"

    right = Answers(("normal", "pneumonia"), labels, labels, np.arange(4), None, 1)
    draw_figures(right, classification_report(right), "test", tmp_path, images=images)
    assert {path.stem for path in tmp_path.iterdir()} == {"confusion"}
