"""The checklists have the published items, each once."""

from itertools import chain

from cxr_cli.report.checklists import CLAIM, TRIPOD, Checklist


def numbers(checklist: Checklist) -> list[str]:
    return [item.number for item in chain.from_iterable(checklist.sections.values())]


def test_claim_has_its_44_items_in_order() -> None:
    assert numbers(CLAIM) == [str(number) for number in range(1, 45)]


def test_tripod_ai_has_its_27_items_in_order() -> None:
    parts = {
        3: "abc",
        5: "ab",
        6: "abc",
        8: "abc",
        9: "abc",
        12: "abcdefg",
        18: "abcdef",
        20: "abc",
        23: "ab",
    }
    parts[27] = "abc"
    expected = [f"{number}{part}" for number in range(1, 28) for part in parts.get(number, [""])]
    assert numbers(TRIPOD) == expected
    assert len(expected) == 52


def test_the_author_adds_only_to_what_is_filled_in() -> None:
    for item in chain.from_iterable((*CLAIM.sections.values(), *TRIPOD.sections.values())):
        assert item.fact is not None or not item.remains, item
