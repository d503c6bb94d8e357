"""What the system refuses while Orbax saves is one line."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.runs.model_store import saving, stored_size

ARRAYS = {"a": np.zeros((1000, 1000), np.float32), "epoch": 3}


def test_room_is_taken_before_orbax_begins_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(handle: int, offset: int, size: int) -> None:
        asked.append(size)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with saving(tmp_path / "model", ARRAYS):
        assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("os.posix_fallocate", refuse)
    with (
        pytest.raises(BadInput, match=r"model: cannot be written \(Disk quota exceeded\)"),
        saving(tmp_path / "model", ARRAYS),
    ):
        pytest.fail("Orbax began")
    assert asked == [stored_size(ARRAYS)]
    assert stored_size(ARRAYS) > 4_000_000
    assert list(tmp_path.iterdir()) == []


def test_tensorstore_s_errors_of_the_system_are_told_from_others(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match=r"model: cannot be written \(No space left on device\)"),
        saving(tmp_path / "model", ARRAYS),
    ):
        raise ValueError("RESOURCE_EXHAUSTED: Failed to write 9 bytes to file 12 [os_error_code='28']")
    with pytest.raises(ValueError, match="shape"), saving(tmp_path / "model", ARRAYS):
        raise ValueError("another shape")
