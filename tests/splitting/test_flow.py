"""What became of the images in a split."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr_cli.dataset.reader import Dataset
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.splitting.criteria import SplitCriteria
from cxr_cli.splitting.flow import flow, images_by_part

TABLE = pd.DataFrame(
    {
        "label": list("abbab"),
        "subset": ["test", "train", "train", "", "test"],
        "fold": ["2", "0", "0", "1", "2"],
        "reason": ["", "", "", "gone", ""],
    }
)


def test_images_are_counted_by_subset_in_their_order_and_by_fold() -> None:
    by_subset = images_by_part(TABLE, "subset")
    assert by_subset == {"train": {"a": 0, "b": 2}, "test": {"a": 1, "b": 1}, "": {"a": 1, "b": 0}}
    assert list(by_subset) == ["train", "test", ""]
    assert images_by_part(TABLE, "fold") == {
        "0": {"a": 0, "b": 2},
        "1": {"a": 1, "b": 0},
        "2": {"a": 1, "b": 1},
    }


def test_the_flow_of_images() -> None:
    manifest = pd.DataFrame(dict.fromkeys(MANIFEST_COLUMNS, ""), index=range(5)).assign(
        label=TABLE["label"], portable=["fixed", "portable", "fixed", "fixed", ""]
    )
    dataset = Dataset(Path("d"), np.zeros((5, 1, 1), np.uint8), manifest, {})
    counted = flow(dataset, SplitCriteria(train_where="portable in ('fixed', 'Mobile')"), TABLE)
    assert counted == {
        "counts": {"train": {"a": 0, "b": 2}, "test": {"a": 1, "b": 1}, "": {"a": 1, "b": 0}},
        "left_out": {"gone": 1},
        "characteristics": {
            "portable": {
                "fixed": {"train": {"a": 0, "b": 1}, "test": {"a": 1, "b": 0}, "": {"a": 1, "b": 0}},
                "portable": {"train": {"a": 0, "b": 1}},
                "": {"test": {"a": 0, "b": 1}},
            }
        },
        "test_images_of_domain": 1,
        "absent": ["portable 'Mobile'"],
        "respelled": [],
    }
    assert set(flow(dataset, SplitCriteria(val=0.2), TABLE)) == {"counts", "left_out", "characteristics"}
