"""Conditions over a manifest's columns, as `train_where` takes them: read by a small grammar, never run."""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr_cli.dataset.reader import Dataset
from cxr_cli.errors import BadInput, InvalidSetting, no_column
from cxr_cli.recorded_values import is_unknown, number_of
from cxr_cli.splitting.criteria import SplitCriteria

FIELD = "train_where"
LONGEST = 2000
"""Characters that a condition may have."""
SHOWN = 100
"""Characters of it that a message repeats."""

Mask = NDArray[np.bool_]

COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
"""What a comparison becomes when its sides change places."""

QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`([^`]*)`""")


class Selection(NamedTuple):
    """The images that meet a condition.

    Attributes:
        images: bool [N].
        absent: what was asked for and no image has, as "institution 'Academc Hospital'": a misspelling?
        respelled: what images have with other capitals or spaces, and how many, as "institution 'Academic
            Hospital', in 8 images": the same place?
    """

    images: Mask
    absent: tuple[str, ...]
    respelled: tuple[str, ...]


def select(condition: str, images: pd.DataFrame, place: str) -> Selection:
    """Find the images that meet a condition such as `institution == 'Academic Hospital' and age >= 18`.

    A condition compares columns with texts (==, !=, in, not in) or numbers (also <, <=, >, >=), or two
    columns as texts (==, !=); conditions are joined by and, or, not and parentheses. A column whose name is
    no plain word stands in backticks. Text is compared as written; with a number, as numbers, and a value
    that was not recorded then meets nothing, not even !=.

    Args:
        condition: as above.
        images: one row an image.
        place: where the images are listed, for messages.

    Raises:
        InvalidSetting: not such a condition.
        BadInput: a column that is not there, or one compared with a number whose values are none.
    """
    reader = _Reader(condition, images, place)
    try:
        met = reader.condition(reader.tree)
        return Selection(met, *(tuple(dict.fromkeys(names)) for names in (reader.absent, reader.respelled)))
    except RecursionError:
        raise InvalidSetting(FIELD, True, "is nested too deep") from None
    except OverflowError:
        raise InvalidSetting(FIELD, True, "has a number that is too large to compare with") from None


def images_of_domain(dataset: Dataset, criteria: SplitCriteria) -> Selection:
    """Find the images that train and val are sampled from: those that meet the condition, or all."""
    if criteria.train_where is None:
        return Selection(np.ones(len(dataset.manifest), np.bool_), (), ())
    return select(criteria.train_where, dataset.manifest, str(dataset.folder / "manifest.csv"))


class _Column(NamedTuple):
    name: str
    values: "pd.Series[str]"


class _Reader:
    """Works a condition out over the images; also notes the texts asked for that no image has."""

    def __init__(self, condition: str, images: pd.DataFrame, place: str) -> None:
        self._images = images
        self._place = place
        self._quoted: dict[str, str] = {}
        self.absent: list[str] = []
        self.respelled: list[str] = []
        self.tree = self._parse(condition)

    def _parse(self, condition: str) -> ast.expr:
        if len(condition) > LONGEST:
            raise InvalidSetting(FIELD, True, f"{len(condition)} characters, at most {LONGEST} are read")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's opinions of style
                return ast.parse(QUOTED.sub(self._hide, condition).strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            hint = "; equal is written ==" if re.search(r"[^=!<>]=[^=]", condition) else ""
            raise InvalidSetting(
                FIELD,
                repr(condition[:SHOWN]),
                "cannot be read; write, for example, "
                f"\"institution == 'Academic Hospital' and portable == 'fixed'\"{hint}",
            ) from None

    def _hide(self, quoted: re.Match[str]) -> str:
        """Put a plain word for a name in backticks, which Python does not know."""
        if quoted[1] is None:
            return quoted[0]
        word = f"_quoted_{len(self._quoted)}"
        self._quoted[word] = quoted[1]
        return word

    def condition(self, node: ast.expr) -> Mask:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return _every([self.condition(part) for part in parts])
            case ast.BoolOp(op=ast.Or(), values=parts):
                return _some([self.condition(part) for part in parts])
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return ~self.condition(part)
            case ast.Compare(left=first, ops=ops, comparators=others):
                sides = [first, *others]
                return _every([self._compare(*each, node) for each in zip(sides, ops, others, strict=False)])
            case _:
                raise self._refusal(node, "is no comparison; they are joined by and, or, not")

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr, whole: ast.expr) -> Mask:
        one = self._operand(left, whole)
        match op, one:
            case (ast.In(), _Column()):
                return _some([self._equal(one, each) for each in self._several(right, whole)])
            case (ast.NotIn(), _Column()):
                return _every([self._differ(one, each) for each in self._several(right, whole)])
        other = self._operand(right, whole)
        if type(op) in COMPARISONS:
            if not isinstance(one, _Column) and isinstance(other, _Column):
                one, other, op = other, one, TURNED[type(op)]()
            match one, op, other:
                case (_Column(), _, int() | float()):
                    return self._compare_numbers(one, COMPARISONS[type(op)], other)
                case (_Column(), ast.Eq(), _):
                    return self._equal(one, other)
                case (_Column(), ast.NotEq(), _):
                    return self._differ(one, other)
        raise self._refusal(whole, "columns are compared with texts (==, !=, in) and numbers (< and > too)")

    def _equal(self, column: _Column, other: _Column | str | float) -> Mask:
        if isinstance(other, int | float):
            return self._compare_numbers(column, operator.eq, other)
        mask = np.asarray(column.values == (other.values if isinstance(other, _Column) else other))
        if isinstance(other, str):
            self._look_at_spelling(column, other, mask)
        return mask

    def _look_at_spelling(self, column: _Column, text: str, mask: Mask) -> None:
        alike = column.values.map(_plain) == _plain(text)
        others = int(np.sum(np.asarray(alike) & ~mask))
        if others:
            self.respelled.append(f"{column.name} {text!r}, in {others} image{'s' * (others != 1)}")
        elif not mask.any():
            self.absent.append(f"{column.name} {text!r}")

    def _differ(self, column: _Column, other: _Column | str | float) -> Mask:
        if isinstance(other, int | float):
            return self._compare_numbers(column, operator.ne, other)
        return ~self._equal(column, other)

    def _compare_numbers(self, column: _Column, comparison: Callable[[Any, Any], Any], number: float) -> Mask:
        known = np.array([not is_unknown(column.name, value) for value in column.values], np.bool_)
        numbers = np.array([number_of(column.name, value) for value in column.values], np.float64)
        wrong = np.flatnonzero(known & np.isnan(numbers))
        if len(wrong):
            raise BadInput(
                f"{self._place}: column {column.name!r} is compared with the number {number:g}, but "
                f"{len(wrong)} of its values are no numbers, the first in row {wrong[0]}"
            )
        return np.asarray(known & comparison(numbers, number))

    def _operand(self, node: ast.expr, whole: ast.expr) -> _Column | str | float:
        match node:
            case ast.Name(id=word):
                return self._column(self._quoted.get(word, word))
            case ast.Constant(value=bool()):
                raise self._refusal(whole, "True and False are texts here, to be quoted")
            case ast.Constant(value=str() | int() | float() as constant):
                return constant
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case _:
                raise self._refusal(node, "is neither a column nor a quoted text nor a number")

    def _several(self, node: ast.expr, whole: ast.expr) -> list[str | float]:
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and node.elts:
            values = [self._operand(each, whole) for each in node.elts]
            constants = [value for value in values if not isinstance(value, _Column)]
            if len(constants) == len(values):
                return constants
        raise self._refusal(whole, "after in stand texts or numbers, as ('AP', 'PA')")

    def _column(self, name: str) -> _Column:
        if name not in self._images.columns:
            raise BadInput(f"`{FIELD}`: {self._place} has {no_column(name, self._images.columns)}")
        return _Column(name, self._images[name].astype(str).str.strip())

    def _refusal(self, node: ast.expr, why: str) -> InvalidSetting:
        text = ast.unparse(node)[:SHOWN]
        for word, name in self._quoted.items():
            text = text.replace(word, f"`{name}`")
        return InvalidSetting(FIELD, True, f"{text}: {why}")


def _plain(text: str) -> str:
    """Return a text without the difference of capitals and spaces."""
    return "".join(text.casefold().split())


def _every(masks: list[Mask]) -> Mask:
    return np.asarray(np.stack(masks).all(axis=0))


def _some(masks: list[Mask]) -> Mask:
    return np.asarray(np.stack(masks).any(axis=0))
