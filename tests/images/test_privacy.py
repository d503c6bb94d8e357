"""Keys, hashes of patients, tags that the user wants."""

from pathlib import Path

import pytest

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.images.privacy import check_keep_tags, digest_key, pseudonym, read_key


def test_a_patient_is_the_beginning_of_an_hmac() -> None:
    # RFC 4231, test case 2.
    assert pseudonym("what do ya want for nothing?", b"Jefe") == "5bdcc146bf60754e"
    assert pseudonym("", b"Jefe") == ""
    assert pseudonym("007", b"Jefe") != pseudonym("7", b"Jefe")


def test_a_key_is_all_bytes_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcde\n")
    assert read_key(path) == b"0123456789abcde\n"
    # sha256sum of the file.
    assert digest_key(read_key(path)) == "dc08b6f2c7aaeca6d88cd9c82797b328160ccb3b1a84243b8eadb296744426c4"


@pytest.mark.parametrize("content", [None, b"", b"0123456789abcde"])
def test_a_missing_or_short_key_is_refused_and_not_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="secret: ") as refused:
        read_key(path)
    assert "0123" not in str(refused.value)


def test_keywords_of_text_are_kept_once_in_their_order() -> None:
    assert check_keep_tags(["StudyDate", "KVP", "StudyDate"], pseudonymized=True) == ("StudyDate", "KVP")
    assert check_keep_tags(["PatientID"], pseudonymized=False) == ("PatientID",)


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("study_date", "'study_date': is no DICOM keyword"),
        ("", "'': is no DICOM keyword"),
        ("PixelData", r"PixelData: holds no text \(OB or OW\)"),
        ("VOILUTSequence", r"VOILUTSequence: holds no text \(SQ\)"),
        ("PatientID", "PatientID: would reveal"),
    ],
)
def test_other_keywords_are_refused(keyword: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        check_keep_tags([keyword], pseudonymized=True)
