"""Characteristics of groups of images side by side, as in a study's Table 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.evaluation.tables import Cell, Table
from cxr_cli.recorded_values import NOT_RECORDED, is_missing, number_of

CHARACTERISTICS = ("age", "sex", "view_position", "portable", "manufacturer", "institution")
"""What is described unless the user says otherwise, where any image has it."""
MOST_LEVELS = 30
"""Values that a characteristic may have; one with more is described only if it is of numbers."""

COLUMNS = frozenset(("table", "characteristic", "level", "statistic", "standardized_difference"))
"""Columns of `CharacteristicsTable.records` that no group's may be."""

Masks = Mapping[str, NDArray[np.bool_]]
"""Groups of images by name: bool [N]."""


@dataclass(frozen=True)
class Summary:
    """Numbers of a group: how many are recorded and missing, and NaN where too few are."""

    recorded: int
    missing: int
    mean: float
    sd: float
    median: float
    first_quartile: float
    third_quartile: float


@dataclass(frozen=True)
class NumericCharacteristic:
    """A characteristic of numbers, such as age in years, by group."""

    name: str
    of_group: dict[str, Summary]
    difference: float


@dataclass(frozen=True)
class CategoricalCharacteristic:
    """A characteristic of few values: images by value and group, what is not recorded last."""

    name: str
    images: dict[str, dict[str, int]]
    difference: float


Characteristic = NumericCharacteristic | CategoricalCharacteristic


@dataclass(frozen=True)
class CharacteristicsTable:
    """Groups of images side by side.

    Attributes:
        title: what the groups are.
        images, patients: of each group.
        characteristics: in their order; each has the largest standardized difference between two groups.
    """

    title: str
    images: dict[str, int]
    patients: dict[str, int]
    characteristics: tuple[Characteristic, ...]

    def table(self) -> Table:
        """Lay it out: n (%), mean ± SD, median and quartiles; the standardized difference last."""
        groups = list(self.images)
        rows = [
            [name, "", *(str(counts[group]) for group in groups), ""]
            for name, counts in (("images", self.images), ("patients", self.patients))
        ]
        for one in self.characteristics:
            lines = self._numeric(one) if isinstance(one, NumericCharacteristic) else self._categorical(one)
            difference = "" if np.isnan(one.difference) else f"{one.difference:.2f}"
            # Name and difference stand in the first of a characteristic's lines.
            firsts = [(one.name, difference.replace("inf", "infinite")), *[("", "")] * (len(lines) - 1)]
            rows += [
                [name, level, *cells, end]
                for (name, end), (level, cells) in zip(firsts, lines.items(), strict=True)
            ]
        compared = any(not np.isnan(one.difference) for one in self.characteristics)
        shown = slice(None) if compared else slice(-1)
        headings = ["", "", *groups, "difference"][shown]
        return Table(self.title, headings, [[Cell(text) for text in row[shown]] for row in rows])

    def _numeric(self, one: NumericCharacteristic) -> dict[str, list[str]]:
        each = list(one.of_group.values())
        lines = {
            "mean ± SD": [_numbers("{:.1f} ± {:.1f}", of.mean, of.sd) for of in each],
            "median (quartiles)": [
                _numbers("{:.1f} ({:.1f}-{:.1f})", of.median, of.first_quartile, of.third_quartile)
                for of in each
            ],
        }
        if any(of.missing for of in each):
            counts = zip(each, self.images.values(), strict=True)
            lines[NOT_RECORDED] = [_share(of.missing, images) for of, images in counts]
        return lines

    def _categorical(self, one: CategoricalCharacteristic) -> dict[str, list[str]]:
        return {
            level: [_share(of_group[group], self.images[group]) for group in self.images]
            for level, of_group in one.images.items()
        }

    def records(self) -> list[dict[str, Any]]:
        """Put each number into a row of its own, a column for each group: for CSV.

        A group that is named like another column, such as a class "level", is "group level".
        """
        rows: list[dict[str, Any]] = []

        def add(
            name: str, level: str, statistic: str, of_group: Mapping[str, float], difference: float
        ) -> None:
            numbers = {
                f"group {group}" if group in COLUMNS else group: None if np.isnan(value) else value
                for group, value in of_group.items()
            }
            shown = None if np.isnan(difference) else difference if np.isfinite(difference) else "infinite"
            rows.append(
                {"characteristic": name, "level": level, "statistic": statistic, **numbers}
                | {"standardized_difference": shown}
            )

        add("images", "", "n", self.images, np.nan)
        add("patients", "", "n", self.patients, np.nan)
        for one in self.characteristics:
            if isinstance(one, NumericCharacteristic):
                for statistic in Summary.__dataclass_fields__:
                    values = {group: getattr(of, statistic) for group, of in one.of_group.items()}
                    add(one.name, "", statistic, values, one.difference)
            else:
                for level, images in one.images.items():
                    add(one.name, level, "n", images, one.difference)
                    shares = {g: n / self.images[g] if self.images[g] else np.nan for g, n in images.items()}
                    add(one.name, level, "share", shares, one.difference)
        return rows


