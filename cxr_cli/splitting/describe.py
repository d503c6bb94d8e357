"""A study's Table 1, the flow of its images, and the precision that its test can have."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.artifacts import read_csv, write_text
from cxr_cli.dataset.reader import Dataset, open_dataset, rejected_by_reason
from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.characteristics import (
    CHARACTERISTICS,
    MOST_LEVELS,
    CharacteristicsTable,
    Masks,
    characteristics_table,
)
from cxr_cli.evaluation.choices import ShownFormat, TableFormat
from cxr_cli.evaluation.operating_point import likely_positive
from cxr_cli.evaluation.precision_plan import PlannedPrecision, plan_precision
from cxr_cli.evaluation.tables import Cell, Table, files_of, write_tables
from cxr_cli.locks import locked
from cxr_cli.plots.counts import stacked_counts
from cxr_cli.plots.flow import FlowStep, flow_diagram
from cxr_cli.recorded_values import NOT_RECORDED, is_missing, number_of
from cxr_cli.splitting.criteria import SUBSETS
from cxr_cli.splitting.file import Split, open_split
from cxr_cli.splitting.patients import patient_numbers

By = Literal["label", "subset"]
FILES = files_of("table1")
NOTES = [
    "n (%) of images; ages are those of images. difference: the largest standardized difference between two",
    "groups; above 0.1 it is often called an imbalance.",
]


@dataclass(frozen=True)
class Description:
    """Characteristics of the images of a study.

    Attributes:
        dataset, split: where they are.
        tables: Table 1 by class, by subset, or both.
        plans: the precision to expect of the test, of one class or of each; empty where not asked for.
        steps: the flow of images from the inputs to the subsets.
        manufacturers: images by manufacturer and class, the most frequent manufacturer first.
    """

    dataset: Path
    split: Path | None
    tables: tuple[CharacteristicsTable, ...]
    plans: tuple[PlannedPrecision, ...]
    steps: tuple[FlowStep, ...]
    manufacturers: dict[str, dict[str, int]]

    def table(self, form: ShownFormat = "table") -> str:
        """Write the tables as text in one of the formats; it ends with a line break."""
        if form == "csv":
            rows = [{"table": of.title, **row} for of in self.tables for row in of.records()]
            return pd.DataFrame(rows).to_csv(index=False)
        if form == "json":
            content = {
                "dataset": str(self.dataset),
                "split": self.split and str(self.split),
                "flow": [asdict(step) for step in self.steps],
                "manufacturers": self.manufacturers,
                "tables": [{"title": of.title, "rows": of.records()} for of in self.tables],
                "plans": [plan.as_json() for plan in self.plans],
            }
            return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=float) + "\n"
        tables = [of.table() for of in self.tables]
        tables += [plan.table() for plan in self.plans]
        if form in ("table", "html"):
            tables = [self._flow_table(), *tables]
        return write_tables(form, tables, NOTES)

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        return self.table("html")

    def _flow_table(self) -> Table:
        """The flow as lines of text."""
        rows = [[Cell(f"{'  ' * step.depth}{step.name}"), Cell(str(step.images))] for step in self.steps]
        return Table("Flow of images", ["", "images"], rows)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write the tables in every format, the flow diagram, and the counts by manufacturer; the figures."""
        for form in get_args(TableFormat):
            write_text(folder / FILES[form], self.table(form))
        figures = folder / "flow.png", folder / "manufacturers.png"
        flow_diagram(self.steps, figures[0])
        total = sum(sum(of.values()) for of in self.manufacturers.values())
        stacked_counts(self.manufacturers, f"Images by manufacturer, n = {total}", figures[1])
        return figures


def describe(
    dataset: Path | str,
    *,
    split: Path | str | None = None,
    fold: int | None = None,
    by: By | None = None,
    characteristics: Sequence[str] = (),
    plan: bool = False,
    width: float = 0.1,
    output: Path | None = None,
) -> Description:
    """Describe the images of a study: Table 1, the flow of images, the precision to expect.

    Args:
        dataset: a DATASET folder.
        split: its split.csv; images that are left out are not described then.
        fold: the fold to test on, where the split has folds.
        by: groups of Table 1; None for the classes and, with a split, the subsets as well.
        characteristics: columns of the manifest to describe besides the usual ones; one of numbers alone is
            summarized by mean and quartiles.
        plan: also say how wide the intervals of the test will be.
        width: of an interval, for which the plan counts patients.
        output: a folder for the tables in every format, and for the figures.

    Raises:
        BadInput: no dataset, or a split of another one.
        InvalidSetting: subsets without a split, no such column, or a width that cannot be.
    """
    images = open_dataset(Path(dataset))
    divided = None if split is None else open_split(Path(split), images, fold)
    if by == "subset" and divided is None:
        raise InvalidSetting("by", by, "subsets need `split`")
    if not 0 < width < 1:
        raise InvalidSetting("width", width, "more than 0 is needed, and less than 1")
    labels = images.manifest["label"].to_numpy(dtype=str)
    subsets = np.full(len(labels), "all") if divided is None else divided.subsets
    used = subsets != ""
    groups: dict[By, Masks] = {
        "label": {name: (labels == name)[used] for name in sorted(set(labels[used]))},
        "subset": {name: (subsets == name)[used] for name in SUBSETS if (subsets == name).any()},
    }
    titles: dict[By, str] = {"label": "Characteristics by class", "subset": "Characteristics by subset"}
    shown: list[By] = [by] if by else ["label"] if divided is None else ["label", "subset"]
    columns, numeric = _columns(images, characteristics, used)
    patients = patient_numbers(images.manifest) if divided is None else divided.patients
    described = {"label": columns, "subset": {"label": labels[used].tolist(), **columns}}
    result = Description(
        dataset=images.folder,
        split=None if divided is None else divided.path,
        tables=tuple(
            characteristics_table(titles[kind], groups[kind], described[kind], patients[used], numeric)
            for kind in shown
        ),
        plans=tuple(_plans(labels, subsets, patients, width)) if plan else (),
        steps=tuple(_steps(images, divided, labels)),
        manufacturers=_by_manufacturer(images, labels),
    )
    if output is not None:
        with locked(output):
            result.write(output)
    return result


