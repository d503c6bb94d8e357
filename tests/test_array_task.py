"""Tasks that share a job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.array_task import ArrayTask, parse_task, slurm_task
from cxr_cli.errors import InvalidSetting


@given(st.integers(0, 50), st.integers(1, 60))
def test_the_tasks_in_their_order_have_all_items(items: int, count: int) -> None:
    runs = [ArrayTask(number, count).run_of(range(items)) for number in range(1, count + 1)]
    assert [item for run in runs for item in run] == list(range(items))
    assert max(map(len, runs)) - min(map(len, runs)) <= 1


def test_tasks_as_they_are_written() -> None:
    assert parse_task("2/8", "shard") == ArrayTask(2, 8)
    assert parse_task("1/1", "shard") == ArrayTask(1, 1)
    for text in ("0/8", "9/8", "2", "2/", "a/b", "-1/3", "1/0"):
        with pytest.raises(InvalidSetting, match=f"`shard` {text}: I/N is needed"):
            parse_task(text, "shard")


def array(task: object, count: object, first: object, step: object = "") -> dict[str, str]:
    return {
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_TASK_COUNT": str(count),
        "SLURM_ARRAY_TASK_MIN": str(first),
        "SLURM_ARRAY_TASK_STEP": str(step),
    }


def test_tasks_of_a_job_array_are_tasks() -> None:
    assert slurm_task({}, "shard") is None
    assert slurm_task({"SLURM_ARRAY_TASK_ID": "3"}, "shard") is None
    assert [slurm_task(array(task, 4, 0), "shard") for task in range(4)] == [
        ArrayTask(number, 4) for number in range(1, 5)
    ]
    assert slurm_task(array(1, 4, 1), "shard") == ArrayTask(1, 4)
    assert slurm_task(array(16, 4, 10, 2), "shard") == ArrayTask(4, 4)
    for task in (array(9, 3, 1), array(2, 3, 1, 2), array("x", 3, 1), array(0, 3, 1)):
        with pytest.raises(InvalidSetting, match="no fixed step; give `shard` I/N"):
            slurm_task(task, "shard")


@pytest.mark.parametrize("count", [1, 2, 4, 9, 12])
def test_every_nth_item_goes_to_one_task(count: int) -> None:
    shares = [ArrayTask(number, count).every_nth(range(10)) for number in range(1, count + 1)]
    assert sorted(item for share in shares for item in share) == list(range(10))
    assert list(ArrayTask(2, 4).every_nth("abcdefghij")) == ["b", "f", "j"]
