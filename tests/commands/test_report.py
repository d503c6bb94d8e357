"""`cxr report` from the shell."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_cli.artifacts import read_record, write_record
from cxr_cli.evaluation.report import format_metric
from cxr_cli.report.page import render
from cxr_cli.report.study import Study, read_study
from cxr_cli.runs.folder import RECORD
from cxr_cli.runs.model_store import open_run

Cxr = Callable[..., Any]


@pytest.fixture
def run(single_run: Path, tmp_path: Path) -> Path:
    """Copy the finished single run, to write into."""
    return Path(shutil.copytree(single_run, tmp_path / "run"))


@pytest.fixture
def tested(cxr: Cxr, run: Path) -> Path:
    """A run with a test, and with a plot in place of Grad-CAM's contact sheet."""
    assert cxr("test", run).code == 0
    (run / "gradcam").mkdir()
    shutil.copy(run / "figures" / "training.png", run / "gradcam" / "sheet.png")
    opened = open_run(run)
    made_of = [opened.config.digest, opened.epoch, opened.config.dataset_digest]
    write_record(run / "gradcam" / "gradcam.json", {"runs": [made_of]})
    return run


class Page(HTMLParser):
    """The text and the references of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text("utf-8"))
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)


def test_a_run_alone_gives_a_page_that_says_what_is_missing(cxr: Cxr, run: Path) -> None:
    done = cxr("report", run)
    assert done.code == 0
    assert done.out == f"{run / 'report.html'}\n"
    assert [line.split("`")[1] for line in done.err.splitlines()] == ["cxr test", "cxr audit", "cxr gradcam"]
    page = Page(run / "report.html")
    assert f"Not tested yet; run cxr test {run}" in page.text
    assert f"Not audited yet; run cxr audit {run}" in page.text
    assert "For research, not for diagnosis" in page.text


def test_the_page_has_the_metrics_of_the_test_and_needs_no_other_file(cxr: Cxr, tested: Path) -> None:
    assert cxr("report", tested, "-o", tested / "page.html").code == 0
    page = Page(tested / "page.html")
    assert page.open == []
    assert page.references
    assert all(reference.startswith(("data:image/png;base64,", "#")) for reference in page.references)
    # training, confusion, roc, and the contact sheet
    assert sum(reference.startswith("data:") for reference in page.references) == 4
    metrics = json.loads((tested / "metrics.json").read_text())
    for metric in (metrics["accuracy"], metrics["macro_auc"], metrics["per_class"]["covid19"]["sensitivity"]):
        assert format_metric(metric) in page.text
    images = len((tested / "predictions.csv").read_text().splitlines()) - 1
    assert f"Test images: {images} of" in page.text
    assert "60 files read" in page.text


def test_subgroups_are_those_asked_for_or_those_that_vary(cxr: Cxr, tested: Path) -> None:
    cxr("report", tested)
    assert "No available characteristic varies among the test images." in Page(tested / "report.html").text
    table = pd.read_csv(tested / "predictions.csv", dtype=str)
    table["sex"] = ["F", "M"] * (len(table) // 2) + ["M"] * (len(table) % 2)
    table["site"] = "A & B"
    table.to_csv(tested / "predictions.csv", index=False)
    done = cxr("report", tested)
    assert done.code == 0, done.err
    text = Page(tested / "report.html").text
    assert f"all images * {len(table)}" in text
    assert f"sex: F * {len(table) // 2}" in text
    assert "Subgroups by sex, under Subgroups." in text
    assert cxr("report", tested, "--by", "site").code == 0
    text = Page(tested / "report.html").text
    assert f"site: A & B * {len(table)}" in text
    assert "sex: F" not in text
    refused = cxr("report", tested, "--by", "color")
    assert refused.code == 3
    assert "no column 'color'" in refused.err


def test_the_same_files_give_the_same_page(cxr: Cxr, tested: Path) -> None:
    cxr("report", tested, "-o", tested / "one.html")
    cxr("report", tested, "-o", tested / "two.html")
    assert (tested / "one.html").read_bytes() == (tested / "two.html").read_bytes()


def test_checklists_are_filled_in_as_far_as_the_files_allow(cxr: Cxr, tested: Path) -> None:
    cxr("report", tested)
    text = Page(tested / "report.html").text
    assert "Split at random within each class, 25% for validation and 25% for testing, seed 0." in text
    assert "covidnet, 0.125 times the channels of the original, input 32 × 32 × 1" in text
    assert (
        "adam optimizer, learning rate 0.001 (constant), batch size 8 images, 8 epochs, softmax cross entropy"
        in text
    )
    assert "12 images without a patient id, each treated as a separate patient" in text
    assert "44 Funding and the funders' role to be written by the author" in text


def test_external_tests_stand_beside_the_internal_one(tested: Path) -> None:
    internal = read_record(tested / "metrics.json")
    folder = tested / "external" / "north"
    folder.mkdir(parents=True)
    accuracy = {"value": 0.61, "low": 0.5, "high": 0.7, "method": "wilson"}
    difference = {"value": -0.12, "low": -0.3, "high": 0.05, "p": None, "p_holm": None, "method": "newcombe"}
    content = {
        **internal,
        "accuracy": accuracy,
        "internal": {"accuracy": internal["accuracy"]},
        "difference": {"accuracy": difference},
        "external": {"overlap": None},
    }
    write_record(folder / "metrics.json", content)
    page = render(read_study(tested))
    assert "External test: north" in page
    assert "Overlap with training and validation was not searched for." in page
    assert "0.610 (0.500-0.700)" in page
    assert "-0.120 (-0.300 to 0.050)" in page


def test_text_from_the_user_is_never_markup(tested: Path) -> None:
    study = replace(read_study(tested), rejected={"<script>alert(1)</script>": 2})
    page = render(study)
    assert "<script" not in page
    assert "2 rejected: &lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.fixture
def study(run: Path) -> Study:
    return read_study(run)


def test_a_study_of_one_imaging_system_says_so(study: Study) -> None:
    criteria = study.split["criteria"] | {"train_where": "portable == 'fixed'"}
    split = {**study.split, "criteria": criteria, "test_images_of_domain": 2}
    images = {**study.images, "test": {"covid19": 3, "normal": 5, "pneumonia": 1}}
    page = render(replace(study, split=split, images=images))
    assert (
        "7 test images outside the training domain (not meeting &#34;portable == &#39;fixed&#39;&#34;), "
        "and 2 inside it." in page
    )


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ({"from_column": "listed_in"}, "Split by the column &#39;listed_in&#39; of the label table."),
        ({"folds": 5}, "Split into 5 folds, with fold 2 as the test set, seed 7."),
        (
            {"train_per_class": {"normal": 3}},
            "Split by domain (train per class {&#39;normal&#39;: 3}), seed 7; all other patients are tested.",
        ),
    ],
)
def test_every_way_to_split_is_described(study: Study, criteria: dict[str, Any], text: str) -> None:
    none = dict.fromkeys(("val", "test", "folds", "from_column", "train_where", "train_per_class"))
    split = {**study.split, "criteria": {**none, "seed": 7, "near_duplicates": False, **criteria}}
    config = replace(study.config, fold=2)
    assert text in render(replace(study, split=split, config=config))


def test_ages_are_described_by_median_and_quartiles(small_dataset: Path, study: Study) -> None:
    from cxr_cli.dataset.reader import open_dataset
    from cxr_cli.report.study import describe_ages

    images = open_dataset(small_dataset)
    images.manifest.loc[[0, 1, 2, 3, 4], "age"] = ["30", "40", "50", "60", "70"]
    described = describe_ages(images, {"train": [0, 1, 2, 3, 4, 5], "val": [6], "test": [4]})
    assert described == {
        "train": "50 (40-60), 5 of 6 images",
        "val": "not recorded, 1 image",
        "test": "70 (70-70), 1 of 1 image",
    }
    assert describe_ages(open_dataset(small_dataset), {"train": [0]}) is None


def test_an_unfinished_run_is_refused(cxr: Cxr, run: Path) -> None:
    write_record(run / RECORD, {**read_record(run / RECORD), "finished": False})
    done = cxr("report", run)
    assert (done.code, done.out) == (3, "")
    assert done.err == f"cxr: {run}: training is not finished; finish `cxr train` first\n"


def test_a_folder_without_maps_is_refused(cxr: Cxr, run: Path, tmp_path: Path) -> None:
    done = cxr("report", run, "--gradcam", tmp_path / "none")
    assert done.code == 3
    assert "has no contact sheet" in done.err
    assert not (run / "report.html").exists()


def test_the_call_from_python_names_what_is_missing(tested: Path, tmp_path: Path) -> None:
    from cxr_cli import report

    result = report(tested, tmp_path / "page.html")
    assert (result.page, result.missing) == (tmp_path / "page.html", ("audit",))
    assert result.page.exists()
