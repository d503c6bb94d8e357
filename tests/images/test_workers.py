"""Mapping over several processes."""

import math
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from operator import floordiv, neg
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.errors import CxrError
from cxr_cli.images.workers import guarded, map_in_order, usable_cpus


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(map_in_order(neg, range(50), workers)) == [-number for number in range(50)]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_function_is_raised_in_its_turn(workers: int) -> None:
    with closing(map_in_order(partial(floordiv, 6), [3, 2, 0, 1], workers)) as results:
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)


def kill_yourself(by: int) -> None:
    os.kill(os.getpid(), by)


def describe_loss(item: object, reason: str) -> str:
    return f"{item}: {reason}"


def test_a_dying_process_is_replaced_and_its_item_reported() -> None:
    deaths = [0, signal.SIGSEGV, 0, signal.SIGKILL, 0]
    results = list(map_in_order(kill_yourself, deaths, 2, on_loss=describe_loss))
    assert results == [
        None,
        "11: killed its process (SIGSEGV)",
        None,
        "9: killed its process (SIGKILL, out of memory?)",
        None,
    ]
    assert list(map_in_order(os._exit, [3], 1, on_loss=describe_loss)) == [
        "3: ended its process (exit code 3)"
    ]


def test_of_a_batch_only_the_item_that_kills_is_lost() -> None:
    deaths = [0] * 200 + [signal.SIGSEGV] + [0] * 200
    results = list(map_in_order(kill_yourself, deaths, 2, on_loss=describe_loss))
    assert results == [None] * 200 + ["11: killed its process (SIGSEGV)"] + [None] * 200


def test_items_that_take_much_longer_than_those_before() -> None:
    seconds = [0.0] * 300 + [0.3] * 4 + [0.0] * 300
    assert list(map_in_order(time.sleep, seconds, 2)) == [None] * len(seconds)


def die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os._exit(3)
    return "done"


def test_an_item_is_tried_once_more(tmp_path: Path) -> None:
    marks = [tmp_path / "one", tmp_path / "other"]
    assert list(map_in_order(die_once, marks, 2, on_loss=describe_loss)) == ["done", "done"]


def run_out_of_memory(_: int) -> str:
    raise MemoryError


def test_an_item_too_large_for_memory_is_lost() -> None:
    results = list(map_in_order(run_out_of_memory, [1, 2], 1, on_loss=describe_loss))
    assert results == ["1: ran out of memory", "2: ran out of memory"]


def allocate(size: int) -> int:
    return np.empty(size, np.uint8).size


def test_an_item_that_asks_for_far_too_much_is_lost() -> None:
    results = list(map_in_order(allocate, [1, 2**34], 1, on_loss=describe_loss))
    assert results == [1, f"{2**34}: ran out of memory"]


def test_a_hanging_item_is_given_up_while_the_others_are_done() -> None:
    results = list(map_in_order(time.sleep, [0, 1000, 0, 0, 1000, 0], 2, timeout=1.5, on_loss=describe_loss))
    late = "1000: was not done within 1.5 s"
    assert results == [None, late, None, None, late, None]


def test_a_lost_item_is_an_error_where_nobody_deals_with_it() -> None:
    with pytest.raises(CxrError, match=r"ended its process \(exit code 3\); run again to resume"):
        list(map_in_order(os._exit, [3, 3], 2))


def print_natively(item: int) -> int:
    os.write(1, b"PNG warning")
    os.write(2, b"panicked at rle.rs")
    return item


def test_what_native_code_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(map_in_order(print_natively, [1, 2], 1)) == [1, 2]
    assert capfd.readouterr() == ("", "")


def core_file_bound(_: int) -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def test_no_image_is_left_in_a_core_file() -> None:
    assert list(map_in_order(core_file_bound, [1], 1)) == [0]


def test_one_item_at_a_time_is_guarded_too() -> None:
    with guarded(kill_yourself, on_loss=describe_loss) as kill:
        assert multiprocessing.active_children() == []
        died = "11: killed its process (SIGSEGV)"
        assert [kill(0), kill(signal.SIGSEGV), kill(0), kill(signal.SIGSEGV)] == [None, died, None, died]
    assert multiprocessing.active_children() == []


class Unreadable:
    """A function that no other process can load."""

    def __call__(self, item: int) -> int:
        return item

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (4,)


def test_a_process_that_cannot_start_is_an_error() -> None:
    with pytest.raises(CxrError, match="before it had any work"):
        list(map_in_order(Unreadable(), [1, 2], 1, on_loss=describe_loss))


def test_nothing_is_imported_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("types", "random", "queue", "cv2"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    assert list(map_in_order(neg, [1, 2], 1)) == [-1, -2]
    assert "PYTHONSAFEPATH" not in os.environ
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    assert list(map_in_order(neg, [1], 1)) == [-1]
    assert os.environ["PYTHONSAFEPATH"] == ""


def test_no_time_is_too_long() -> None:
    assert list(map_in_order(neg, [1], 1, timeout=math.inf)) == [-1]


@pytest.mark.parametrize("workers", [0, 2])
def test_nothing_to_do(workers: int) -> None:
    assert list(map_in_order(neg, [], workers)) == []


def test_closing_early_ends_the_processes() -> None:
    results: Iterator[int] = map_in_order(neg, range(1000), 2)
    with closing(results):  # type: ignore[type-var]
        assert next(results) == 0
        assert len(multiprocessing.active_children()) == 2
    assert list(results) == []
    assert multiprocessing.active_children() == []


def test_at_least_one_cpu_is_usable() -> None:
    assert usable_cpus() >= 1
