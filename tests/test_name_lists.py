"""Lists of names and values by name, as one text of an option."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.errors import InvalidSetting
from cxr_cli.name_lists import read_pairs, read_parts


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", [("a", "")]),
        ("", [("", "")]),
        ("a, b c ", [("a", ","), ("b c", "")]),
        ("a,", [("a", ","), ("", "")]),
        ('"a,b" , c', [("a,b", ","), ("c", "")]),
        ('"say ""x"""', [('say "x"', "")]),
        ('5" tube,b', [('5" tube', ","), ("b", "")]),
        ("age:40,60", [("age", ":"), ("40", ","), ("60", "")]),
        ("肺炎,ä", [("肺炎", ","), ("ä", "")]),
    ],
)
def test_parts(text: str, parts: list[tuple[str, str]]) -> None:
    assert read_parts("by", text, ",:") == parts


@pytest.mark.parametrize("text", ['"a', '"a"b', 'a,"b', '"a""'])
def test_a_quote_that_is_not_around_a_whole_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"`by` .*double quotes stand around a whole name"):
        read_parts("by", text, ",:")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b", {"a": "b"}),
        (" covid = covid19 ,no finding=normal", {"covid": "covid19", "no finding": "normal"}),
        ('"effusion, left"=positive,"x=y"="a,b"', {"effusion, left": "positive", "x=y": "a,b"}),
        ("x=y=2", {"x=y": "2"}),
        ("x=y=0.5,z=1", {"x=y": "0.5", "z": "1"}),
    ],
)
def test_pairs(text: str, pairs: dict[str, str]) -> None:
    assert read_pairs("class_map", text, "A=B") == pairs


@pytest.mark.parametrize("text", ["a", "a=", "a=1,", "=b", "a=b=c", "effusion, left=2", "a=1,a=2", '"a=b"'])
def test_what_is_no_pair_is_refused_with_what_is_right(text: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_pairs("class_map", text, "THEIRS=OURS")
    assert str(refusal.value) == (
        f"`class_map` {text}: THEIRS=OURS is needed; "
        "a name with a comma or an equals sign stands in double quotes"
    )


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1))
def test_any_name_can_be_written(pairs: dict[str, str]) -> None:
    text = ",".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs.items())
    assert read_pairs("class_map", text, "A=B") == pairs
