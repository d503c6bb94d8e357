"""Spellings of manufacturers."""

from pathlib import Path

import pydicom
import pytest

from cxr_cli.artifacts import read_csv
from cxr_cli.errors import BadInput
from cxr_cli.images.manufacturers import manufacturer, read_manufacturers
from cxr_cli.phantom.systems import SYSTEMS


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("PHILIPS", "Philips"),
        ("Philips Medical Systems", "Philips"),
        ("Philipsen", None),
        ('"GE Healthcare"', "GE"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("Geneva Imaging", None),
        ("Eastman Kodak Company", "Kodak"),
        ("FUJI PHOTO FILM Co., ltd.", "Fujifilm"),
        ("KONICA-MINOLTA", "Konica Minolta"),
        ("", None),
        ("--", None),
    ],
)
def test_spellings_of_one_manufacturer_are_one(spelling: str, name: str | None) -> None:
    assert manufacturer(spelling, read_manufacturers()) == name


def test_every_system_that_phantoms_know_has_its_manufacturer() -> None:
    table = read_manufacturers()
    for system in SYSTEMS:
        assert {manufacturer(spelling, table) for spelling in system.spellings} == {system.manufacturer}


def test_a_users_table_adds_and_wins(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('"Acme" = ["Acme Imaging"]\n"Dunlee" = ["Philips Dunlee"]\n"Carestream" = ["Kodak"]\n')
    table = read_manufacturers(path)
    assert manufacturer("ACME IMAGING GmbH", table) == "Acme"
    assert manufacturer("Acme", table) is None
    assert manufacturer("Philips Dunlee", table) == "Dunlee"
    assert manufacturer("Philips", table) == "Philips"
    assert manufacturer("KODAK", table) == "Carestream"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Acme = [", "own.toml: no TOML"),
        ('Acme = "Acme"', "own.toml: Acme: 'Acme'; a list"),
        ("Acme = []", "own.toml: Acme: "),
        ("Acme = [1]", "own.toml: Acme: "),
        ('Acme = [" - "]', "own.toml: Acme: "),
        ('A = ["Acme"]\nB = ["ACME"]', "own.toml: 'acme' is of both 'A' and 'B'"),
        (b"\xff", "own.toml: cannot be read as text"),
        (None, "own.toml: no such file"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, content: str | bytes | None, message: str) -> None:
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadInput, match=message):
        read_manufacturers(path)


def test_all_manufacturers_of_the_archive_are_known_and_go_with_the_models(real_images: Path) -> None:
    """A model is one maker's, so that it tells which spellings mean the same one."""
    makers_of_model: dict[str, set[str]] = {}
    table = read_manufacturers()
    silent = 0
    for path in read_csv(real_images / "dicom" / "labels.csv")["path"]:
        header = pydicom.dcmread(real_images / "dicom" / path, stop_before_pixels=True)
        spelling = header.get("Manufacturer", "")
        name = manufacturer(spelling, table)
        silent += not spelling
        assert name or not spelling
        makers_of_model.setdefault(header.ManufacturerModelName, set()).update({name} if name else set())
    assert silent == 12
    assert makers_of_model == {
        "MobileDiagnost wDR": {"Philips"},
        "DigitalDiagnost": {"Philips"},
        "Essenta DR": {"Philips"},
        "MOBILETT Elara Max": {"Siemens"},
        "Ysio Max": {"Siemens"},
        "Definium 8000": {"GE"},
        "Discovery XR656": {"GE"},
        "Optima XR240amx": {"GE"},
        "FDR AcSelerate": {"Fujifilm"},
        "FDR Go PLUS": {"Fujifilm"},
        "DRX-Revolution": {"Carestream"},
        "DRX-1": {"Kodak"},
        "0402": {"Konica Minolta"},
    }
