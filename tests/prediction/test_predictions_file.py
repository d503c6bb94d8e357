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
        "decimal commas read as points, columns 'score_normal', 'score_pneumonia', 'threshold_pneumonia'",
        "2 of 4 images have no patient_id: each counts as a patient of its own",
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
    assert found.rule == "predicted by the highest score"
    assert found.answers.patients.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "labels", "classes"),
    [
        ("1", "1 0 1", ("0", "1")),
        ("1", "1.0 0.0 1", ("0.0", "1")),
        ("1", "1 1 1", ("not 1", "1")),
        ("1", "0 0 0", ("not 1", "1")),
        ("pos", "pos neg pos", ("neg", "pos")),
        ("pos", "1 0 1", ("not pos", "pos")),
        ("pos", "1.0 0.0 1.0", ("not pos", "pos")),
        ("pos", "True FALSE true", ("not pos", "pos")),
        ("pos", "pos 0 pos", ("0", "pos")),
        ("pos", "neg neg neg", ("neg", "pos")),
        ("COVID", "COVID pneumonia COVID", ("pneumonia", "COVID")),
    ],
)
def test_one_score_is_that_of_the_finding(
    write: Write, name: str, labels: str, classes: tuple[str, ...]
) -> None:
    scores = (0.5, 0.49, 0.9)
    rows = [f"{label},{score}" for label, score in zip(labels.split(), scores, strict=True)]
    found = read_predictions(write(f"label,score_{name}", *rows))
    assert (found.answers.classes, found.positive) == (classes, name)
    is_positive = [label.lower() in (name.lower(), "1", "1.0", "true") for label in labels.split()]
    assert found.answers.labels.tolist() == [int(positive) for positive in is_positive]
    assert found.answers.predicted.tolist() == [1, 0, 1]
    assert found.rule == f"score_{name} >= 0.5"


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ("pos Pos neg", 3),
        ("pos,,neg", 3),
        ("pos nan neg", 3),
        ("pos neg unclear", 4),
        ("pos neg effusion", 4),
        ("effusion mass pos", 2),
        ("pos unclear pos", 3),
        ("neg 1 neg", 3),
        ("1 -1 0", 2),
        ("pos -1 pos", 3),
        ("effusion effusion effusion", 2),
        ("positive negative positive", 2),
    ],
)
def test_labels_beside_one_score_are_never_counted_as_negative_unseen(
    write: Write, labels: str, line: int
) -> None:
    separator = "," if "," in labels else " "
    rows = [f"{label},0.5" for label in labels.split(separator)]
    path, wrong = write("label,score_pos", *rows), labels.split(separator)[line - 2]
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert str(refusal.value) == (
        f"{path}: line {line}: label is {wrong!r}; beside one score, 'score_pos', labels are 'pos' and one "
        "other class, or 0 and 1"
    )


def test_what_is_predicted_beside_one_score_may_be_0_and_1_and_nothing_else(write: Write) -> None:
    found = read_predictions(write("label,predicted,score_pos", "pos,1,0.5", "neg,neg,0.2", "pos,0.0,0.1"))
    assert found.answers.predicted.tolist() == [1, 0, 0]
    found = read_predictions(write("label,predicted,score_0", "0,0,0.9", "1,1,0.2"))
    assert found.answers.classes == ("1", "0")
    assert (found.answers.labels.tolist(), found.answers.predicted.tolist()) == ([1, 0], [1, 0])
    with pytest.raises(
        BadInput, match=r"line 2: predicted is 'POS'; .*; 'POS' differs from 'pos' in capitals"
    ):
        read_predictions(write("label,predicted,score_pos", "pos,POS,0.5", "neg,neg,0.2"))


def test_one_score_of_a_class_named_like_a_negative_is_turned_round(write: Write) -> None:
    path = write("label,score_normal", "normal,0.9", "effusion,0.2", "normal,0.4")
    found = read_predictions(path)
    assert (found.positive, found.answers.classes) == ("effusion", ("effusion", "normal"))
    assert found.answers.scores is not None
    assert found.answers.scores[:, 0].tolist() == pytest.approx([0.1, 0.8, 0.6])
    assert (found.answers.predicted.tolist(), found.rule) == ([1, 0, 0], "score_normal < 0.5")
    assert read_predictions(path, threshold=0.7).rule == "1 - score_normal >= 0.7, as given"


