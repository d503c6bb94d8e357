"""Views in the words and codes of archives."""

import pytest
from pydicom.dataset import Dataset

from cxr_cli.errors import InvalidSetting
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.view_position import check_chest, check_view, coded_view, parse_views, view_of


@pytest.mark.parametrize(
    ("stated", "view"),
    [
        ("PA", "PA"),
        ("ap ", "AP"),
        ("AP SUPINE", "AP"),
        ("AP_AXIAL", "AP"),
        ("POSTERO-ANTERIOR", "PA"),
        ("LL", "LATERAL"),
        ("RL", "LATERAL"),
        ("L", "LATERAL"),
        ("LATERAL", "LATERAL"),
        ("Left lateral", "LATERAL"),
        ("LLAT", "LATERAL"),
        ("RAO", "OBLIQUE"),
        ("LEFT OBLIQUE", "OBLIQUE"),
        # On the side, from the front.
        ("AP LLD", "AP"),
        ("LATERAL DECUBITUS", ""),
        ("LLD", ""),
        ("", ""),
        ("LORDOTIC", ""),
        ("PAIR", ""),
    ],
)
def test_what_a_view_is_called(stated: str, view: str) -> None:
    assert view_of(stated) == view


@pytest.mark.parametrize(
    # PS3.16 CID 4010, in SNOMED CT and in the older SNOMED RT.
    ("code", "view"),
    [("399348003", "AP"), ("R-10206", "AP"), ("272479007", "PA"), ("399173006", "LATERAL"), ("1", "")],
)
def test_coded_views(code: str, view: str) -> None:
    header, item = Dataset(), Dataset()
    item.CodeValue = code
    header.ViewCodeSequence = [item]
    assert coded_view(header) == view
    assert coded_view(Dataset()) == ""


def test_which_views_are_taken() -> None:
    for stated, views in (("PA", ("PA", "AP")), ("", ("PA",)), ("SWIMMERS", ("PA",)), ("LL", None)):
        check_view(stated, views)
    with pytest.raises(RejectedImageError, match="LATERAL view; taken are PA, AP"):
        check_view("LL", ("PA", "AP"))
    with pytest.raises(RejectedImageError, match="AP view; taken are LATERAL"):
        check_view("AP", ("LATERAL",))


@pytest.mark.parametrize("part", ["CHEST", "THORAX", "PORT CHEST", "CHESTABDOMEN", "", None, "SECRET"])
def test_what_may_be_the_chest_is_taken(part: str | None) -> None:
    header = Dataset()
    header.BodyPartExamined = part
    check_chest(header)
    check_chest(Dataset())


@pytest.mark.parametrize("part", ["HAND", "C SPINE", "knee"])
def test_what_is_not_the_chest_is_refused(part: str) -> None:
    header = Dataset()
    header.add_new("BodyPartExamined", "LO", part)  # CS would not let lower case be written
    with pytest.raises(RejectedImageError, match=r"not the chest: BodyPartExamined [A-Z]+$"):
        check_chest(header)


def test_the_list_of_the_command_line() -> None:
    assert parse_views("pa, LATERAL") == ("PA", "LATERAL")
    assert parse_views("any") is None
    for text in ("", "LL", "PA,any"):
        with pytest.raises(InvalidSetting, match=r"`views` .* is none of PA, AP, LATERAL, OBLIQUE, any"):
            parse_views(text)
