"""`cxr audit` from the shell."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edited import edit_images
from sklearn.metrics import roc_auc_score

Cxr = Callable[..., Any]
MakeDataset = Callable[..., Path]


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


@pytest.fixture
def single(single_run: Path, tmp_path: Path) -> Path:
    """Copy the finished single run, to write into."""
    return Path(shutil.copytree(single_run, tmp_path / "single"))


def kinds(report: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(finding["kind"], finding["section"], finding["label"]) for finding in report["findings"]]


def test_the_audit_of_a_run_is_written_into_it_and_reported_to_scripts(cxr: Cxr, single: Path) -> None:
    """The drawn images have a bright square in a quadrant that the class decides: it reaches into corners."""
    outcome = cxr("audit", single, "--fail-on", "leak", "--fail-on", "shortcut")
    assert outcome.code == 5
    assert one_line(outcome.err) == f"cxr: {single}: found: shortcut (--fail-on)\n"
    report = json.loads((single / "audit.json").read_text())
    assert (report["run"], report["classes"]) == (str(single), ["covid19", "normal", "pneumonia"])
    assert report["occlusion"]["subset"] == "val"
    names = ["image", "corners", "border", "surroundings", "center blanked", "thumbnail"]
    assert list(report["occlusion"]["regions"]) == names
    assert report["association"]["images"] == report["refitted"]["images"]
    assert {(section, label) for _, section, label in kinds(report)} >= {
        ("refitted", "covid19"),
        ("refitted", "normal"),
        ("refitted", "pneumonia"),
    }
    assert report["leaks"] == {"patients": [], "identical": [], "near_duplicates": []}
    assert outcome.out.startswith("Class and characteristics: ")
    assert "\nOcclusion: 16 images of val, " in outcome.out
    assert "\n\nVerdict\nshortcut: the " in outcome.out
    assert outcome.out.endswith("leak: none found\n")
    assert (single / "figures" / "audit.png").stat().st_size > 0


def test_another_subset_has_its_own_files_and_the_figures_of_its_predictions(
    cxr: Cxr, single: Path, tmp_path: Path
) -> None:
    outcome = cxr("audit", single, "--subset", "test", "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert cxr("test", single).code == 0
    report = json.loads((tmp_path / "out" / "audit-test.json").read_text())
    assert (tmp_path / "out" / "figures" / "audit-test.png").exists()
    assert not list(single.glob("audit*"))
    table = pd.read_csv(single / "predictions.csv")
    expected = roc_auc_score(table["label"] == "normal", table["score_normal"])
    assert report["occlusion"]["regions"]["image"]["per_class"]["normal"]["value"] == pytest.approx(expected)


@pytest.fixture(scope="module")
def study(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATASET/ of two classes from one site each and split.csv beside it."""
    from cxr_cli.main import main

    folder = tmp_path_factory.mktemp("study")
    labels = ["normal", "pneumonia"] * 30
    sites = ["north" if label == "normal" else "south" for label in labels]
    patients = [f"p{number // 2}" if number < 8 else f"p{number}" for number in range(60)]
    make_dataset(folder / "dataset", labels, patients, site=sites)
    rng = np.random.default_rng(0)
    edit_images(folder / "dataset", rng.integers(0, 256, (60, 32, 32), np.uint8))
    assert main(["split", str(folder / "dataset"), "-o", str(folder / "split.csv")]) == 0
    return folder


def test_a_dataset_is_audited_without_a_run(cxr: Cxr, study: Path, tmp_path: Path) -> None:
    written = tmp_path / "a.json"
    outcome = cxr("audit", study / "dataset", "--split", study / "split.csv", "--json", written)
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(written.read_text())
    assert (report["run"], report["occlusion"]) == (None, None)
    assert kinds(report) == [("association", "association", "pneumonia")]
    said = "class pneumonia coincides with site: south on 100% of its images and 0% of the others"
    assert said in " ".join(outcome.out.split())
    assert sorted(path.name for path in study.iterdir()) == ["dataset", "split.csv", "split.json"]


def test_the_library_s_audit_is_the_command_s(cxr: Cxr, study: Path, tmp_path: Path) -> None:
    from cxr_cli.artifacts import read_record
    from cxr_cli.audit.kinds import FindingKind
    from cxr_cli.audit.run import audit
    from cxr_cli.errors import AuditFound

    result = audit(study / "dataset", study / "split.csv")
    written = tmp_path / "a.json"
    assert cxr("audit", study / "dataset", "--split", study / "split.csv", "--json", written).code == 0
    assert json.loads(json.dumps(result.as_json())) == read_record(written)
    result.refuse([FindingKind.LEAK])
    with pytest.raises(AuditFound, match="found: association"):
        result.refuse([FindingKind.ASSOCIATION])


def test_what_is_known_to_go_with_the_class_can_be_ignored(cxr: Cxr, study: Path, tmp_path: Path) -> None:
    options = ("--split", study / "split.csv", "--ignore", "site", "--json", tmp_path / "a.json")
    assert cxr("audit", study / "dataset", *options, "--fail-on", "association").code == 0
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["findings"] == []
    assert report["association"]["left_out"]["site"] == "ignored"


def test_a_split_that_leaks_is_read_and_reported(cxr: Cxr, study: Path, tmp_path: Path) -> None:
    table = pd.read_csv(study / "split.csv", dtype=str, keep_default_na=False)
    patient = table.index[table["patient_id"] == "p0"]
    table.loc[patient, "subset"] = ["train", "test"]
    table.to_csv(tmp_path / "split.csv", index=False)
    shutil.copy(study / "split.json", tmp_path)
    outcome = cxr("audit", study / "dataset", "--split", tmp_path / "split.csv", "--fail-on", "leak")
    assert outcome.code == 5
    first, second = table.loc[patient, "image_id"]
    assert f"patients: 1\n  {first} in train, {second} in test\n" in outcome.out
    assert "leak: 1 patient is in more than one subset\n" in outcome.out


def test_wrong_usage_and_bad_input_are_one_line(cxr: Cxr, single: Path, study: Path, tmp_path: Path) -> None:
    dataset, split = study / "dataset", ("--split", study / "split.csv")
    for arguments, code, message in (
        (
            [single, "--fail-on", "shortcuts"],
            2,
            "'shortcuts' is not one of 'shortcut', 'association', 'leak'",
        ),
        ([single, "--subset", "holdout"], 2, "'holdout' is not one of 'train', 'val', 'test'"),
        ([single, "--fold", 1], 2, "--fold 1: a run knows its fold"),
        ([single, "--ignore", "color"], 2, "--ignore 'color': no such characteristic; there are "),
        ([dataset], 2, "is a DATASET, which needs its split"),
        ([dataset, *split, "--subset", "test"], 2, "--subset test: goes with a RUN"),
        ([dataset, *split, "--templates", "t.npz"], 2, "--templates t.npz: goes with a RUN"),
        ([dataset, *split, "--fold", 0], 2, "has no folds"),
        ([tmp_path / "gone"], 3, "gone: no such file or folder"),
        ([tmp_path], 3, "neither a RUN (with config.json) nor a DATASET (with dataset.json)"),
        ([dataset, "--split", tmp_path / "no.csv"], 3, "no.csv: no such file"),
    ):
        outcome = cxr("audit", *arguments)
        assert (outcome.code, outcome.out) == (code, ""), arguments
        assert message in outcome.err
        assert "is not one of" in message or one_line(outcome.err)
    assert not (single / "audit.json").exists()