def test_one_score_that_is_no_chance_needs_a_threshold(write: Write) -> None:
    path = write("label,score_1", "1,3.5", "0,-2")
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert str(refusal.value) == (
        f"{path}: score_1 goes from -2 to 3.5; give a column 'predicted', or say with `threshold` from which "
        "on an image is positive"
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
        (("label,score_a,score_b", "a,0.5,NaN"), "line 2: score_b is 'NaN', not a number"),
        (("label,score_a,score_b", "c,1,0"), "line 2: label is 'c'; there are scores of 'a', 'b'"),
        (
            ("label,score_a,score_b", "a,1,0", "A,1,0"),
            "line 3: label is 'A'; there are scores of 'a', 'b'; 'A' differs from 'a' in capitals",
        ),
        (("label,score_a,score_b", "nan,1,0"), "line 2: label is 'nan'; there are scores of 'a', 'b'"),
        (("label,score_", "a,1"), "column 'score_' names no class"),
        (("label,score_a,score_a", "a,1,0"), "has 2 columns 'score_a'; rename or delete one"),
        (("label,score_a,sex,sex", "a,1,F,F"), "has 2 columns 'sex'; rename or delete one"),
        (
            ("label,score_a,score_A", "a,1,0"),
            "columns 'score_a' and 'score_A' may be of one class; rename or delete one",
        ),
        (
            ("label,score_1,score_1.0", "a,1,0"),
            "columns 'score_1' and 'score_1.0' may be of one class; rename or delete one",
        ),
        (
            ("label,Score_normal,SCORE_normal", "a,1,0"),
            "columns 'Score_normal' and 'SCORE_normal' differ in capitals alone; rename or delete one",
        ),
        (
            ("image_id,label,score_a,score_b", "x,a,1,0", "y,a,1,0", "x,b,1,0"),
            "line 4: image_id 'x' is in line 2, too; an image counts once: delete or average its other rows",
        ),
        (
            ("label,score_normal,score_b,threshold_b", "b,1,0,high"),
            "line 2: threshold_b is 'high', not a number",
        ),
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
        ((OURS[0], OURS[1], OURS[2].replace("b,", "nan,", 1)), "1 images have no image_id, by which"),
        (("label,score_normal,score_pneumonia", "normal,1,0"), "no column 'image_id', by which"),
        ((OURS[0], OURS[1].replace("a,", "z,", 1)), "has no image of "),
        ((OURS[0], OURS[1].replace("normal", "pneumonia", 1)), "label of image a is 'pneumonia'; in "),
        (("image_id,label,score_x,score_none", "a,x,1,0"), "its classes are 'x', 'none'; those of "),
    ],
)
def test_tables_that_do_not_fit_are_refused(write: Write, lines: tuple[str, ...], message: str) -> None:
    first, second = read_predictions(write(*OURS)), read_predictions(write(*lines, name="other.csv"))
    with pytest.raises(BadInput) as refusal:
        match_images(first, second)
    assert str(refusal.value).startswith(f"{second.path}: {message}")


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ("0 1", "0.0 1.0"),
        ("0.0 1.0", "0 1"),
        ("0 1", "false TRUE"),
        ("False True", "0 1"),
        ("no mo\u0308g", "no m\xf6g"),
    ],
)
def test_labels_and_classes_are_one_as_numbers_and_as_letters(
    write: Write, classes: str, labels: str
) -> None:
    first, second = classes.split()
    rows = [f"{label},0.5,0.5" for label in labels.split()]
    found = read_predictions(write(f"label,score_{first},score_{second}", *rows))
    assert found.answers.classes == (first, second)
    assert found.answers.labels.tolist() == [0, 1]