def _numbers(form: str, *values: float) -> str:
    return "-" if any(map(np.isnan, values[:1])) else form.format(*values)


def _share(images: int, of: int) -> str:
    return f"{images} ({images / of:.1%})" if of else "0"


def characteristics_table(
    title: str,
    groups: Masks,
    columns: Mapping[str, Sequence[str | None]],
    patients: NDArray[np.int64],
    numeric: Sequence[str] = ("age",),
    overall: str | None = "all images",
) -> CharacteristicsTable:
    """Describe groups of images.

    Args:
        title: what the groups are.
        groups: bool [N] by name; the standardized differences are between them.
        columns: characteristics by name: a text for each of the N images, None where it does not apply.
        patients: int [N], patient numbers.
        numeric: those that are numbers.
        overall: the name of a first group of all images; None for none.
    """
    everything = {} if overall is None else {overall: np.ones(len(patients), bool)}
    shown = {**everything, **groups}
    return CharacteristicsTable(
        title=title,
        images={name: int(inside.sum()) for name, inside in shown.items()},
        patients={name: len(np.unique(patients[inside])) for name, inside in shown.items()},
        characteristics=tuple(
            _numeric(name, values, shown, groups)
            if name in numeric
            else _categorical(name, values, shown, groups)
            for name, values in columns.items()
        ),
    )


def _numeric(name: str, texts: Sequence[str | None], shown: Masks, compared: Masks) -> NumericCharacteristic:
    applies = np.array([text is not None for text in texts])
    values = np.array([np.nan if text is None else number_of(name, text) for text in texts])
    summaries = {group: _summary(values[inside & applies]) for group, inside in shown.items()}
    differences = [
        mean_difference(values[compared[one]], values[compared[other]])
        for one, other in combinations(compared, 2)
    ]
    return NumericCharacteristic(name, summaries, _largest(differences))


def _summary(values: NDArray[np.float64]) -> Summary:
    known = values[~np.isnan(values)]
    quartiles = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.full(3, np.nan)
    return Summary(
        recorded=len(known),
        missing=len(values) - len(known),
        mean=float(known.mean()) if len(known) else np.nan,
        sd=float(known.std(ddof=1)) if len(known) > 1 else np.nan,
        median=float(quartiles[1]),
        first_quartile=float(quartiles[0]),
        third_quartile=float(quartiles[2]),
    )


def _categorical(
    name: str, values: Sequence[str | None], shown: Masks, compared: Masks
) -> CategoricalCharacteristic:
    texts = np.array(
        [NOT_RECORDED if value is None or is_missing(value) else value for value in values], dtype=object
    )
    levels = [*sorted(set(texts) - {NOT_RECORDED}), *({NOT_RECORDED} & set(texts))]
    images = {
        level: {group: int((texts[inside] == level).sum()) for group, inside in shown.items()}
        for level in levels
    }
    counts = {
        group: np.array([(texts[inside] == level).sum() for level in levels], np.float64)
        for group, inside in compared.items()
    }
    differences = [share_difference(counts[one], counts[other]) for one, other in combinations(compared, 2)]
    return CategoricalCharacteristic(name, images, _largest(differences))


def _largest(differences: Sequence[float]) -> float:
    known = [difference for difference in differences if not np.isnan(difference)]
    return max(known, default=np.nan)


def mean_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Compute the standardized difference of means, by the root mean square of the standard deviations.

    Source: Austin 2009, Statistics in Medicine 28:3083. NaN where a group has fewer than two numbers.
    """
    known = [values[~np.isnan(values)] for values in (first, second)]
    if min(map(len, known)) < 2:
        return np.nan
    spread = np.sqrt((known[0].var(ddof=1) + known[1].var(ddof=1)) / 2)
    distance = abs(known[0].mean() - known[1].mean())
    if spread == 0:
        return 0.0 if distance == 0 else np.inf
    return float(distance / spread)


def share_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Compute the standardized difference of shares of K values, from counts [K] in two groups.

    Source: Yang & Dalton 2012, SAS Global Forum, paper 335; of two values that is Austin's. NaN for an empty
    group, infinite where a value tells the groups apart for certain.
    """
    if not first.sum() or not second.sum():
        return np.nan
    shares = [counts / counts.sum() for counts in (first, second)]
    # The last value follows from the others.
    distance = (shares[0] - shares[1])[:-1]
    if not distance.any():
        return 0.0
    spread = sum(np.diag(of[:-1]) - np.outer(of[:-1], of[:-1]) for of in shares) / 2
    squared = float(distance @ np.linalg.pinv(spread) @ distance)
    explained = np.allclose(spread @ np.linalg.pinv(spread) @ distance, distance)
    return float(np.sqrt(squared)) if explained and squared > 0 else np.inf
