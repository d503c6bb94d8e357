"""One task of several that share a job: "I/N" as the user gives it, or a task of a Slurm job array."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cxr_cli.errors import InvalidSetting

Item = TypeVar("Item")


@dataclass(frozen=True)
class ArrayTask:
    """The `number`th, from 1, of `count` tasks."""

    number: int
    count: int

    def __str__(self) -> str:
        """Write "2/8"."""
        return f"{self.number}/{self.count}"

    def run_of(self, items: Sequence[Item]) -> Sequence[Item]:
        """This task's consecutive items; those of all tasks in their order are all items."""
        return items[len(items) * (self.number - 1) // self.count : len(items) * self.number // self.count]

    def every_nth(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every `count`th item from the `number`th on, so that neighbors go to different tasks."""
        return items[self.number - 1 :: self.count]


def parse_task(text: str, field: str) -> ArrayTask:
    """Read "2/8".

    Args:
        text: as given.
        field: the setting that it was given for.

    Raises:
        InvalidSetting: no such pair, or no such task.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InvalidSetting(field, text, "I/N is needed, I from 1 to N, such as 2/8")
    return ArrayTask(int(match[1]), int(match[2]))


def slurm_task(environment: Mapping[str, str], field: str) -> ArrayTask | None:
    """The task of a Slurm job array that this process is; None outside of one.

    Args:
        environment: the process's variables.
        field: the setting by which a user can say it instead.

    Raises:
        InvalidSetting: task numbers without a fixed step, from which no task follows.
    """
    number, count = environment.get("SLURM_ARRAY_TASK_ID"), environment.get("SLURM_ARRAY_TASK_COUNT")
    if not number or not count:
        return None
    first = environment.get("SLURM_ARRAY_TASK_MIN") or "0"
    step = environment.get("SLURM_ARRAY_TASK_STEP") or "1"
    try:
        place, rest = divmod(int(number) - int(first), int(step))
        task = ArrayTask(place + 1, int(count))
    except (ValueError, ZeroDivisionError):
        task, rest = ArrayTask(0, 0), 0
    if rest or not 1 <= task.number <= task.count:
        raise InvalidSetting(
            "SLURM_ARRAY_TASK_ID",
            number,
            f"of {count} tasks from {first} by {step}, which have no fixed step; give `{field}` I/N",
        )
    return task
