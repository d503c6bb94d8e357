"""Images by their characteristics: which strata there are, and every metric of each."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, InvalidSetting
from cxr_cli.evaluation.metrics.answers import Answers
from cxr_cli.evaluation.metrics.registry import BY_NAME, shown
from cxr_cli.evaluation.subgroups.differences import Difference, differences_to_rest, with_holm
from cxr_cli.evaluation.subgroups.paired import paired_differences
from cxr_cli.evaluation.uncertainty.estimates import Estimates, Estimator
from cxr_cli.evaluation.uncertainty.intervals import RESAMPLES
from cxr_cli.name_lists import read_parts
from cxr_cli.recorded_values import (
    NOT_RECORDED,
    age_in_years,
    is_impossible_age,
    is_unknown,
    number_of,
    sex_code,
)
from cxr_cli.reporting import SILENT, Reporter

ALL_IMAGES = "all images"
MOST_STRATA = 50
SMALL = 20

Column = Callable[[str], Sequence[str]]
"""Gives a characteristic of the images [N] by its name, as text."""


@dataclass(frozen=True)
class Characteristic:
    """A column to stratify by; for numbers the rising edges of bins, each of which is in the bin above it."""

    column: str
    edges: tuple[float, ...] = ()

    @property
    def meaning(self) -> str:
        """What the column is known as: "age" of "Patient Age", "sex" of "Gender", or its own name."""
        word = re.sub(r"[\W_]+", "", self.column.casefold()).removeprefix("patient")
        return {"age": "age", "ageyears": "age", "sex": "sex", "gender": "sex"}.get(word, self.column)

    def names(self, values: Sequence[str], place: str) -> list[str]:
        """Name the stratum of each value: ages in years and sexes as codes, however they are written.

        Raises:
            BadInput: a value is no number where there are bins; `place` is the file's name.
        """
        named: dict[str, str] = {}
        for line, value in enumerate(values, start=2):
            if value not in named:
                named[value] = self._name(value, f"{place}: line {line}") or NOT_RECORDED
        return [named[value] for value in values]

    def _name(self, value: str, place: str) -> str:
        if is_unknown(self.meaning, value):
            return ""
        if not self.edges:
            return {"age": age_in_years, "sex": sex_code}.get(self.meaning, str)(value) or value
        number = number_of(self.meaning, value)
        if np.isnan(number):
            raise BadInput(f"{place}: {self.column} is {value!r}; bins need numbers")
        return self.bins()[int(np.searchsorted(self.edges, number, side="right"))]

    def bins(self) -> list[str]:
        """Name the bins, from the lowest."""
        edges = [f"{edge:g}" for edge in self.edges]
        between = [f"{low} to <{high}" for low, high in pairwise(edges)]
        return [f"<{edges[0]}", *between, f">={edges[-1]}"] if edges else []


def read_by(text: str) -> tuple[Characteristic, ...]:
    """Read one of `by`: columns, which are crossed; a column's bins after a colon: "sex,age:40,60".

    A name with a comma or a colon stands in double quotes, see `read_parts`.

    Raises:
        InvalidSetting: edges that are no rising numbers, or no column.
    """
    found: list[tuple[str, list[float]]] = []
    before = ""
    for part, separator in read_parts("by", text, ",:"):
        if before == ":":
            found[-1][1].append(_edge(text, part + separator.strip(",")))
        elif found and found[-1][1] and _is_number(part):
            found[-1][1].append(float(part))
        else:
            found.append((part, []))
        before = separator
    for name, edges in found:
        if not name:
            raise InvalidSetting("by", text, "a column's name is missing")
        if edges != sorted(set(edges)):
            raise InvalidSetting("by", text, "the edges of bins must rise")
    return tuple(Characteristic(name, tuple(edges)) for name, edges in found)


def _edge(text: str, edge: str) -> float:
    if not _is_number(edge):
        raise InvalidSetting("by", text, f"{edge!r} is no edge of a bin; write numbers, such as age:40,60")
    return float(edge)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)\s*", text) is not None


def divide(
    by: Sequence[str], column: Column, place: str, reporter: Reporter = SILENT
) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Divide images by each of several `by`: bool [N] by the columns' names and the stratum's.

    Impossible ages are not recorded, which is reported.

    Raises:
        InvalidSetting: see `read_by` and `strata_of`; or the same columns twice.
        BadInput: see `strata_of`.
    """
    divisions: dict[str, dict[str, NDArray[np.bool_]]] = {}
    for text in by:
        characteristics = read_by(text)
        columns = [characteristic.column for characteristic in characteristics]
        name = columns[0] if len(columns) == 1 else ", ".join(map(_quoted, columns))
        if name in divisions:
            raise InvalidSetting("by", text, f"{name} is there twice")
        for characteristic in characteristics:
            ages = Counter(column(characteristic.column)) if characteristic.meaning == "age" else Counter()
            impossible = sum(images for age, images in ages.items() if is_impossible_age(age))
            if impossible:
                reporter.say(f"{place}: {impossible} ages below 0 or over 120 years count as not recorded")
        divisions[name] = strata_of(characteristics, column, place)
    return divisions


