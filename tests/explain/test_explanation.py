"""The images that two runs have in common."""

import numpy as np
import pandas as pd
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.explain.explanation import common_images
from cxr_cli.explain.select import ImageSet


def image_set(names: str) -> ImageSet:
    table = pd.DataFrame({"image_id": list(names)})
    return ImageSet(np.zeros((9, 2, 2), np.uint8), np.arange(len(names)) + 5, table)


def test_of_two_runs_the_common_images_are_taken_in_the_order_of_the_first() -> None:
    first, second = common_images(image_set("abcd"), image_set("dxb"))
    assert first.table["image_id"].tolist() == second.table["image_id"].tolist() == ["b", "d"]
    assert first.rows.tolist() == [6, 8]
    assert second.rows.tolist() == [7, 5]
    with pytest.raises(BadInput, match="no image in common"):
        common_images(image_set("ab"), image_set("cd"))
