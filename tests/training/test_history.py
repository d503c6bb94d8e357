"""history.csv, one row an epoch."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_cli.errors import BadInput
from cxr_cli.training.history import EpochRecord, best_epoch, read_history, write_history

FIGURE = st.floats(0, 1e6, allow_nan=False)
RECORD = st.builds(
    EpochRecord, st.integers(1, 999), FIGURE, FIGURE, FIGURE, FIGURE, FIGURE, st.sampled_from([0, 1])
)


def record(epoch: int, val_accuracy: float, selected: int = 0) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, 1.0, val_accuracy, 2.0, selected)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORD, min_size=1, max_size=5))
def test_every_number_comes_back_to_the_last_bit(tmp_path: Path, history: list[EpochRecord]) -> None:
    write_history(tmp_path / "history.csv", history)
    assert read_history(tmp_path / "history.csv", 999) == history


def test_a_row_more_than_is_known_of_is_left_out(tmp_path: Path) -> None:
    history = [record(1, 0.5), record(2, 0.6), record(3, 0.7)]
    write_history(tmp_path / "history.csv", history)
    assert read_history(tmp_path / "history.csv", 2) == history[:2]


def test_no_epoch_needs_no_file(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.csv", 0) == []
    with pytest.raises(BadInput, match="no such file"):
        read_history(tmp_path / "history.csv", 1)


def test_the_last_that_was_the_best_so_far_is_the_selected_one() -> None:
    history = [record(1, 0.5, 1), record(2, 0.8, 1), record(3, 0.8), record(4, 0.7)]
    assert best_epoch(history).epoch == 2
