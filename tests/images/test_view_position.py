"""Views in the words and codes of archives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from cxr_cli.errors import InvalidSetting
from cxr_cli.images.rejected import RejectedImageError
from cxr_cli.images.view_position import (
    VIEWS,
    StatedView,
    check_chest,
    check_view,
    coded_view,
    header_view,
    is_contradicted,
    parse_views,
    view_of,
)

NO_CODE = StatedView("", "")


@pytest.mark.parametrize(
    ("stated", "view"),
    [
        ("PA", "PA"),
        ("ap ", "AP"),
        ("P.A.", "PA"),
        ("AP SUPINE", "AP"),
        ("AP ERECT", "AP"),
        ("AP_AXIAL", "AP"),
        ("POSTERO-ANTERIOR", "PA"),
        ("Chest-PA", "PA"),
        ("dorso-ventral", "PA"),
        ("Post-Ant", "PA"),
        ("antero-posterior", "AP"),
        ("anterior posterior", "AP"),
        ("LTLAT", "LATERAL"),
        ("posterior", ""),
        ("LL", "LATERAL"),
        ("RL", "LATERAL"),
        ("L", "LATERAL"),
        ("LATERAL", "LATERAL"),
        ("Left lateral", "LATERAL"),
        ("LLAT", "LATERAL"),
        ("LATERO-LATERAL", "LATERAL"),
        ("X-TABLE LAT", "LATERAL"),
        ("SWIMMERS", "LATERAL"),
        ("RAO", "OBLIQUE"),
        ("LEFT OBLIQUE", "OBLIQUE"),
        ("AP OBLIQUE", "OBLIQUE"),
        ("medio-lateral oblique", "OBLIQUE"),
        # On the side, from the front.
        ("AP LLD", "AP"),
        ("AP LATERAL DECUBITUS", "AP"),
        ("LATERAL DECUBITUS", "FRONTAL"),
        ("LLD", "FRONTAL"),
        # On the back, from the side.
        ("DORSAL DECUBITUS", "LATERAL"),
        ("FRONTAL", "FRONTAL"),
        ("LORDOTIC", "FRONTAL"),
        ("AP/PA", "FRONTAL"),
        ("PA/LATERAL", ""),
        ("", ""),
        ("nan", ""),
        ("PAIR", ""),
        ("BILATERAL", ""),
        ("UNK", ""),
    ],
)
def test_what_a_view_is_called(stated: str, view: str) -> None:
    assert view_of(stated) == view
    assert view_of(view) == view  # it is read again as it was written


@given(st.text())
def test_no_text_fails_to_be_read(text: str) -> None:
    assert view_of(text) in ("", "FRONTAL", *VIEWS)


def with_code(**elements: str) -> Dataset:
    header, item = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    header.ViewCodeSequence = [item]
    return header


@pytest.mark.parametrize(
    # PS3.16 CID 4010, in SNOMED CT and in the older SNOMED RT.
    ("code", "view"),
    [
        ("399348003", "AP"),
        ("R-10206", "AP"),
        ("272479007", "PA"),
        ("R-40888", "PA"),
        ("R-10214", "PA"),
        ("399033003", "FRONTAL"),
        ("399173006", "LATERAL"),
        ("R-10236", "LATERAL"),
        ("R-40985", "OBLIQUE"),
        ("399312000", "OBLIQUE"),
    ],
)
def test_coded_views(code: str, view: str) -> None:
    assert coded_view(with_code(CodeValue=code)) == (view, f"ViewCodeSequence {code}")


def test_a_code_and_its_meaning() -> None:
    assert coded_view(with_code(CodeValue="1", CodeMeaning="Left lateral (secret)")) == (
        "LATERAL",
        "ViewCodeSequence lateral",
    )
    # Each says that it is frontal.
    assert coded_view(with_code(CodeValue="R-10206", CodeMeaning="postero-anterior")).view == "FRONTAL"
    assert coded_view(with_code(CodeValue="R-10206", CodeMeaning="lateral")).view == ""
    for header in (Dataset(), with_code(CodeValue="1"), with_code(CodeMeaning="secret")):
        assert coded_view(header) == NO_CODE


@pytest.mark.parametrize(
    ("stated", "view", "statement"),
    [
        ({"ViewPosition": "pa"}, "PA", "pa"),
        ({"ViewPosition": "XYZ"}, "", "XYZ"),
        ({"PatientOrientation": "A\\F"}, "LATERAL", "PatientOrientation A\\F"),
        ({"PatientOrientation": "P\\FL"}, "LATERAL", "PatientOrientation P\\FL"),
        ({"PatientOrientation": "L\\F"}, "FRONTAL", "PatientOrientation L\\F"),
        ({"PatientOrientation": "LA\\F"}, "", ""),
        ({"PatientOrientation": "F\\A"}, "", ""),
        ({"SeriesDescription": "Secret CHEST LATERAL"}, "LATERAL", "SeriesDescription LATERAL"),
        ({"ProtocolName": "Thorax seitlich"}, "LATERAL", "ProtocolName seitlich"),
        ({"ProtocolName": "Thorax 2 Ebenen lat."}, "LATERAL", "ProtocolName lat"),
        ({"SeriesDescription": "thorax de profil"}, "LATERAL", "SeriesDescription profil"),
        ({"SeriesDescription": "RX TORACE LL"}, "LATERAL", "SeriesDescription LL"),
        ({"SeriesDescription": "Tórax perfil"}, "LATERAL", "SeriesDescription perfil"),
        ({"SeriesDescription": "Thorax de face"}, "FRONTAL", "SeriesDescription face"),
        ({"SeriesDescription": "胸部側面"}, "LATERAL", "SeriesDescription 側面"),
        ({"AcquisitionDeviceProcessingDescription": "CHEST PA"}, "PA", None),
        # What several images are called says nothing of one.
        ({"SeriesDescription": "CHEST PA AND LATERAL"}, "", ""),
        ({"SeriesDescription": "CHEST 2 VIEWS"}, "", ""),
        ({"StudyDescription": "CHEST LATERAL"}, "LATERAL", "StudyDescription LATERAL"),
        ({"StudyDescription": "CHEST 2 VIEWS LAT"}, "", ""),
        ({"StudyDescription": "XR CHEST PA UPRIGHT"}, "", ""),
        ({"PerformedProcedureStepDescription": "XR CHEST PA UPRIGHT"}, "", ""),
        ({"PerformedProcedureStepDescription": "CHEST LAT"}, "LATERAL", None),
        # The better source first.
        ({"ViewPosition": "AP", "SeriesDescription": "CHEST PA"}, "AP", "AP"),
        ({"PatientOrientation": "L\\F", "SeriesDescription": "CHEST PA"}, "PA", "SeriesDescription PA"),
        ({"ViewPosition": "OTHER", "ProtocolName": "Lateral"}, "LATERAL", "ProtocolName Lateral"),
    ],
)
def test_the_view_that_a_header_states(stated: dict[str, str], view: str, statement: str | None) -> None:
    found = header_view(stated, NO_CODE)
    assert found.view == view
    assert statement is None or found.statement == statement
    assert not is_contradicted(found.statement)


def test_a_header_that_contradicts_itself() -> None:
    found = header_view({"ViewPosition": "AP", "PatientOrientation": "A\\F"}, NO_CODE)
    assert found == ("AP", "AP, but PatientOrientation A\\F")
    assert is_contradicted(found.statement)
    found = header_view({"SeriesDescription": "CHEST PA"}, StatedView("LATERAL", "ViewCodeSequence R-10236"))
    assert found == ("LATERAL", "ViewCodeSequence R-10236, but SeriesDescription PA")


def test_which_views_are_taken() -> None:
    for stated, views in (
        ("PA", ("PA", "AP")),
        ("", ("PA",)),
        ("OTHER", ("PA",)),
        ("LL", None),
        ("FRONTAL", ("PA",)),
        ("FRONTAL", ("AP", "LATERAL")),
    ):
        check_view(stated, views)
    with pytest.raises(RejectedImageError, match="LATERAL view; taken are PA, AP"):
        check_view("LL", ("PA", "AP"))
    with pytest.raises(RejectedImageError, match="AP view; taken are LATERAL"):
        check_view("AP", ("LATERAL",))
    with pytest.raises(RejectedImageError, match="FRONTAL view; taken are LATERAL"):
        check_view("LLD", ("LATERAL",))


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
