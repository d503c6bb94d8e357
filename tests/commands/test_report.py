"""`cxr report` from the shell."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_cli.artifacts import read_record, write_record
from cxr_cli.errors import BadInput
from cxr_cli.evaluation.report import format_metric
from cxr_cli.evaluation.tables import Cell, Table
from cxr_cli.report.facts.words import plain
from cxr_cli.report.page import render, split_columns
from cxr_cli.report.study import Study, check_operating_point, read_study
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


class Cells(HTMLParser):
    """The texts of the cells of a page's tables that are short enough for one line."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside = False
        self.feed(path.read_text("utf-8"))
        self.texts = [text for text in self.texts if len(text) < 16]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in {"td", "th", "br"}:
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data


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
    kinds = ("data:image/svg+xml;base64,", "data:image/png;base64,", "#")
    assert all(reference.startswith(kinds) for reference in page.references)
    # training, confusion, roc, precision-recall, calibration, scores; the worst errors and the contact sheet
    drawn = [sum(reference.startswith(kind) for reference in page.references) for kind in kinds[:2]]
    assert drawn == [6, 2]
    metrics = json.loads((tested / "metrics.json").read_text())
    for metric in (metrics["accuracy"], metrics["macro_auc"]):
        assert format_metric(metric) in page.text
    sensitivity = format_metric(metrics["per_class"]["covid19"]["sensitivity"])
    assert sensitivity.replace("(", "").replace(")", "") in page.text
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
    assert "0.610<br><small>0.500-0.700" in page
    assert "-0.120<br><small>-0.300 to 0.050" in page


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
        "7 test images outside the training domain (not meeting “portable == &#39;fixed&#39;”), "
        "and 2 inside it." in page
    )


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ({"from_column": "listed_in"}, "Split by the column “listed_in” of the label table."),
        ({"folds": 5}, "Split into 5 folds, with fold 2 as the test set, seed 7."),
        (
            {"train_per_class": {"normal": 3}},
            "Split by domain (train per class normal 3), seed 7; all other patients are tested.",
        ),
    ],
)
def test_every_way_to_split_is_described(study: Study, criteria: dict[str, Any], text: str) -> None:
    none = dict.fromkeys(("val", "test", "folds", "from_column", "train_where", "train_per_class"))
    split = {**study.split, "criteria": {**none, "seed": 7, "near_duplicates": False, **criteria}}
    config = replace(study.config, fold=2)
    assert text in render(replace(study, split=split, config=config))


def test_results_of_another_operating_point_are_refused(tmp_path: Path) -> None:
    point = {"positive": "pneumonia", "operating_point": {"threshold": 0.4}}
    check_operating_point(tmp_path, ("pneumonia", 0.4), point, "cxr gradcam")
    check_operating_point(tmp_path, None, {}, "cxr gradcam")
    there = "its operating point is .*, that of metrics.json is pneumonia from 0.4 on"
    for found in (("pneumonia", 0.5), ("normal", 0.4), None):
        with pytest.raises(BadInput, match=there):
            check_operating_point(tmp_path, found, point, "cxr gradcam")


def test_a_wide_table_is_split_and_the_first_column_repeated() -> None:
    names = [str(number) for number in range(13)]
    parts = split_columns(Table("t", names, [[Cell(name) for name in names]]))
    assert [part.headings for part in parts] == [names[:7], ["0", *names[7:]]]
    assert [[cell.value for cell in part.rows[0]] for part in parts] == [part.headings for part in parts]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"),
        (True, "yes"),
        (["a", None], "a, none"),
        ({"train": 0.5, "val": []}, "train 0.5, val none"),
        (1e-4, "0.0001"),
    ],
)
def test_a_setting_is_never_written_as_python_does(value: object, words: str) -> None:
    assert plain(value) == words


def test_a_title_is_that_of_the_page_and_no_markup(cxr: Cxr, run: Path) -> None:
    assert cxr("report", run, "--title", 'A "</style>" \\ study').code == 0
    page = (run / "report.html").read_text()
    assert "<h1>A &#34;&lt;/style&gt;&#34; \\ study</h1>" in page
    assert page.count("</style>") == 1


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("the page is looked at in a browser, and no chromium is here (apt-get install chromium)")
    return found


def in_browser(chromium: str, *arguments: str) -> str:
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    command = [chromium, *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.usefixtures("rendered")
def test_in_a_browser_the_page_is_as_wide_as_the_window_and_prints_without_loss(
    cxr: Cxr, tested: Path, chromium: str, tmp_path: Path
) -> None:
    cxr("report", tested, "--title", "A study of sixty")
    page, whole = tested / "report.html", tmp_path / "frames.html"
    # A frame has the width that it is given; a window has 500 pixels at least.
    measure = "document.title += ' ' + this.contentDocument.documentElement.scrollWidth"
    frames = [
        f'<iframe src="{page.as_uri()}" width="{width}" style="border: 0" onload="{measure}"></iframe>'
        for width in (400, 1400)
    ]
    whole.write_text("<title>widths</title>" + "".join(frames))
    shown = in_browser(chromium, "--allow-file-access-from-files", "--dump-dom", whole.as_uri())
    title = shown.partition("</title>")[0]
    assert sorted(title.split()[-2:]) == ["1400", "400"], title

    if shutil.which("pdftotext") is None:
        pytest.skip("what is printed is read by pdftotext (apt-get install poppler-utils)")
    printed = tmp_path / "page.pdf"
    in_browser(chromium, "--no-pdf-header-footer", f"--print-to-pdf={printed}", page.as_uri())
    command = ["pdftotext", "-layout", printed, "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = set(text.split())
    cells = Cells(page)
    assert len(cells.texts) > 100
    assert [text for text in cells.texts if not set(text.split()) <= words] == []
    pages = text.split("\f")[:-1]
    for number, of_page in enumerate(pages, start=1):
        assert "A study of sixty" in of_page
        assert f"page {number} of {len(pages)}" in of_page


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
