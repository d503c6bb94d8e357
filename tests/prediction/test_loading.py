"""Images on their way to the model."""

from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_cli.dataset.reader import read_rows
from cxr_cli.prediction.loading import image_source, normalize

ROWS = np.array([[3, 0, 3], [74, 1, 2]])


def test_normalization_worked_out_by_hand() -> None:
    images = np.array([[[0, 255], [51, 102]]], np.uint8)
    found = normalize(jax.numpy.asarray(images), mean=0.4, std=0.2)
    assert (found.shape, found.dtype) == ((1, 2, 2, 1), np.float32)
    np.testing.assert_allclose(found[0, :, :, 0], [[-2.0, 3.0], [-1.0, 0.0]], atol=1e-6)


def test_a_memory_map_is_read_by_row_whatever_its_offset(images: NDArray[np.uint8], tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    rows = np.array([[len(images) - 1, 0], [40, 41]])
    np.testing.assert_array_equal(read_rows(mapped, rows), images[rows])
    np.testing.assert_array_equal(read_rows(mapped[3:], rows[1]), images[rows[1] + 3])
    np.testing.assert_array_equal(image_source(mapped)(rows), images[rows])


def test_batches_come_by_row(images: NDArray[np.uint8]) -> None:
    batch = image_source(images)(ROWS)
    assert batch.dtype == np.uint8
    np.testing.assert_array_equal(batch, images[ROWS])


@pytest.mark.parametrize(("memory", "resident"), [(10**9, True), (75 * 16 * 16 * 3, False), (None, False)])
def test_images_live_on_an_accelerator_where_they_fit(
    images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, memory: int | None, resident: bool
) -> None:
    statistics = None if memory is None else {"bytes_limit": memory}
    device = SimpleNamespace(platform="gpu", memory_stats=lambda: statistics)
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    fetch = image_source(images)
    assert isinstance(fetch.resident, jax.Array) == resident
    np.testing.assert_array_equal(fetch(ROWS), images[ROWS])
