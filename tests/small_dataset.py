"""A finished DATASET of two images and three rejected inputs, written without `preprocess`."""

from pathlib import Path

import numpy as np

from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.images.characteristics import MANIFEST_COLUMNS

SIZE = 8
PLAN = {"size": SIZE}
COLUMNS = (*MANIFEST_COLUMNS, "reason")


def pixels(value: int) -> np.ndarray:
    return np.full((SIZE, SIZE), value, np.uint8)


def record(name: str) -> dict[str, str]:
    return {
        "image_id": name,
        "source": f"{name}.png",
        "label": "normal",
        "patient_id": "007",
        "reason": "cough",
    }


def finished(folder: Path) -> Path:
    with GrowingDataset(folder, SIZE, PLAN) as dataset:
        dataset.add_image(pixels(10), record("a"))
        dataset.add_rejected("x.png", "duplicate of a.png, under another label")
        dataset.add_image(pixels(20), record("b"))
        dataset.add_rejected("y.png", "too small: 3 x 3 pixels")
        dataset.add_rejected("z.png", "duplicate of b: (1).png")
        dataset.finish(COLUMNS, {"settings": PLAN, "counts": {"inputs": 5, "images": 2, "rejected": 3}})
    return folder