def _columns(
    dataset: Dataset, wanted: Sequence[str], used: NDArray[np.bool_]
) -> tuple[dict[str, list[str | None]], list[str]]:
    """Return the characteristics as text, and the names of those that are numbers."""
    manifest = dataset.manifest[used]
    columns: dict[str, list[str | None]] = {}
    numeric: list[str] = []
    for name in dict.fromkeys([*CHARACTERISTICS, *wanted]):
        if name not in manifest:
            there = ", ".join(map(str, manifest))
            raise InvalidSetting("characteristics", name, f"no such column; there are {there}")
        values = manifest[name].astype(str).tolist()
        is_number = name == "age" or (name in wanted and _is_numeric(values))
        levels = len(set(values))
        if name in wanted and not is_number and levels > MOST_LEVELS:
            raise InvalidSetting("characteristics", name, f"{levels} values, {MOST_LEVELS} are the most")
        if all(map(is_missing, values)) or (not is_number and levels > MOST_LEVELS):
            continue
        columns[name] = list(values)
        if is_number:
            numeric.append(name)
        if name == "age":
            by_sex = _ages_by_sex(values, manifest["sex"].tolist())
            columns |= by_sex
            numeric += by_sex
    return columns, numeric


def _ages_by_sex(ages: Sequence[str], sexes: Sequence[str]) -> dict[str, list[str | None]]:
    """The ages of each sex apart, as in the paper's Table 1; none where sexes are not recorded."""
    return {
        f"age ({sex})": [age if of == sex else None for age, of in zip(ages, sexes, strict=True)]
        for sex in ("F", "M")
        if sex in sexes
    }


def _is_numeric(values: Sequence[str]) -> bool:
    known = [value for value in values if not is_missing(value)]
    return bool(known) and not any(np.isnan(number_of("", value)) for value in known)


def _steps(dataset: Dataset, split: Split | None, labels: NDArray[np.str_]) -> Iterator[FlowStep]:
    """List the flow of images (CLAIM 2024, item 8; the paper's Figure 1)."""
    rejected = rejected_by_reason(dataset.folder)
    yield FlowStep("inputs", len(labels) + sum(rejected.values()))
    for reason, images in rejected.items():
        yield FlowStep(f"rejected: {reason}", images, depth=1, excluded=True)
    yield FlowStep("images", len(labels), detail=_by_class(labels))
    if split is None:
        return
    subsets, left_out = split.subsets, read_csv(split.path)[split.subsets == ""]
    reasons = left_out["reason"] if "reason" in left_out else left_out["subset"]
    for reason, images in reasons.value_counts().items():
        yield FlowStep(f"left out: {reason}" if reason else "left out", int(images), depth=1, excluded=True)
    for name in SUBSETS:
        inside = subsets == name
        if inside.any():
            yield FlowStep(name, int(inside.sum()), depth=1, detail=_by_class(labels[inside]))


def _by_class(labels: NDArray[np.str_]) -> str:
    names, counts = np.unique(labels, return_counts=True)
    return ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))


def _by_manufacturer(dataset: Dataset, labels: NDArray[np.str_]) -> dict[str, dict[str, int]]:
    manufacturers = dataset.manifest["manufacturer"].replace("", NOT_RECORDED)
    counts = pd.crosstab(manufacturers, labels)
    ordered = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    return {
        str(name): {str(label): int(images) for label, images in row.items()}
        for name, row in ordered.iterrows()
    }


def _plans(
    labels: NDArray[np.str_], subsets: NDArray[np.str_], patients: NDArray[np.int64], width: float
) -> Iterator[PlannedPrecision]:
    """Plan for the patients of the test subset, without a split for all.

    Of two classes for the likely finding; for each class where the names say none.
    """
    tested = subsets == "test" if (subsets == "test").any() else subsets != ""
    classes = sorted(set(labels))
    likely = likely_positive(classes) if len(classes) == 2 else None
    for finding in classes if likely is None else [classes[likely]]:
        positives, negatives = (
            len(np.unique(patients[tested & chosen])) for chosen in (labels == finding, labels != finding)
        )
        yield plan_precision(finding, positives, negatives, width)
