"""history.csv, one row an epoch."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr_cli.artifacts import write_record
from cxr_cli.errors import BadInput
from cxr_cli.training.history import (
    EpochRecord,
    best_epoch,
    check_selected,
    read_history,
    read_run_history,
    write_history,
)
from cxr_cli.training.recipes import named_recipe

FIGURE = st.floats(0, 1e6, allow_nan=False)
RECORD = st.builds(EpochRecord, st.just(0), FIGURE, FIGURE, FIGURE, FIGURE, FIGURE, st.sampled_from([0, 1]))


def record(epoch: int, val_accuracy: float, selected: int = 0) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 0.5, 1.0, val_accuracy, 2.0, selected)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORD, min_size=1, max_size=5))
def test_every_number_comes_back_to_the_last_bit(tmp_path: Path, history: list[EpochRecord]) -> None:
    history = [replace(record, epoch=epoch) for epoch, record in enumerate(history, start=1)]
    write_history(tmp_path / "history.csv", history)
    assert read_history(tmp_path / "history.csv", len(history)) == history


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


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("\n2,", "\n", "line 3, column 'epoch': '1.0' is no number"),
        ("\n2,1.0", "\n2,much", "line 3, column 'train_loss': 'much' is no number"),
        ("\n2,", "\n5,", "column 'epoch' is 1, 5, 3; 1, 2, 3, ... is right"),
        ("epoch,", "epoche,", "no column 'epoch'"),
        ("seconds,selected", "selected,seconds", "its columns are"),
    ],
)
def test_a_damaged_history_is_refused_by_line_and_column(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    path = tmp_path / "history.csv"
    write_history(path, [record(1, 0.5), record(2, 0.6), record(3, 0.7)])
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(BadInput) as caught:
        read_history(path, 3)
    assert message in str(caught.value)


def test_a_history_that_is_too_short_is_refused_where_the_run_is_finished(tmp_path: Path) -> None:
    history = [record(1, 0.5), record(2, 0.6)]
    write_history(tmp_path / "history.csv", history)
    with pytest.raises(BadInput, match="ends with epoch 2, the run has done 3"):
        read_history(tmp_path / "history.csv", 3, whole=True)
    assert read_history(tmp_path / "history.csv", 3) == history


def test_the_selected_epoch_is_that_of_the_model() -> None:
    history = [record(1, 0.5, 1), record(2, 0.8, 1), record(3, 0.8)]
    check_selected(Path("history.csv"), history, 2, "accuracy")
    with pytest.raises(BadInput, match=r"history.csv: epoch 2 is selected, the run's model is of epoch 3"):
        check_selected(Path("history.csv"), history, 3, "accuracy")
    with pytest.raises(
        BadInput, match="epoch 2: column 'selected' is 0, but its validation accuracy is better"
    ):
        check_selected(Path("history.csv"), [history[0], record(2, 0.8)], 1, "accuracy")
    with pytest.raises(
        BadInput, match="epoch 3: column 'selected' is 1, but its validation accuracy is no better"
    ):
        check_selected(Path("history.csv"), [*history[:2], record(3, 0.8, 1)], 3, "accuracy")
    with pytest.raises(
        BadInput, match="epoch 2: column 'selected' is 1, but its validation loss is no better"
    ):
        check_selected(Path("history.csv"), history, 2, "loss")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [replace(record(1, 0.5), val_loss=float("nan"))])
    with pytest.raises(BadInput, match="line 2, column 'val_loss': nan is no number"):
        read_history(tmp_path / "history.csv", 1)
    before = replace(record(0, 0.5), train_loss=float("nan"), train_accuracy=float("nan"))
    write_history(tmp_path / "history.csv", [before])
    assert read_history(tmp_path / "history.csv", 0)[0].val_accuracy == 0.5


def test_a_finished_run_may_end_early_where_its_patience_ends_and_nowhere_else(tmp_path: Path) -> None:
    config: Any = SimpleNamespace(optimization=named_recipe("single", {"patience": 2}).optimization)
    write_record(tmp_path / "run.json", {"finished": True})
    history = [record(1, 0.5, 1), record(2, 0.4), record(3, 0.5)]
    write_history(tmp_path / "history.csv", history)
    assert read_run_history(tmp_path, config) == history
    write_history(tmp_path / "history.csv", history[:2])
    with pytest.raises(
        BadInput, match="ends with epoch 2, the run ends with epoch 100, or 2 epochs after the"
    ):
        read_run_history(tmp_path, config)
