"""The predictions file: written, and read again, and other tools' tables."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorder import Recorder

from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.operating_point import OperatingPoint
from cxr_cli.prediction.predictions_file import by_score, match_images, predictions_table, read_predictions
from cxr_cli.prediction.scores import Scores

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write lines of a table and return its path."""

    def put(*lines: str, name: str = "p.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]))
        return path

    return put


OURS = (
    "image_id,patient_id,label,predicted,score_normal,score_pneumonia,threshold_pneumonia,sex",
    "a,p1,normal,pneumonia,0.7,0.3,0.25,F",
    "b,p1,pneumonia,pneumonia,0.2,0.8,0.25,F",
    "c,,normal,normal,0.9,0.1,0.25,",
    "d,,pneumonia,pneumonia,0.6,0.4,0.25,M",
)


def test_a_table_of_ours_says_all(write: Write) -> None:
    found = read_predictions(write(*OURS))
    answers = found.answers
    assert (answers.classes, found.positive) == (("normal", "pneumonia"), "pneumonia")
    assert answers.labels.tolist() == [0, 1, 0, 1]
    assert answers.predicted.tolist() == [1, 1, 0, 1]
    # Images without a patient id are of patients of their own.
    assert answers.patients.tolist() == [0, 0, 1, 2]
    assert answers.scores is not None
    assert answers.scores[:, 1].tolist() == [0.3, 0.8, 0.1, 0.4]
    assert found.rule == "as predicted in the table, score_pneumonia >= 0.25"
    assert found.column("sex") == ["F", "F", "", "M"]
    assert found.has_patients


def test_a_table_of_a_spreadsheet_reads_alike(write: Write) -> None:
    ours = read_predictions(write(*OURS))
    path, recorder = write(), Recorder()
    commas = "\r\n".join(line.replace(",", "\t").replace("0.", "0,") for line in OURS)
    path.write_bytes(commas.encode("utf-16"))
    found = read_predictions(path, reporter=recorder)
    pd.testing.assert_frame_equal(found.images, ours.images)
    assert [line.partition(": ")[2] for line in recorder.said] == [
        "decimal commas read as points, columns 'score_normal', 'score_pneumonia', 'threshold_pneumonia'"
    ]


def test_the_threshold_s_column_names_the_finding(write: Write) -> None:
    lines = [line.replace("threshold_pneumonia", "threshold_normal") for line in OURS]
    assert read_predictions(write(*lines)).positive == "normal"
    assert read_predictions(write(*lines), "pneumonia").positive == "pneumonia"


def test_a_threshold_of_one_s_own_counts_in_the_place_of_predicted(write: Write) -> None:
    found = read_predictions(write(*OURS), threshold=0.4)
    assert found.answers.predicted.tolist() == [0, 1, 0, 1]
    assert found.rule == "score_pneumonia >= 0.4, as given"


def test_a_table_of_another_tool_needs_labels_and_scores_alone(write: Write) -> None:
    found = read_predictions(write("label,score_b,score_a,score_c", "a,0.2,0.5,0.3", "b,0.2,0.5,0.3"))
    assert found.answers.classes == ("b", "a", "c")
    assert found.answers.labels.tolist() == [1, 0]
    assert found.answers.predicted.tolist() == [1, 1]
    assert (found.positive, found.has_patients) == (None, False)
    assert found.rule == "the class of the highest score"
    assert found.answers.patients.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("1", "0", "1"), ("0", "1")),
        (("1", "0", "2"), ("not 1", "1")),
        (("1", "1", "1"), ("not 1", "1")),
    ],
)
def test_one_score_is_that_of_the_finding(
    write: Write, labels: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    rows = [f"{label},{score}" for label, score in zip(labels, (0.5, 0.49, 0.9), strict=True)]
    found = read_predictions(write("label,score_1", *rows))
    assert (found.answers.classes, found.positive) == (classes, "1")
    assert found.answers.labels.tolist() == [int(label == "1") for label in labels]
    assert found.answers.predicted.tolist() == [1, 0, 1]
    assert found.rule == "score_1 >= 0.5"


def test_one_score_that_is_no_chance_needs_a_threshold(write: Write) -> None:
    path = write("label,score_1", "1,3.5", "0,-2")
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert str(refusal.value) == (
        f"{path}: score_1 goes from -2 to 3.5; say with `threshold` from which on an image is positive"
    )
    assert read_predictions(path, threshold=-3).answers.predicted.tolist() == [1, 1]


def test_one_of_many_classes_is_set_against_the_rest(write: Write) -> None:
    path = write("label,score_a,score_b,score_c", "a,0.5,0.3,0.2", "b,0.5,0.3,0.2", "c,0.1,0.2,0.7")
    found = read_predictions(path, "c")
    assert found.answers.classes == ("not c", "c")
    assert found.answers.labels.tolist() == [0, 0, 1]
    assert found.answers.predicted.tolist() == [0, 0, 1]
    assert read_predictions(path, "c", 0.2).answers.predicted.tolist() == [1, 1, 1]
    with pytest.raises(InvalidSetting, match="has 3 classes; name one with `positive`"):
        read_predictions(path, threshold=0.5)
    with pytest.raises(InvalidSetting, match="`positive` d: the classes are 'a', 'b', 'c'"):
        read_predictions(path, "d")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("label,sex", "a,F"), "no column 'score_<class>'; it has 'label', 'sex'"),
        (("truth,score_a", "a,1"), "no column 'label'; it has 'truth', 'score_a'"),
        (("label,score_a",), "has no image"),
        (("label,score_a,score_b", "a,1,0", "b,x,1"), "line 3: score_a is 'x', not a number"),
        (("label,score_a,score_b", "a,1,"), "line 2: score_b is '', not a number"),
        (("label,score_a,score_b", "a,1,inf"), "line 2: score_b is 'inf', not a number"),
        (("label,score_a,score_b", "c,1,0"), "line 2: label is 'c'; there are scores of 'a', 'b'"),
        (
            ("label,predicted,score_a,score_b", "a,z,1,0"),
            "line 2: predicted is 'z'; there are scores of 'a', 'b'",
        ),
    ],
)
def test_what_a_table_lacks_is_named(write: Write, lines: tuple[str, ...], message: str) -> None:
    path = write(*lines)
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_a_column_that_is_not_there_is_named_with_those_that_are(write: Write) -> None:
    found = read_predictions(write(*OURS))
    with pytest.raises(BadInput) as refusal:
        found.column("maker")
    assert str(refusal.value) == (
        f"{found.path}: no column 'maker'; it has 'image_id', 'patient_id', 'label', 'predicted', 'sex'"
    )


