"""Who is one patient, and leaks."""

import numpy as np
import pandas as pd
import pytest

from cxr_cli.errors import BadInput
from cxr_cli.splitting.patients import patient_numbers, refuse_leaks


def images(patients: list[str], image_ids: str | None = None) -> pd.DataFrame:
    return pd.DataFrame({"patient_id": patients, "image_id": list(image_ids or "abcdefgh"[: len(patients)])})


def test_a_image_without_a_patient_id_is_a_patient_of_its_own() -> None:
    numbers = patient_numbers(images(["7", "", "7", "", "07"]))
    assert numbers.tolist() == [0, 1, 0, 2, 3]


def test_a_word_for_a_missing_id_is_no_patient() -> None:
    numbers = patient_numbers(images(["nan", "7", "nan", "NA", "7", "#N/A"]))
    assert numbers.tolist() == [0, 1, 2, 3, 1, 4]


def test_a_patient_whose_id_looks_like_a_image_s_is_not_that_image() -> None:
    assert patient_numbers(images(["image a", "", "a"], "xay")).tolist() == [0, 1, 2]


def test_patients_who_share_a_picture_are_one() -> None:
    table = images(["1", "2", "1", "3", "", "4"])
    assert patient_numbers(table).tolist() == [0, 1, 0, 2, 3, 4]
    assert patient_numbers(table, [("c", "d")]).tolist() == [0, 1, 0, 0, 2, 3]
    assert patient_numbers(table, [("c", "d"), ("e", "d")]).tolist() == [0, 1, 0, 0, 0, 2]
    assert patient_numbers(table, [("f", "b"), ("e", "d")]).tolist() == [0, 1, 0, 2, 2, 1]


def test_one_image_id_under_two_patients_makes_them_one() -> None:
    assert patient_numbers(images(["1", "2", "3", "2"], "abac")).tolist() == [0, 1, 0, 1]


def test_a_leak_through_a_picture_is_told_as_such() -> None:
    table = images(["1", "2", "3"])
    subsets = np.array(["train", "test", "test"])
    refuse_leaks("s.csv", table, subsets)
    refuse_leaks("s.csv", table, subsets, [("b", "c")])
    with pytest.raises(BadInput) as refusal:
        refuse_leaks("s.csv", table, subsets, [("a", "c")])
    assert str(refusal.value) == (
        "s.csv: 1 group of patients who share an image in more than one subset (images a in train and c in "
        "test); each group belongs in one subset"
    )
    refuse_leaks("s.csv", table, np.array(["train", "test", ""]), [("a", "c")])
