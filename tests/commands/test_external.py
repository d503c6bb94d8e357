"""`cxr test --external` from the shell."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edited import edit_images

from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.images.characteristics import MANIFEST_COLUMNS

Cxr = Callable[..., Any]
QUICK = ("--resamples", 100)


def write_dataset(
    folder: Path, labels: Sequence[str], *, patients: Sequence[str] = (), size: int = 32, crop: float = 0.0
) -> Path:
    """Another hospital's images: noise with a bright bar, that no other dataset of the tests has."""
    rng = np.random.default_rng(99)
    settings = {"size": size, "crop_top": crop, "crop_border": 0.0}
    with GrowingDataset(folder, size, settings) as dataset:
        for number, label in enumerate(labels):
            pixels = rng.integers(0, 200, (size, size))
            pixels[:, 4 * sorted(set(labels)).index(label) + 2] = 255
            record = {"image_id": f"external{number:04}", "source": f"{number}.png", "label": label}
            record |= {
                "patient_id": patients[number] if patients else f"x{number // 2}",
                "sex": "FM"[number % 2],
            }
            dataset.add_image(pixels.astype(np.uint8), record)
        dataset.finish((*MANIFEST_COLUMNS,), {"settings": settings, "counts": {"images": len(labels)}})
    return folder


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("external") / "north", ["covid19", "normal", "normal"] * 10)


@pytest.fixture
def tested(cxr: Cxr, run_of_two: Path, tmp_path: Path) -> Path:
    """A run of two classes that was tested."""
    run = Path(shutil.copytree(run_of_two, tmp_path / "run"))
    assert cxr("test", run, "--positive", "covid19", *QUICK).code == 0
    return run


def test_everything_is_as_the_run_s_validation_decided(cxr: Cxr, tested: Path, external: Path) -> None:
    done = cxr("test", tested, "--external", external, *QUICK)
    assert done.code == 0, done.err
    metrics = json.loads((tested / "external" / "north" / "metrics.json").read_text())
    internal = json.loads((tested / "metrics.json").read_text())
    assert metrics["operating_point"] == internal["operating_point"]
    table = pd.read_csv(tested / "external" / "north" / "predictions.csv")
    threshold = internal["operating_point"]["threshold"]
    assert ((table["score_covid19"] >= threshold) == (table["predicted"] == "covid19")).all()
    called = (table["predicted"] == "covid19")[table["label"] == "covid19"]
    assert metrics["sensitivity"]["value"] == pytest.approx(called.mean())
    assert {path.name for path in (tested / "external" / "north").iterdir()} == {
        "predictions.csv",
        "metrics.json",
        "case-mix.csv",
        "figures",
    }


def test_each_metric_is_beside_the_internal_one(cxr: Cxr, tested: Path, external: Path) -> None:
    done = cxr("test", tested, "--external", external, *QUICK)
    metrics = json.loads((tested / "external" / "north" / "metrics.json").read_text())
    internal = json.loads((tested / "metrics.json").read_text())
    for name in ("sensitivity", "specificity", "auc", "accuracy"):
        found = metrics["difference"][name]
        assert found["value"] == pytest.approx(metrics[name]["value"] - internal[name]["value"])
        assert found["low"] < found["value"] < found["high"]
        # Newcombe's, from the limits of both.
        low = found["value"] - np.hypot(
            metrics[name]["value"] - metrics[name]["low"], internal[name]["high"] - internal[name]["value"]
        )
        assert found["low"] == pytest.approx(low)
    assert "External and internal test" in done.out
    assert "Case mix" in done.out
    case_mix = pd.read_csv(tested / "external" / "north" / "case-mix.csv")
    shares = case_mix[(case_mix["characteristic"] == "label") & (case_mix["statistic"] == "share")]
    assert shares.set_index("level").loc["covid19", "external"] == pytest.approx(1 / 3)


def test_the_same_again_is_the_same_and_another_dataset_needs_a_name(
    cxr: Cxr, tested: Path, external: Path, tmp_path: Path
) -> None:
    first = cxr("test", tested, "--external", external, *QUICK)
    assert cxr("test", tested, "--external", external, *QUICK).out == first.out
    other = write_dataset(tmp_path / "north", ["normal", "covid19"] * 8)
    refused = cxr("test", tested, "--external", other, *QUICK)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert cxr("test", tested, "--external", other, "--name", "south", *QUICK).code == 0
    assert (tested / "external" / "south" / "metrics.json").exists()


