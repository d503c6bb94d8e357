"""Three-way trials, and their like with any number of classes."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_cli.errors import BadInput
from cxr_cli.evaluation.threeway import all_trials, draw_trials, most_trials, three_way_report

NAMES = ("covid19", "normal", "pneumonia", "tuberculosis", "pneumothorax", "effusion")


@st.composite
def validation_images(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Labels of two to six classes in random order, and a number of trials that they allow."""
    classes = draw(st.integers(2, 6))
    counts = [draw(st.integers(2, 12)) for _ in range(classes)]
    labels = draw(st.permutations(np.repeat(np.arange(classes), counts).tolist()))
    return np.array(labels), draw(st.integers(1, min(counts) * classes))


@given(images=validation_images(), seed=st.integers(0, 2**32 - 1))
def test_anchors_are_balanced_and_never_meet_themselves(images: tuple[np.ndarray, int], seed: int) -> None:
    labels, count = images
    classes = int(labels.max()) + 1
    anchors, references = draw_trials(
        labels, np.arange(len(labels)), NAMES[:classes], count, np.random.default_rng(seed)
    )
    assert anchors.shape == (count,)
    assert references.shape == (count, classes)
    assert len(set(anchors.tolist())) == count
    per_class = np.bincount(labels[anchors], minlength=classes)
    assert per_class.max() - per_class.min() <= 1
    assert np.all(labels[references] == np.arange(classes))
    assert np.all(references != anchors[:, None])


def test_the_paper_s_129_trials_are_43_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [43, 60, 80])
    anchors, _ = draw_trials(labels, np.arange(len(labels)), NAMES[:3], 129, np.random.default_rng(0))
    assert np.bincount(labels[anchors]).tolist() == [43, 43, 43]
    assert sorted(anchors[labels[anchors] == 0]) == list(range(43))


def test_the_odd_trials_go_to_the_classes_with_most_images() -> None:
    labels = np.repeat([0, 1, 2], [3, 5, 4])
    anchors, _ = draw_trials(labels, np.arange(12), NAMES[:3], 11, np.random.default_rng(0))
    assert np.bincount(labels[anchors]).tolist() == [3, 4, 4]


@given(seed=st.integers(0, 2**32 - 1), patients=st.lists(st.integers(0, 5), min_size=24, max_size=24))
def test_a_reference_is_never_of_the_anchor_s_patient(seed: int, patients: list[int]) -> None:
    labels, owners = np.tile([0, 1, 2], 8), np.array(patients)
    owners[:6] = [6, 6, 6, 7, 7, 7]  # every class has two patients at least
    anchors, references = draw_trials(labels, owners, NAMES[:3], 24, np.random.default_rng(seed))
    assert np.all(owners[references] != owners[anchors][:, None])
    assert np.all(labels[references] == np.arange(3))


def test_a_class_of_one_patient_is_refused() -> None:
    labels, patients = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 2, 2, 2])
    with pytest.raises(BadInput, match="class 'normal' has 3 images of 1 patients; 2 patients or more"):
        draw_trials(labels, patients, NAMES[:2], 2, np.random.default_rng(0))


def test_references_are_evenly_distributed_over_all_other_images() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1, 0])
    counts = np.zeros((7, 7))
    for seed in range(2000):
        anchors, references = draw_trials(
            labels, np.arange(len(labels)), NAMES[:2], 6, np.random.default_rng(seed)
        )
        np.add.at(counts, (np.repeat(anchors, 2), references.ravel()), 1)
    assert np.all(np.diag(counts) == 0)
    for anchor in range(7):
        for number in (0, 1):
            others = [image for image in range(7) if labels[image] == number and image != anchor]
            shares = counts[anchor, others] / counts[anchor, others].sum()
            # 1500 draws and more over 2 to 4 images: 5 standard errors are 0.065 at the most
            assert np.abs(shares - 1 / len(others)).max() < 0.065


