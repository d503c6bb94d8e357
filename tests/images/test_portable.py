"""Mobile unit or X-ray room: rules and real images."""

from collections import Counter
from pathlib import Path

import pydicom
import pytest

from cxr_cli.artifacts import read_csv
from cxr_cli.images.portable import KEYWORDS, Portability, portability
from cxr_cli.phantom.systems import SYSTEMS

MODEL, STATION, STUDY, VIEW = "ManufacturerModelName", "StationName", "StudyDescription", "ViewPosition"


@pytest.mark.parametrize(
    ("stated", "said", "evidence"),
    [
        ({}, "unknown", ""),
        ({VIEW: "AP"}, "unknown", ""),
        ({VIEW: "PA"}, "fixed", "ViewPosition PA -2"),
        ({VIEW: "AP", STUDY: "XR CHEST 1V"}, "unknown", ""),
        ({STUDY: "CHEST AP UPRIGHT"}, "unknown", "StudyDescription UPRIGHT -1"),
        (
            {STUDY: "CHEST AP PORTABLE UPRIGHT"},
            "portable",
            "StudyDescription PORTABLE +3; StudyDescription UPRIGHT -1",
        ),
        ({STUDY: "Chest 2 views"}, "fixed", "StudyDescription 2 views -2"),
        ({STUDY: "CHEST AP OR PA"}, "unknown", ""),
        ({STUDY: "CHEST PA/AP"}, "unknown", ""),
        ({STUDY: "Chest frontal and lateral"}, "fixed", "StudyDescription and lateral -2"),
        ({STUDY: "CHEST, NON-PORTABLE"}, "fixed", "StudyDescription NON-PORTABLE -3"),
        ({STUDY: "XR CHEST PORT"}, "portable", "StudyDescription PORT +3"),
        ({STUDY: "port-a-cath check"}, "unknown", ""),
        ({STUDY: "Port placement, transport, Spain"}, "unknown", ""),
        ({"ProtocolName": "Thorax Bettlunge"}, "portable", "ProtocolName Bettlunge +3"),
        ({STATION: "PORT02"}, "portable", "StationName PORT +2"),
        ({STATION: "AIRPORT1"}, "unknown", ""),
        ({STATION: "XRROOM3"}, "fixed", "StationName XRROOM -2"),
        ({STATION: "CHESTRM_1"}, "unknown", ""),
        ({MODEL: "DRX-1"}, "unknown", ""),
        ({MODEL: "DX-D 100"}, "portable", "ManufacturerModelName DX-D 100 +5"),
        ({MODEL: "DX-D 300"}, "fixed", "ManufacturerModelName DX-D 300 -5"),
        # The view is often left at what the last image had: the unit knows better.
        ({MODEL: "GM85", VIEW: "PA"}, "portable", "ManufacturerModelName GM85 +5; ViewPosition PA -2"),
        ({STATION: "MOB1", VIEW: "PA"}, "unknown", "StationName MOB +2; ViewPosition PA -2"),
    ],
)
def test_words_of_a_header_decide(stated: dict[str, str], said: Portability, evidence: str) -> None:
    assert portability(stated) == (said, evidence)


def test_an_order_copied_to_many_tags_weighs_once() -> None:
    copied = {STUDY: "chest portable", "SeriesDescription": "chest portable", "ProtocolName": "PORTABLE"}
    assert portability(copied) == ("portable", "StudyDescription portable +3")


def test_evidence_holds_no_free_text() -> None:
    _, evidence = portability(
        dict.fromkeys(KEYWORDS, "Smith, portable, 1960-05-20 at Smith's bedside in room 7")
    )
    assert not any(word in evidence for word in ("Smith", "1960", "7"))


def test_models_of_phantoms_are_recognized_or_unknown_and_never_wrong() -> None:
    said = {system.model: (portability({MODEL: system.model})[0], system.portable) for system in SYSTEMS}
    # Plate readers and detectors, which rooms and mobile units share.
    unknown = {"5000 (CR)", "AeroDR", "CXDI-70C Wireless"}
    for model, (found, portable) in said.items():
        assert found == ("unknown" if model in unknown else "portable" if portable else "fixed")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (KEYWORDS, {("portable", "1"): 71, ("fixed", "0"): 73}),
        # Less than all tags: images go unknown, none goes wrong.
        ((STATION,), {("portable", "1"): 71, ("fixed", "0"): 73}),
        ((STUDY,), {("portable", "1"): 71, ("fixed", "0"): 73}),
        (
            (MODEL,),
            {("portable", "1"): 57, ("fixed", "0"): 60, ("unknown", "1"): 14, ("unknown", "0"): 13},
        ),
        ((VIEW,), {("fixed", "0"): 52, ("unknown", "1"): 71, ("unknown", "0"): 21}),
    ],
)
def test_agreement_with_the_truth_of_the_archive(
    real_images: Path, read: tuple[str, ...], expected: dict[tuple[str, str], int]
) -> None:
    truth = read_csv(real_images / "dicom" / "labels.csv")
    found: Counter[tuple[str, str]] = Counter()
    for path, mobile in zip(truth["path"], truth["mobile"], strict=True):
        header = pydicom.dcmread(real_images / "dicom" / path, specific_tags=list(read))
        found[portability({keyword: str(header.get(keyword, "")) for keyword in read})[0], mobile] += 1
    assert found == expected
