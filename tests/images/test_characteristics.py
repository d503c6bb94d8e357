"""What a header and a table say of an image."""

import pytest
from pydicom.dataset import Dataset

from cxr_cli.images.characteristics import (
    combine,
    header_characteristics,
    kept_values,
)


def header(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def test_characteristics_are_what_the_header_states_and_nothing_that_names_a_patient() -> None:
    stated = header_characteristics(
        header(
            PatientName="SECRET^NAME",
            PatientBirthDate="19010203",
            StudyDate="20150607",
            AccessionNumber="SECRET",
            PatientID=" 007 ",
            PatientSex="F",
            PatientAge="018M",
            ViewPosition="AP",
            Manufacturer="Maker\\Other",
            StationName="",
            StudyDescription="SECRET portable SECRET",
            ImagerPixelSpacing=[0.15, 0.15],
            PixelSpacing=[0.1, 0.1],
        )
    )
    assert stated == {
        "patient_id": "007",
        "patient_id_raw": "007",
        "view_position": "AP",
        "view_position_raw": "AP",
        "sex": "F",
        "sex_raw": "F",
        "age": "1.5",
        "age_raw": "018M",
        "manufacturer_raw": "Maker",
        "model": "",
        "station": "",
        "institution": "",
        "portable": "portable",
        "portable_evidence": "StudyDescription portable +3",
        "year": "2015",
        "pixel_spacing": "0.1",
    }


def test_an_empty_header_says_nothing() -> None:
    stated = header_characteristics(Dataset())
    assert stated.pop("portable") == "unknown"
    assert set(stated.values()) == {""}


@pytest.mark.parametrize(
    ("elements", "age", "year"),
    [
        ({"PatientAge": "030Y", "PatientBirthDate": "19600520", "StudyDate": "20100520"}, "30", "2010"),
        ({"PatientAge": "??", "PatientBirthDate": "19600520", "StudyDate": "20100520"}, "50", "2010"),
        ({"PatientBirthDate": "1960.05.20", "StudyDate": "", "ContentDate": "20100519"}, "49", "2010"),
        ({"PatientBirthDate": "19600520"}, "", ""),
        ({"StudyDate": "20101301"}, "", ""),
        ({"StudyDate": "2010"}, "", ""),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # pydicom's, of the faulty values
def test_age_and_year_come_from_dates_where_the_age_is_missing(
    elements: dict[str, str], age: str, year: str
) -> None:
    stated = header_characteristics(header(**elements))
    assert (stated["age"], stated["year"]) == (age, year)


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"ImagerPixelSpacing": [0.143, 0.143]}, "0.143"),
        ({"ImagerPixelSpacing": [0.143, 0.139]}, "0.143\\0.139"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.0, 0.0]}, "0.2"),
        ({"PixelSpacing": "0.2"}, ""),
    ],
)
def test_pixel_spacing_in_mm(elements: dict[str, object], spacing: str) -> None:
    assert header_characteristics(header(**elements))["pixel_spacing"] == spacing


def test_values_kept_at_the_users_wish() -> None:
    dataset = header(StudyDate="20150607", ImageType=["DERIVED", "PRIMARY"], PatientName="A^B")
    assert kept_values(dataset, ("StudyDate", "ImageType", "PatientName", "StudyID")) == {
        "StudyDate": "20150607",
        "ImageType": "DERIVED\\PRIMARY",
        "PatientName": "A^B",
        "StudyID": "",
    }


@pytest.mark.filterwarnings("ignore:(Invalid value|The value length):UserWarning")  # pydicom's
def test_what_a_header_states_is_normalized_and_kept_as_written() -> None:
    stated = header_characteristics(
        header(
            PatientID="nan",
            PatientAge="58",
            PatientSex="W",
            ViewPosition="ap erect",
            Manufacturer="NONE",
            InstitutionName="N/A",
            StationName="unknown",
        )
    )
    assert {name: value for name, value in stated.items() if value and "portable" not in name} == {
        "patient_id_raw": "nan",
        "age": "58",
        "age_raw": "58",
        "sex": "F",
        "sex_raw": "W",
        "view_position": "AP",
        "view_position_raw": "ap erect",
        "station": "unknown",
    }


def test_the_table_wins_over_the_header_where_it_says_something() -> None:
    stated = {"patient_id": "h", "sex": "F", "age": "40", "view_position": "AP", "model": "M"}
    stated |= {f"{name}_raw": f"{stated[name]} as written" for name in ("patient_id", "sex", "age")}
    # An age of 412 says nothing, nor does a sex that is unknown.
    table = {"patient_id": " t", "sex": "U", "age": "412", "view_position": "pa", "site": "north"}
    assert combine(stated, table) == {
        "patient_id": "t",
        "patient_id_raw": "t",
        "sex": "F",
        "sex_raw": "F as written",
        "age": "40",
        "age_raw": "40 as written",
        "view_position": "PA",
        "view_position_raw": "pa",
        "model": "M",
        "site": "north",
    }
    group = {"age": "40-49", "sex": "1"}
    kept = combine(stated, group)
    assert (kept["age"], kept["sex"]) == ("40-49", "1")
    assert combine({}, {"site": "north", "age": "412", "patient_id": "nan"}) == {
        "patient_id": "",
        "patient_id_raw": "nan",
        "view_position": "",
        "view_position_raw": "",
        "sex": "",
        "sex_raw": "",
        "age": "",
        "age_raw": "412",
        "site": "north",
    }
