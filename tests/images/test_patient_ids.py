"""Spellings of patient ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.images.patient_ids import id_key, placeholder_id, unite_ids


@pytest.mark.parametrize(
    "spellings",
    [
        ("1", "0001", "1.0", " 01", "1.00"),
        ("P01", "p01", "P01 ", "P1", "P 1", "\uff3001"),  # a full-width P
        ("0", "000", "0.0"),
        ("patient00012", "Patient12"),
        ("S01-002", "s1-2"),
        ("nan", "", "NA", " "),
    ],
)
def test_spellings_of_one_id(spellings: tuple[str, ...]) -> None:
    assert len({id_key(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    "ids",
    [
        ("1", "10", "100", "1.01", "11"),
        ("1 23", "12 3", "123"),
        ("1.2.840.01", "1.2.840.1", "1.2.840.1.0"),
        ("a00b", "a0b"),
        ("P-1", "P1", "P_1"),
        ("1.5", "15", "1.50"),
    ],
)
def test_ids_that_differ_otherwise(ids: tuple[str, ...]) -> None:
    assert len({id_key(one) for one in ids}) == len(ids)


def test_united_ids_are_written_as_the_first_of_their_spellings() -> None:
    united = unite_ids(["0001", "2", "1.0", "nan", "p3", "1", "P3 ", ""])
    assert united.ids == ("0001", "2", "0001", "", "p3", "0001", "p3", "")
    assert united.respelled == 2
    assert united.example == ("0001", "1.0")
    alone = unite_ids(["7", "8", "7", " ", ""])
    assert (alone.ids, alone.respelled, alone.example) == (("7", "8", "7", "", ""), 0, ())


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["{}", "{:04}", "{}.0", " {} "]))),
    st.sampled_from(["", "P", "site-2/"]),
)
def test_numbers_are_one_id_in_whatever_spelling(written: list[tuple[int, str]], prefix: str) -> None:
    forms = [(number, "{}" if prefix and form == "{}.0" else form) for number, form in written]
    ids = unite_ids([prefix + form.format(number) for number, form in forms]).ids
    assert len(set(ids)) == len({number for number, _ in forms})
    assert len(set(zip(ids, [number for number, _ in forms], strict=True))) == len(set(ids))


def test_ids_that_are_likely_no_patients() -> None:
    assert placeholder_id(["a"] * 10 + ["b"] * 9) == ("a", 10)
    assert placeholder_id(["a"] * 10 + ["b"] * 10) is None
    assert placeholder_id(["a"] * 9) is None
    assert placeholder_id(["a", "a", "ANONYMOUS", "b", "ANONYMOUS"]) == ("ANONYMOUS", 2)
    assert placeholder_id(["De-Identified", "De-Identified"]) == ("De-Identified", 2)
    assert placeholder_id(["", "", "", "unknown"]) is None
    assert placeholder_id(["0", "0", "1", "2"]) is None  # patients may be numbered from 0
    assert placeholder_id(["0"] * 10 + ["1"]) == ("0", 10)
    assert placeholder_id([]) is None