def test_a_seed_decides_the_trials() -> None:
    labels = np.repeat([0, 1], 20)
    first, again, other = (
        draw_trials(labels, np.arange(len(labels)), NAMES[:2], 20, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first.anchors.tolist() == again.anchors.tolist()
    assert first.references.tolist() == again.references.tolist()
    assert first.references.tolist() != other.references.tolist()


@pytest.mark.parametrize(
    ("counts", "trials", "message"),
    [
        ((5, 9, 9), 18, "class 'covid19' has 5 images, 18 trials need 6; `trials` 15 is the most"),
        (
            (9, 9, 4),
            27,
            "class 'pneumonia' has 4 images, 27 trials need 9; `trials` 12 is the most",
        ),
        ((9, 1, 9), 3, "class 'normal' has 1 images of 1 patients; 2 patients or more are needed"),
        ((9, 9, 0), 3, "class 'pneumonia' has 0 images of 0 patients; 2 patients or more are needed"),
    ],
)
def test_too_few_images_of_a_class_are_refused_with_the_numbers(
    counts: tuple[int, ...], trials: int, message: str
) -> None:
    labels = np.repeat(np.arange(3), counts)
    with pytest.raises(BadInput) as refusal:
        draw_trials(labels, np.arange(len(labels)), NAMES[:3], trials, np.random.default_rng(0))
    assert str(refusal.value) == f"three-way validation: {message}"


def test_what_is_said_to_be_the_most_can_be_had() -> None:
    labels = np.repeat([0, 1, 2], [5, 9, 9])
    assert (
        len(draw_trials(labels, np.arange(len(labels)), NAMES[:3], 15, np.random.default_rng(0)).anchors)
        == 15
    )


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The plain distance as a stand-in for a learned one."""
    return np.abs(x - y).sum(-1)


def report_of(
    vectors: np.ndarray, labels: np.ndarray, trials: int, repeats: int = 1, seed: int = 0
) -> dict[str, Any]:
    report = three_way_report(
        vectors.astype(np.float32),
        labels,
        np.arange(len(labels)),
        NAMES[: int(labels.max()) + 1],
        distances,
        trials=trials,
        repeats=repeats,
        rng=np.random.default_rng(seed),
    )
    return report.as_json()


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_images_that_lie_with_their_class_are_all_recognized(classes: int) -> None:
    labels = np.tile(np.arange(classes), 10)
    vectors = 100 * np.eye(classes)[labels] + np.random.default_rng(0).normal(size=(len(labels), classes))
    report = report_of(vectors, labels, 10 * classes)
    assert report["confusion_matrix"] == (10 * np.eye(classes)).tolist()
    assert (report["accuracy"]["value"], report["accuracy"]["high"]) == (1.0, 1.0)
    assert (report["trials"], report["repeats"]) == (10 * classes, 1)
    assert report["accuracy_over_draws"] == {"mean": 1.0, "std": None, "min": 1.0, "max": 1.0}


def test_vectors_without_meaning_are_at_chance() -> None:
    labels = np.tile([0, 1, 2], 100)
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    report = report_of(vectors, labels, 129, repeats=20)
    assert report["accuracy"]["low"] < 1 / 3 < report["accuracy"]["high"]
    assert report["images"] == 300
    assert np.sum(report["confusion_matrix"]) == 129 * 20


def test_the_nearest_reference_wins() -> None:
    """Two images a class on a line: each trial's references are known, whatever is sampled."""
    labels, vectors = np.array([0, 0, 1, 1]), np.array([[0.0], [10.0], [4.0], [5.0]])
    # 0 has 10 or (4, 5) to choose from, always the latter; 10 the same; 4 has 5 at 1 and 0 at 4 or 10 at 6.
    report = report_of(vectors, labels, 4)
    assert report["confusion_matrix"] == [[0, 2], [0, 2]]
    assert report["confusion_shares"] == [[0, 1], [0, 1]]


def shares_one_by_one(vectors: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Try every trial there is, each anchor's trials counting as one."""
    classes = int(labels.max()) + 1
    shares = np.zeros((classes, classes))
    for anchor, (label, patient) in enumerate(zip(labels, patients, strict=True)):
        of_others = [np.flatnonzero((labels == k) & (patients != patient)) for k in range(classes)]
        trials = np.array(list(product(*of_others)))
        taken = distances(vectors[anchor], vectors[trials]).argmin(1)
        shares[label] += np.bincount(taken, minlength=classes) / len(trials)
    return np.asarray(shares / np.bincount(labels)[:, None])


@st.composite
def images_of_patients(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of whole numbers (so that many distances tie), labels and patients, two or more a class."""
    classes = draw(st.integers(2, 4))
    labels = np.array([*range(classes), *range(classes), *draw(st.lists(st.integers(0, classes - 1)))])[:14]
    patients = np.array([draw(st.integers(0, 9)) for _ in labels])
    patients[: 2 * classes] = np.repeat([10, 11], classes)
    vectors = np.array([[draw(st.integers(0, 3)) for _ in range(2)] for _ in labels], np.float32)
    return vectors, labels, patients


@given(images_of_patients())
def test_all_trials_at_once_are_all_trials_one_by_one(
    images: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    vectors, labels, patients = images
    outcome = all_trials(vectors, labels, patients, int(labels.max()) + 1, distances)
    np.testing.assert_allclose(outcome.shares, shares_one_by_one(vectors, labels, patients), atol=1e-12)


@settings(max_examples=15)
@given(images_of_patients())
def test_the_influence_of_a_patient_is_the_change_by_a_little_more_of_them(
    images: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """A patient repeated n + 1 times among others repeated n times has the weight 1 + 1/n."""
    vectors, labels, patients = images
    classes, times = int(labels.max()) + 1, 10
    outcome = all_trials(vectors, labels, patients, classes, distances)
    assert np.abs(outcome.influence.sum(0)).max() < 1e-12  # the weight of all alike changes nothing
    for number, patient in enumerate(np.unique(patients)[:2]):
        repeated = np.repeat(np.arange(len(labels)), np.where(patients == patient, times + 1, times))
        more = all_trials(vectors[repeated], labels[repeated], patients[repeated], classes, distances)
        change = (more.shares - outcome.shares) * times
        np.testing.assert_allclose(change, outcome.influence[number], atol=4 / times)
        # The error of a derivative by differences shrinks with the step; a wrong derivative's does not.
        repeated = np.repeat(np.arange(len(labels)), np.where(patients == patient, 2 * times, 2 * times - 1))
        less = all_trials(vectors[repeated], labels[repeated], patients[repeated], classes, distances)
        closer = (less.shares - outcome.shares) * (2 * times - 1)
        assert (
            np.abs(closer - outcome.influence[number]).max()
            <= np.abs(change - outcome.influence[number]).max() + 1e-9
        )


def test_metrics_are_those_of_the_shares() -> None:
    labels = np.tile([0, 1, 2], 30)
    vectors = np.eye(3)[labels] + np.random.default_rng(0).normal(scale=0.8, size=(90, 3))
    report = report_of(vectors, labels, 60)
    shares = np.array(report["confusion_shares"])
    assert shares.sum(1) == pytest.approx(1)
    assert report["accuracy"]["value"] == pytest.approx(np.trace(shares) / 3)
    assert report["per_class"]["normal"]["sensitivity"]["value"] == pytest.approx(shares[1, 1])
    assert report["per_class"]["normal"]["precision"]["value"] == pytest.approx(
        shares[1, 1] / shares[:, 1].sum()
    )


def test_the_interval_is_of_the_logit_with_student_s_quantile() -> None:
    """Worked from the influence of each patient: the accuracy is the mean of the diagonal."""
    labels, patients = np.tile([0, 1, 2], 12), np.repeat(np.arange(18), 2)
    vectors = (np.eye(3)[labels] + np.random.default_rng(1).normal(size=(36, 3))).astype(np.float32)
    report = three_way_report(
        vectors, labels, patients, NAMES[:3], distances, trials=9, repeats=1, rng=np.random.default_rng(0)
    )
    of_patients = np.trace(report.outcome.influence, axis1=1, axis2=2) / 3
    accuracy, interval = report.overall["accuracy"].value, report.overall["accuracy"].interval
    error = np.sqrt((of_patients**2).sum() * 18 / 17) / (accuracy * (1 - accuracy))
    # Each class has images of 12 patients: 11 degrees of freedom.
    half = 2.200985160 * error
    odds = accuracy / (1 - accuracy)
    assert interval.low == pytest.approx(1 / (1 + np.exp(half) / odds), rel=1e-5)
    assert interval.high == pytest.approx(1 / (1 + np.exp(-half) / odds), rel=1e-5)


def test_the_spread_over_draws_is_that_of_the_draws() -> None:
    labels = np.tile([0, 1, 2], 30)
    vectors = np.eye(3)[labels] + np.random.default_rng(0).normal(scale=0.8, size=(90, 3))
    together = report_of(vectors, labels, 60, repeats=3, seed=7)
    # The generator continues from draw to draw, so the first draw of many is the only one of one.
    alone = report_of(vectors, labels, 60, repeats=1, seed=7)["accuracy_over_draws"]["mean"]
    spread = together["accuracy_over_draws"]
    assert spread["mean"] == pytest.approx(np.trace(together["confusion_matrix"]) / 180)
    assert spread["min"] <= alone <= spread["max"]
    assert 0 < spread["std"] <= spread["max"] - spread["min"]


def test_sampled_trials_approach_all_trials() -> None:
    labels = np.tile([0, 1, 2], 30)
    vectors = np.eye(3)[labels] + np.random.default_rng(0).normal(scale=0.8, size=(90, 3))
    report = report_of(vectors, labels, 90, repeats=400)
    # The standard deviation of one repeat is about 0.03, of their mean 0.0015.
    assert report["accuracy_over_draws"]["mean"] == pytest.approx(report["accuracy"]["value"], abs=0.008)


@pytest.mark.parametrize("counts", [(2, 9), (4, 4, 7), (3, 3, 3, 3)])
def test_the_most_trials_are_so_many_of_each_class_as_the_rarest_has(counts: tuple[int, ...]) -> None:
    labels, names = np.repeat(np.arange(len(counts)), counts), NAMES[: len(counts)]
    most = most_trials(labels, len(counts))
    assert most == min(counts) * len(counts)
    assert (
        len(draw_trials(labels, np.arange(len(labels)), names, most, np.random.default_rng(0)).anchors)
        == most
    )
    with pytest.raises(BadInput):
        draw_trials(labels, np.arange(len(labels)), names, most + len(counts), np.random.default_rng(0))