def test_images_of_two_tables_are_matched_by_image_id(write: Write) -> None:
    first = read_predictions(write(*OURS))
    second = read_predictions(write(OURS[0], OURS[4], OURS[2], name="other.csv"))
    one, other = match_images(first, second)
    assert one.images["image_id"].tolist() == other.images["image_id"].tolist() == ["b", "d"]
    np.testing.assert_array_equal(one.answers.scores, other.answers.scores)
    assert one.answers.patients.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((OURS[0], OURS[1], OURS[1]), "image_id 'a' is there twice"),
        (("label,score_normal,score_pneumonia", "normal,1,0"), "no column 'image_id', by which"),
        ((OURS[0], OURS[1].replace("a,", "z,", 1)), "has no image of "),
        ((OURS[0], OURS[1].replace("normal", "pneumonia", 1)), "label of image a is 'pneumonia'; in "),
        (("image_id,label,score_x,score_y", "a,x,1,0"), "its classes are 'x', 'y'; those of "),
    ],
)
def test_tables_that_do_not_fit_are_refused(write: Write, lines: tuple[str, ...], message: str) -> None:
    first, second = read_predictions(write(*OURS)), read_predictions(write(*lines, name="other.csv"))
    with pytest.raises(BadInput) as refusal:
        match_images(first, second)
    assert str(refusal.value).startswith(f"{second.path}: {message}")


def test_the_table_has_a_row_for_each_image_and_the_manifests_characteristics(tmp_path: Path) -> None:
    manifest = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "row": [0, 1, 2],
            "source": ["1.png", "2.png", "3.png"],
            "patient_id": ["007", "8", ""],
            "label": ["sick", "well", "sick"],
            "sex": ["F", "", "M"],
            "predicted": ["by the user", "", "x"],
            "score_sick": ["1", "2", "3"],
        }
    )
    dataset = Dataset(tmp_path, np.zeros((3, 2, 2), np.uint8), manifest, {})
    scores = Scores(np.float32([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0]))
    table = predictions_table(dataset, np.array([2, 0]), scores, ("sick", "well"))
    assert table.to_dict("list") == {
        "image_id": ["c", "a"],
        "patient_id": ["", "007"],
        "label": ["sick", "sick"],
        "predicted": ["well", "sick"],
        "score_sick": [0.25, 0.5],
        "score_well": [0.75, 0.5],
        "source": ["3.png", "1.png"],
        "sex": ["M", "F"],
        "table_predicted": ["x", "by the user"],
        "table_score_sick": ["3", "1"],
    }


def test_a_threshold_travels_with_the_predictions_that_follow_it(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"image_id": ["a"], "row": [0], "patient_id": ["1"], "label": ["sick"]})
    manifest["threshold_sick"] = "of the user"
    dataset = Dataset(tmp_path, np.zeros((1, 2, 2), np.uint8), manifest, {})
    scores = Scores(np.float32([[0.25, 0.75]]), np.array([0]))
    table = predictions_table(
        dataset, np.array([0]), scores, ("sick", "well"), OperatingPoint("sick", 0.2, "as given")
    )
    assert table["threshold_sick"].tolist() == [0.2]
    assert table["table_threshold_sick"].tolist() == ["of the user"]


def test_a_worklist_has_no_labels_and_the_highest_score_first(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"image_id": list("abc"), "row": [0, 1, 2], "patient_id": "", "label": "sick"})
    dataset = Dataset(tmp_path, np.zeros((3, 2, 2), np.uint8), manifest, {})
    positive = np.float32([0.25, 0.75, 0.75])
    scores = Scores(np.stack([1 - positive, positive], 1), np.array([0, 1, 1]))
    table = predictions_table(dataset, np.arange(3), scores, ("fine", "sick"), labels=False)
    assert "label" not in table
    assert by_score(table, "sick")["image_id"].tolist() == ["b", "c", "a"]
    assert by_score(table, "fine")["image_id"].tolist() == ["a", "b", "c"]