def test_planted_overlap_is_refused_by_number_or_left_out(
    cxr: Cxr, tested: Path, run_of_two: Path, tmp_path: Path
) -> None:
    """Images of training, one under another patient's id, and a patient of validation, among others."""
    dataset, split = run_of_two.parent / "dataset", pd.read_csv(run_of_two.parent / "split.csv")
    own = np.load(dataset / "images.npy")
    train, val, test = (np.flatnonzero(split["subset"] == name) for name in ("train", "val", "test"))
    labels = ["covid19", "normal"] * 10
    patients = [f"x{number}" for number in range(20)]
    patients[3] = split["patient_id"][val[0]]
    patients[4] = split["patient_id"][test[0]]  # the internal test may overlap
    planted = write_dataset(tmp_path / "planted", labels, patients=patients)
    images = np.load(planted / "images.npy")
    images[0] = own[train[0]]
    images[1] = np.clip(own[train[1]].astype(int) * 0.9 + 10, 0, 255)  # windowed otherwise
    edit_images(planted, images)
    refused = cxr("test", tested, "--external", planted, *QUICK)
    assert (refused.code, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert "3 images (1 by patient id, 1 identical, 1 near-duplicates)" in refused.err
    assert "--exclude-overlap" in refused.err
    assert not (tested / "external").exists()
    done = cxr("test", tested, "--external", planted, "--exclude-overlap", *QUICK)
    assert done.code == 0
    metrics = json.loads((tested / "external" / "planted" / "metrics.json").read_text())
    assert (metrics["images"], metrics["external"]["overlap"]) == (
        17,
        {"patients": 1, "identical": 1, "near_duplicates": 1},
    )


def test_classes_are_mapped_and_unknown_ones_left_out(cxr: Cxr, tested: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", ["covid", "normal", "tuberculosis"] * 6)
    done = cxr("test", tested, "--external", other, "--class-map", "covid=covid19", *QUICK)
    assert done.code == 0
    assert "6 images of class 'tuberculosis', unknown to the run" in done.err
    table = pd.read_csv(tested / "external" / "other" / "predictions.csv")
    assert dict(table["label"].value_counts()) == {"covid19": 6, "normal": 6}


def test_a_mapped_class_may_hold_a_comma_and_an_equals_sign(cxr: Cxr, tested: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", ["covid, IgG=1", "normal"] * 9)
    done = cxr("test", tested, "--external", other, "--class-map", '"covid, IgG=1"=covid19', *QUICK)
    assert done.code == 0
    table = pd.read_csv(tested / "external" / "other" / "predictions.csv")
    assert dict(table["label"].value_counts()) == {"covid19": 9, "normal": 9}


def test_a_class_that_is_not_there_is_said_and_undefined(cxr: Cxr, tested: Path, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "healthy", ["normal"] * 12)
    done = cxr("test", tested, "--external", other, *QUICK)
    assert done.code == 0
    assert "no image of class 'covid19'" in done.err
    metrics = json.loads((tested / "external" / "healthy" / "metrics.json").read_text())
    assert metrics["sensitivity"]["value"] is None
    assert metrics["specificity"]["value"] is not None


def test_images_preprocessed_otherwise_name_the_command_that_makes_them_alike(
    cxr: Cxr, tested: Path, tmp_path: Path
) -> None:
    other = write_dataset(tmp_path / "other", ["covid19", "normal"] * 4, size=16, crop=0.1)
    done = cxr("test", tested, "--external", other, *QUICK)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert (
        "was preprocessed with size 16, crop top 0.1; the run's images with size 32, crop top 0" in done.err
    )
    assert "`cxr preprocess SOURCE -o NEW_DATASET --size 32` makes them alike" in done.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--threshold", 0.5), 2, "--threshold: not with --external"),
        (("--calibrate", "platt"), 2, "--calibrate: not with --external"),
        (("--subset", "val"), 2, "--subset: not with --external"),
        (("--class-map", "covid"), 2, "THEIRS=OURS is needed"),
        (("--class-map", "covid19=flu"), 2, "--class-map covid19=flu: the run's classes are"),
        (("--class-map", "flu=covid19"), 2, "--class-map flu=covid19: the dataset's classes are"),
    ],
)
def test_what_external_test_does_not_take_is_one_line(
    cxr: Cxr, tested: Path, external: Path, options: tuple[object, ...], code: int, message: str
) -> None:
    done = cxr("test", tested, "--external", external, *options)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert message in done.err


def test_the_internal_test_comes_first(cxr: Cxr, run_of_two: Path, external: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(run_of_two, tmp_path / "run"))
    done = cxr("test", run, "--external", external)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "its internal test comes first" in done.err
    assert cxr("test", run, "--exclude-overlap").code == 2


def test_the_calibration_is_the_run_s_own(cxr: Cxr, tested: Path, external: Path) -> None:
    plain = cxr("test", tested, "--external", external, *QUICK)
    assert plain.code == 0
    raw = pd.read_csv(tested / "external" / "north" / "predictions.csv")["score_covid19"]
    assert cxr("test", tested, "--positive", "covid19", "--calibrate", "temperature", *QUICK).code == 0
    [temperature] = json.loads((tested / "metrics.json").read_text())["calibration"]["temperature"]
    assert cxr("test", tested, "--external", external, *QUICK).code == 0
    found = pd.read_csv(tested / "external" / "north" / "predictions.csv")["score_covid19"]
    odds = np.log(raw / (1 - raw)) / temperature
    assert np.allclose(found, 1 / (1 + np.exp(-odds)), atol=1e-5)


def test_external_predictions_can_be_compared(cxr: Cxr, tested: Path, external: Path) -> None:
    assert cxr("test", tested, "--external", external, *QUICK).code == 0
    folder = tested / "external" / "north"
    shutil.copy(folder / "predictions.csv", tested.parent / "copy.csv")
    done = cxr("compare", folder, tested.parent / "copy.csv", *QUICK, "--format", "json")
    assert list(json.loads(done.out)["models"]) == ["run on north", "copy"]