def test_columns_are_known_in_any_capitals(write: Write) -> None:
    rows = ("a,p,no,yes,0.6,0.4", "b,p,yes,no,0.6,0.4")
    found = read_predictions(write("Image_ID,PATIENT_ID,Label,Predicted,Score_no,SCORE_yes", *rows))
    assert found.answers.patients.tolist() == [0, 0]
    assert found.answers.predicted.tolist() == [1, 0]
    assert found.score_names == ["no", "yes"]
    # Beside a column of that name another is a characteristic.
    found = read_predictions(write("label,Label,score_no,score_yes", "no,x,1,0"))
    assert found.column("Label") == ["x"]


def test_no_patients_are_united_by_empty_ids(write: Write) -> None:
    """Nor by ids that stand for missing ones, of patients and of images."""
    header, recorder = "image_id,patient_id,label,score_no,score_yes", Recorder()
    rows = [f"{image},{patient},no,1,0" for image, patient in [("", "nan"), ("", "NA"), ("nan", "p")]]
    found = read_predictions(write(header, *rows), reporter=recorder)
    assert found.answers.patients.tolist() == [0, 1, 2]
    assert [said.partition(": ")[2] for said in recorder.said[:2]] == [
        "3 of 3 images have no image_id",
        "2 of 3 images have no patient_id: each counts as a patient of its own",
    ]


def test_spellings_of_a_patient_are_one_and_reported(write: Write) -> None:
    recorder = Recorder()
    rows = [f"{patient},{label},0.5" for patient, label in (("0001", 1), ("1.0", 0), ("2", 1))]
    found = read_predictions(write("patient_id,label,score_1", *rows), reporter=recorder)
    assert found.answers.patients.tolist() == [0, 0, 1]
    assert "each taken as one patient: 1, such as '0001' and '1.0'" in recorder.said[0]
    verbatim = read_predictions(write("patient_id,label,score_1", *rows), ids_verbatim=True)
    assert verbatim.answers.patients.tolist() == [0, 1, 2]


def said_of(path: Path, threshold: float | None = None) -> list[str]:
    recorder = Recorder()
    read_predictions(path, threshold=threshold, reporter=recorder)
    return [said.removeprefix(f"{path}: ") for said in recorder.said]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("label,score_no,score_yes", "no,0.7,0.3", "yes,0.004,1.0"), []),
        (("label,score_no,score_yes", "no,1.0000001,-0.0000001", "yes,0,1"), []),
        (
            ("label,score_no,score_yes", "no,97.5,2.5", "yes,1,99"),
            [
                "scores outside of 0 ... 1 (percentages, logits?) are taken as they are: score_no from 1 to "
                "97.5, score_yes from 2.5 to 99; Brier score and calibration, which need probabilities, are "
                "left out"
            ],
        ),
        (
            ("label,score_no,score_yes", "no,0.7,0.3", "yes,0.9,0.8"),
            [
                "the scores of 1 of 2 images do not sum to 1 (several findings an image, or similarities?); "
                "Brier score and calibration, which need probabilities, are left out"
            ],
        ),
        (
            ("label,score_a,score_b,score_c", "a,0.7,0.3,0", "b,0.4,0.6,0"),
            ["no image has the label 'c'; metrics that need one are undefined"],
        ),
        (
            ("label,predicted,score_a,score_b,score_c", "a,a,0.5,0.5,0", "b,a,0.4,0.6,0", "c,b,0,0,1"),
            [
                "`predicted` is not the class of the highest score on 2 of 3 images, line 3 the first; it "
                "counts as it is"
            ],
        ),
        (
            ("label,predicted,score_no,score_yes,threshold_yes", "no,no,0.7,0.3,0.2", "yes,yes,0,1,0.2"),
            [
                "`predicted` does not follow threshold_yes on 1 of 2 images, line 2 the first; it counts "
                "as it is"
            ],
        ),
        (("label,predicted,score_no,score_yes", "no,no,0.9,0.1", "yes,yes,0.7,0.3"), []),
        (
            ("label,predicted,score_no,score_yes", "no,no,0.7,0.3", "yes,yes,0.9,0.1"),
            [
                "`predicted` follows no threshold of the score on 1 of 2 images, line 2 the first; it counts "
                "as it is"
            ],
        ),
    ],
)
def test_what_is_odd_is_reported(write: Write, lines: tuple[str, ...], said: list[str]) -> None:
    assert said_of(write(*lines)) == said