def strata_of(by: Sequence[Characteristic], column: Column, place: str) -> dict[str, NDArray[np.bool_]]:
    """Divide images by characteristics, crossed where there are several.

    Args:
        by: one or more.
        column: gives their values.
        place: the file's name, for messages.

    Returns:
        bool [N] by the stratum's name; every image is in one. Bins and numbers are in their order, other
        values by name, what is not recorded last; a stratum without images is none. Crossed values that hold
        a comma or a quotation mark are quoted as in CSV, so that no two strata have one name.

    Raises:
        BadInput: a value is no number where there are bins.
        InvalidSetting: more than 50 strata.
    """
    names = [characteristic.names(column(characteristic.column), place) for characteristic in by]
    ranks = [_ranks(characteristic, of) for characteristic, of in zip(by, names, strict=True)]
    images = list(zip(*names, strict=True))
    kinds = sorted(set(images), key=lambda kind: [rank[name] for rank, name in zip(ranks, kind, strict=True)])
    if len(kinds) > MOST_STRATA:
        columns = ",".join(characteristic.column for characteristic in by)
        raise InvalidSetting(
            "by",
            columns,
            f"{len(kinds)} strata, {MOST_STRATA} are the most; put numbers into bins, such as "
            f"{by[0].column}:40,60",
        )
    numbers = {kind: number for number, kind in enumerate(kinds)}
    of_image = np.array([numbers[image] for image in images])
    quoted = _quoted if len(by) > 1 else str
    return {", ".join(map(quoted, kind)): of_image == number for kind, number in numbers.items()}


def _quoted(value: str) -> str:
    doubled = value.replace('"', '""')
    return f'"{doubled}"' if {",", '"'} & set(value) else value


def _ranks(characteristic: Characteristic, names: Sequence[str]) -> dict[str, int]:
    known = characteristic.bins() or sorted(set(names) - {NOT_RECORDED}, key=_order)
    return {name: rank for rank, name in enumerate([*known, NOT_RECORDED])}


def _order(name: str) -> tuple[bool, float, str]:
    """Numbers by their size, before other names."""
    number = number_of("", name)
    return bool(np.isnan(number)), 0.0 if np.isnan(number) else number, name


@dataclass(frozen=True)
class Stratum:
    """The images that share a characteristic.

    Attributes:
        by: the characteristic, such as "view_position, sex"; "" for all images.
        name: its value.
        images, patients: counts.
        of_class, patients_of_class: images, and patients, of each class.
        small: a class has fewer patients than asked for.
        estimates: every metric.
        differences: to all other images; where there are two strata the first has them. Empty where there is
            none.
        model_differences: another model's metrics minus these, on the same images; empty without another
            model.
    """

    by: str
    name: str
    images: int
    patients: int
    of_class: dict[str, int]
    patients_of_class: dict[str, int]
    small: bool
    estimates: Estimates
    differences: dict[str, Difference] = field(default_factory=dict)
    model_differences: dict[str, Difference] = field(default_factory=dict)


