"""A bounded run of the fuzzing of image files; the long one is by command."""

import random
from pathlib import Path

from fuzz.images import (
    damaged_dicom,
    damaged_raster,
    dicom_sources,
    faults,
    preprocess,
    raster_sources,
    write_batch,
)


def test_each_damaged_file_is_a_row_or_a_named_reject(tmp_path: Path) -> None:
    rng = random.Random(17)
    dicom, rasters = dicom_sources(), raster_sources()
    damaged = [damaged_dicom(number, rng, dicom) for number in range(80)]
    damaged += [damaged_raster(number, rng, rasters) for number in range(40)]
    files = write_batch(tmp_path / "images", iter(damaged))
    code, err = preprocess(tmp_path / "images", tmp_path / "dataset")
    assert faults(code, err, tmp_path / "dataset", files) == ""