def test_a_threshold_that_predictions_do_not_follow_is_no_rule(write: Write) -> None:
    path = write("label,predicted,score_no,score_yes,threshold_yes", "no,no,0.7,0.3,0.2", "yes,yes,0,1,0.2")
    assert read_predictions(path).rule == "as predicted in the table"


def test_a_threshold_that_decides_nothing_is_reported(write: Write) -> None:
    path = write("label,score_no,score_yes", "no,0.7,0.3", "yes,0,1")
    assert said_of(path, threshold=0.5) == []
    assert said_of(path, threshold=50) == ["`threshold` 50: no image's score_yes reaches it"]
    assert said_of(path, threshold=-2) == ["`threshold` -2: every image's score_yes reaches it"]


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
    table = predictions_table(dataset, np.array([2, 0]), scores, ("sick", "well"), model_id="m-3")
    assert table.to_dict("list") == {
        "image_id": ["c", "a"],
        "patient_id": ["", "007"],
        "label": ["sick", "sick"],
        "predicted": ["well", "sick"],
        "score_sick": [0.25, 0.5],
        "score_well": [0.75, 0.5],
        "model_id": ["m-3", "m-3"],
        "source": ["3.png", "1.png"],
        "sex": ["M", "F"],
        "table_predicted": ["x", "by the user"],
        "table_score_sick": ["3", "1"],
    }


def test_no_column_of_the_user_is_read_as_one_of_predictions(tmp_path: Path) -> None:
    """A score that is no class of the model's would be a class; so would one that is in other capitals."""
    own = ["score_radiologist", "Threshold_x", "spread_x", "Predicted", "table_score_radiologist", "Image_ID"]
    manifest = pd.DataFrame({"image_id": ["a"], "row": [0], "patient_id": ["1"], "label": ["sick"]})
    manifest = manifest.assign(**dict.fromkeys(own, "of the user"))
    dataset = Dataset(tmp_path, np.zeros((1, 2, 2), np.uint8), manifest, {})
    scores = Scores(np.float32([[0.25, 0.75]]), np.array([0]))
    table = predictions_table(dataset, np.array([0]), scores, ("normal", "sick"), model_id="m-3")
    assert list(table.columns[7:]) == [
        "table_table_score_radiologist",
        "table_Threshold_x",
        "table_spread_x",
        "table_Predicted",
        "table_score_radiologist",
        "table_Image_ID",
    ]
    table.to_csv(tmp_path / "p.csv", index=False)
    found = read_predictions(tmp_path / "p.csv")
    assert (found.answers.classes, found.positive) == (("normal", "sick"), "sick")


def test_a_threshold_travels_with_the_predictions_that_follow_it(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"image_id": ["a"], "row": [0], "patient_id": ["1"], "label": ["sick"]})
    manifest["threshold_sick"] = "of the user"
    dataset = Dataset(tmp_path, np.zeros((1, 2, 2), np.uint8), manifest, {})
    scores = Scores(np.float32([[0.25, 0.75]]), np.array([0]))
    table = predictions_table(
        dataset,
        np.array([0]),
        scores,
        ("sick", "well"),
        OperatingPoint("sick", 0.2, "as given"),
        model_id="m",
    )
    assert table["threshold_sick"].tolist() == [0.2]
    assert table["table_threshold_sick"].tolist() == ["of the user"]


def test_a_worklist_has_no_labels_and_the_highest_score_first(tmp_path: Path) -> None:
    manifest = pd.DataFrame({"image_id": list("abc"), "row": [0, 1, 2], "patient_id": "", "label": "sick"})
    dataset = Dataset(tmp_path, np.zeros((3, 2, 2), np.uint8), manifest, {})
    positive = np.float32([0.25, 0.75, 0.75])
    scores = Scores(np.stack([1 - positive, positive], 1), np.array([0, 1, 1]))
    table = predictions_table(dataset, np.arange(3), scores, ("fine", "sick"), model_id="m-3", labels=False)
    assert "label" not in table
    assert by_score(table, "sick")["image_id"].tolist() == ["b", "c", "a"]
    assert by_score(table, "fine")["image_id"].tolist() == ["a", "b", "c"]
