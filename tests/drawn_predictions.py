"""A predictions file of 120 images, drawn instead of predicted."""

import numpy as np
import pandas as pd


def drawn_table(noise: float, seed: int = 0) -> pd.DataFrame:
    """120 images of 60 patients as `cxr test` writes them; the noise decides how many errors there are."""
    rng = np.random.default_rng(seed)
    labels = np.arange(120) % 2
    chance = 1 / (1 + np.exp(-(2 * labels - 1 + noise * rng.normal(size=120))))
    return pd.DataFrame(
        {
            "image_id": [f"image{number:03}" for number in range(120)],
            "patient_id": [f"p{number // 2}" for number in range(120)],
            "label": np.where(labels, "pneumonia", "normal"),
            "predicted": np.where(chance >= 0.4, "pneumonia", "normal"),
            "score_normal": 1 - chance,
            "score_pneumonia": chance,
            "threshold_pneumonia": 0.4,
            "manufacturer": np.array(["Philips", "Siemens", ""])[np.arange(120) % 3],
            "sex": np.where(np.arange(120) < 100, "F", "M"),
            "age": 20 + np.arange(120) // 2,
        }
    )
