"""`cxr describe` from the shell."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cxr = Callable[..., Any]


@pytest.fixture(scope="module")
def dataset(make_dataset: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images of 20 patients: ages rise, every fifth is not known; two manufacturers and none."""
    labels = ["normal"] * 20 + ["pneumonia"] * 20
    return make_dataset(
        tmp_path_factory.mktemp("describe") / "dataset",
        labels,
        [f"p{number // 2}" for number in range(40)],
        age=[str(20 + number) if number % 5 else "" for number in range(40)],
        sex=["F" if number % 4 < 2 else "M" for number in range(40)],
        manufacturer=[["Philips", "Kodak", ""][number % 3] for number in range(40)],
        smoker=["yes" if number % 2 else "no" for number in range(40)],
        height=[str(150 + number) for number in range(40)],
    )


@pytest.fixture(scope="module")
def split(dataset: Path) -> Path:
    from cxr_cli.main import main

    path = dataset.parent / "split.csv"
    assert main(["split", str(dataset), "-o", str(path), "--val", "0.2", "--test", "0.3"]) == 0
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_table_1_counts_by_class(cxr: Cxr, dataset: Path) -> None:
    done = cxr("describe", dataset, "--format", "csv")
    assert (done.code, done.err) == (0, "")
    rows = {(row["characteristic"], row["level"], row["statistic"]): row for row in rows_of(done.out)}
    assert rows["images", "", "n"]["normal"] == "20.0" or float(rows["images", "", "n"]["normal"]) == 20
    assert float(rows["patients", "", "n"]["all images"]) == 20
    ages = [20 + number for number in range(20) if number % 5]
    assert float(rows["age", "", "mean"]["normal"]) == pytest.approx(sum(ages) / len(ages))
    assert float(rows["age", "", "missing"]["normal"]) == 4
    assert float(rows["manufacturer", "not recorded", "n"]["all images"]) == 13
    of_women = [20 + number for number in range(20) if number % 5 and number % 4 < 2]
    assert float(rows["age (F)", "", "mean"]["normal"]) == pytest.approx(sum(of_women) / len(of_women))
    assert float(rows["age (F)", "", "missing"]["normal"]) == 2


def test_a_split_adds_the_subsets_and_the_flow(cxr: Cxr, dataset: Path, split: Path) -> None:
    done = cxr("describe", dataset, "--split", split)
    assert done.code == 0
    assert "Characteristics by class" in done.out
    assert "Characteristics by subset" in done.out
    assert "  test" in done.out.split("Characteristics")[0]
    only = cxr("describe", dataset, "--split", split, "--by", "subset").out
    assert "Characteristics by class" not in only


def test_further_columns_are_counted_or_averaged(cxr: Cxr, dataset: Path) -> None:
    further = ("--characteristic", "smoker", "--characteristic", "height")
    done = cxr("describe", dataset, *further, "--format", "json")
    [table] = json.loads(done.out)["tables"]
    found = {(row["characteristic"], row["level"], row["statistic"]): row for row in table["rows"]}
    assert found["smoker", "yes", "n"]["pneumonia"] == 10
    assert found["height", "", "median"]["normal"] == 159.5


def test_the_plan_says_how_wide_intervals_will_be(cxr: Cxr, dataset: Path, split: Path) -> None:
    done = cxr("describe", dataset, "--split", split, "--plan", "--width", 0.2)
    assert "patients needed for a width of 0.2" in done.out
    assert "sensitivity (3)" in done.out  # 6 of 20 images of a class test, two a patient


def test_the_folder_has_every_format_and_both_figures(
    cxr: Cxr, dataset: Path, split: Path, tmp_path: Path
) -> None:
    done = cxr("describe", dataset, "--split", split, "-o", tmp_path / "t")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "t").iterdir()} == {
        *(f"table1.{suffix}" for suffix in ("txt", "csv", "json", "tex", "md")),
        *(f"{name}.{suffix}" for name in ("flow", "manufacturers") for suffix in ("png", "svg")),
    }


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--by", "subset"), 2, "--by subset: subsets need --split"),
        (("--characteristic", "mood"), 2, "--characteristic mood: no such column"),
        (("--plan", "--width", 2), 2, "--width 2.0: more than 0 is needed"),
        (("--characteristic", "source"), 2, "--characteristic source: 40 values, 30 are the most"),
    ],
)
def test_what_cannot_be_described_is_one_line(
    cxr: Cxr, dataset: Path, options: tuple[object, ...], code: int, message: str
) -> None:
    done = cxr("describe", dataset, *options)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert message in done.err