def describe_strata(
    answers: Answers,
    divisions: Mapping[str, Mapping[str, NDArray[np.bool_]]],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    small: int = SMALL,
) -> list[Stratum]:
    """Compute every metric of all images and of every stratum, and each stratum's differences to the rest.

    The p values of all differences of a characteristic are corrected for their number.

    Args:
        answers: of N images.
        divisions: by name, the strata of a characteristic by name: bool [N].
        rng: draws strata, for p values.
        resamples: how many at most.
        small: a stratum with fewer patients of a class is marked.
    """
    answers = replace(answers, patients=np.unique(answers.patients, return_inverse=True)[1])
    found = [_stratum("", ALL_IMAGES, Estimator(answers), small)]
    for by, strata in divisions.items():
        for place, (name, inside) in enumerate(strata.items()):
            of_inside = Estimator(answers.take(inside))
            stratum = _stratum(by, name, of_inside, small)
            # Of two strata the second's differences are the first's, turned round.
            if len(strata) > 2 or (len(strata) == 2 and place == 0):
                differences = differences_to_rest(answers, inside, rng, resamples, of_inside)
                stratum = replace(stratum, differences=differences)
            found.append(stratum)
    corrected = _corrected([stratum.by for stratum in found], [stratum.differences for stratum in found])
    return [
        replace(stratum, differences=differences)
        for stratum, differences in zip(found, corrected, strict=True)
    ]


def compare_strata(
    strata: Sequence[Stratum],
    answers: Answers,
    other: Answers,
    divisions: Mapping[str, Mapping[str, NDArray[np.bool_]]],
) -> list[Stratum]:
    """Add another model's metrics minus these, on all images and in every stratum.

    Args:
        strata: as `describe_strata` made them of these answers and divisions.
        answers, other: of the same N images, in the same order.
        divisions: as there.
    """
    everything = {"": {ALL_IMAGES: np.ones(len(answers), bool)}, **divisions}
    masks = [everything[stratum.by][stratum.name] for stratum in strata]
    found = [paired_differences(answers.take(inside), other.take(inside)) for inside in masks]
    corrected = _corrected([stratum.by for stratum in strata], found)
    return [replace(stratum, model_differences=of) for stratum, of in zip(strata, corrected, strict=True)]


def _corrected(
    families: Sequence[str], differences: Sequence[dict[str, Difference]]
) -> list[dict[str, Difference]]:
    """Correct the p values of each stratum's differences for the number of differences in its family."""
    found = [dict(of) for of in differences]
    for family in set(families):
        keys = [(i, name) for i, of in enumerate(differences) if families[i] == family for name in of]
        for (i, name), difference in zip(
            keys, with_holm([differences[i][name] for i, name in keys]), strict=True
        ):
            found[i][name] = difference
    return found


def _stratum(by: str, name: str, of_images: Estimator, small: int) -> Stratum:
    answers = of_images.answers
    patients_of_class = count_patients(answers)
    # Those that are shown, and the AUC of each class, for its plot.
    rows = (
        [*shown("strata of classes", "strata CSV of classes"), BY_NAME["auc"]]
        if answers.positive is None
        else shown("strata of a finding", "strata CSV of a finding")
    )
    return Stratum(
        by=by,
        name=name,
        images=len(answers),
        patients=len(np.unique(answers.patients)),
        of_class=count_images(answers),
        patients_of_class=patients_of_class,
        small=min(patients_of_class.values()) < small,
        estimates=of_images.estimates(rows),
    )


def count_images(answers: Answers) -> dict[str, int]:
    """Count the images of each class."""
    counts = np.bincount(answers.labels, minlength=len(answers.classes))
    return dict(zip(answers.classes, counts.tolist(), strict=True))


def count_patients(answers: Answers) -> dict[str, int]:
    """Count the patients who have an image of each class."""
    return {
        name: len(np.unique(answers.patients[answers.labels == number]))
        for number, name in enumerate(answers.classes)
    }
