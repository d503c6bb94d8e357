"""Which images a model knows from its training."""

from pathlib import Path

import numpy as np

from cxr_cli.dataset.reader import open_dataset
from cxr_cli.prediction.development import DevelopmentSet


def test_an_image_is_known_by_its_id_or_by_its_patient_however_spelled(small_dataset: Path) -> None:
    dataset = open_dataset(small_dataset)
    known = DevelopmentSet([(dataset, np.array([0]))])
    one = dataset.manifest.iloc[0]
    assert known.shares(one["image_id"], "") == "image"
    assert known.shares("other", f" {one['patient_id'].lower()} ") == "patient"
    assert known.shares("other", "") == known.shares("other", "nobody") == ""
