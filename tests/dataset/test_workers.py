"""Mapping over several processes."""

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from operator import floordiv, neg

import pytest

from cxr_cli.dataset.workers import map_in_order, usable_cpus
from cxr_cli.errors import CxrError


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(map_in_order(neg, range(50), workers)) == [-number for number in range(50)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_function_is_raised_in_its_turn(workers: int) -> None:
    with closing(map_in_order(partial(floordiv, 6), [3, 2, 0, 1], workers)) as results:
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_dying_process_is_told() -> None:
    with pytest.raises(CxrError, match="a working process died"):
        list(map_in_order(os._exit, [3, 3], 2))


def test_closing_early_ends_the_processes() -> None:
    results: Iterator[int] = map_in_order(neg, range(1000), 2)
    with closing(results):  # type: ignore[type-var]
        assert next(results) == 0
    assert list(results) == []


def test_at_least_one_cpu_is_usable() -> None:
    assert usable_cpus() >= 1
