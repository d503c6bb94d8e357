"""At which score an image is called positive: chosen on validation images, applied to others."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput, InvalidSetting

NEGATIONS = frozenset(("no", "non", "not", "without"))
"""Words that make a negative of what follows them."""
NEGATIVES = frozenset(
    ("negative", "neg", "normal", "normals", "healthy", "control", "controls", "unaffected", "uninfected")
) | frozenset(("unremarkable", "benign", "absent", "absence", "clear", "false", "none", "nil", "no", "0"))
"""Words that begin or end the name of a class without the finding."""
NOTHING = ("finding", "disease", "abnormalit", "patholog")
"""What "no" is joined to without a blank."""


@dataclass(frozen=True)
class OperatingPoint:
    """An image is called positive where its score is at least the threshold.

    Attributes:
        positive: the positive class's name.
        threshold: on its score.
        rule: how it was chosen, in words.
        sensitivity, specificity: reached on the images it was chosen on; None where it was given.
        positives, negatives: how many images those were.
    """

    positive: str
    threshold: float
    rule: str
    sensitivity: float | None = None
    specificity: float | None = None
    positives: int | None = None
    negatives: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Write it as JSON values: what it is a threshold of, what it was chosen on, and what it reached."""
        record = {
            "score": f"score_{self.positive}",
            "chosen_on": "val" if self.positives else None,
            **asdict(self),
        }
        del record["positive"]
        return record


def called(
    scores: NDArray[np.floating], positive: int, threshold: float | NDArray[np.floating]
) -> NDArray[np.int64]:
    """Predict one of two classes: the positive one where its score is at least the threshold.

    Args:
        scores: [N, 2].
        positive: the number of the positive class.
        threshold: of all images, or of each: [N].

    Returns:
        Class numbers: int [N].
    """
    return np.where(scores[:, positive] >= threshold, positive, 1 - positive)


def positive_class(classes: Sequence[str], wanted: str | None = None) -> int:
    """Choose which of two classes is the finding: the number of the wanted one, else of the likely one.

    Raises:
        InvalidSetting: no such class; or none is wanted, and the names do not say which is the finding.
    """
    if wanted is not None:
        if wanted not in classes:
            raise InvalidSetting("positive", wanted, f"the classes are {', '.join(map(repr, classes))}")
        return list(classes).index(wanted)
    likely = likely_positive(classes)
    if likely is None:
        how = "both are" if all(_is_negative(name, classes) for name in classes) else "none is"
        raise InvalidSetting(
            "positive",
            True,
            f"name the positive class; of {' and '.join(map(repr, classes))} {how} named like a negative "
            "(normal, no finding, ...)",
        )
    return likely


def likely_positive(classes: Sequence[str]) -> int | None:
    """Choose which of two classes is the finding by their names: the one beside "normal", "No_Effusion", ...

    Returns:
        Its number; None where both or neither are named like a negative.
    """
    negative = [_is_negative(name, classes) for name in classes]
    return negative.index(False) if negative.count(False) == 1 else None


def _is_negative(name: str, classes: Sequence[str]) -> bool:
    """Whether a class is named like a negative: "No_Effusion", "NoFinding", "TB negative", "0.0".

    A negation joined to a word counts beside a class of that word: "nocovid" beside "covid19".
    """
    words = _words(name)
    joined = "".join(words)
    if words[:1] and words[0] in NEGATIONS:
        return not (words[1:] and words[1] in NEGATIVES)  # "not normal" is none
    if not NEGATIVES.isdisjoint([*words[:1], *words[-1:]]) or joined.endswith(("negative", "free")):
        return True
    others = ["".join(_words(other)) for other in classes if other != name]
    for negation in ("non", "no", "un"):
        rest = joined.removeprefix(negation)
        if rest != joined and len(rest) > 1 and rest not in NEGATIVES:
            return negation == "non" or rest.startswith(NOTHING) or any(of.startswith(rest) for of in others)
    return False


def _words(name: str) -> list[str]:
    """The words of a name in lower case, parted by blanks, signs and capitals; of a number its value."""
    try:
        return [f"{float(name):g}"]
    except ValueError:
        parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
        return re.findall(r"[^\W_]+", parted.lower())


@dataclass(frozen=True)
class Rule:
    """How an operating point is to be chosen: Youden's index, where nothing else is asked for.

    Attributes:
        sensitivity: reach at least this on validation, 0 < sensitivity <= 1.
        threshold: take this score, and look at no image.
    """

    sensitivity: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Check that no more than one is asked for."""
        if self.sensitivity is not None and self.threshold is not None:
            raise InvalidSetting(
                "threshold", self.threshold, "decides already; give no `sensitivity` with it"
            )


def choose_point(
    rule: Rule, name: str, positive: NDArray[np.bool_], scores: NDArray[np.floating]
) -> OperatingPoint:
    """Choose an operating point by a rule.

    Args:
        rule: how.
        name: the positive class's.
        positive: bool [N], of validation images.
        scores: [N], of the positive class.

    Raises:
        BadInput: images must decide and a class has none.
    """
    if rule.threshold is not None:
        return OperatingPoint(name, rule.threshold, "as given")
    if rule.sensitivity is not None:
        return sensitivity_point(name, positive, scores, rule.sensitivity)
    return youden_point(name, positive, scores)


def youden_point(name: str, positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> OperatingPoint:
    """Choose the threshold of the highest sensitivity + specificity (Youden 1950).

    Where several are as high, the one at which sensitivity and specificity are nearest to each other.

    Args:
        name: the positive class's.
        positive: bool [N], of validation images.
        scores: [N], of the positive class.

    Raises:
        BadInput: a class has no image.
    """
    thresholds, sensitivity, specificity = _candidates(positive, scores)
    index = np.round(sensitivity + specificity, 9)
    best = np.lexsort((np.abs(sensitivity - specificity), -index))[0]
    return _point(name, positive, thresholds, sensitivity, specificity, int(best), "Youden's index")


def sensitivity_point(
    name: str, positive: NDArray[np.bool_], scores: NDArray[np.floating], least: float
) -> OperatingPoint:
    """Choose the highest threshold with at least so much sensitivity.

    Args, raises: as `youden_point`; least: 0 < least <= 1.
    """
    thresholds, sensitivity, specificity = _candidates(positive, scores)
    enough = np.flatnonzero(sensitivity >= least - 1e-12)
    return _point(
        name,
        positive,
        thresholds,
        sensitivity,
        specificity,
        int(enough[-1]),
        f"sensitivity of {least:g} or more",
    )


def _candidates(
    positive: NDArray[np.bool_], scores: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """List all thresholds between scores, rising, with the sensitivity and specificity at each.

    A threshold lies midway between neighboring scores, so that rounding in a file moves no image across; the
    first is the lowest score, at which every image is called positive.
    """
    for name, images in (("positive", positive), ("negative", ~positive)):
        if not images.any():
            raise BadInput(
                f"validation has no {name} image to choose an operating point on; give `threshold`"
            )
    levels = np.unique(scores.astype(np.float64))
    thresholds = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2])
    missed = np.searchsorted(np.sort(scores[positive]), thresholds) / positive.sum()
    spared = np.searchsorted(np.sort(scores[~positive]), thresholds) / (~positive).sum()
    return thresholds, np.asarray(1 - missed), np.asarray(spared)


def _point(
    name: str,
    positive: NDArray[np.bool_],
    thresholds: NDArray[np.float64],
    sensitivity: NDArray[np.float64],
    specificity: NDArray[np.float64],
    place: int,
    rule: str,
) -> OperatingPoint:
    return OperatingPoint(
        positive=name,
        threshold=float(thresholds[place]),
        rule=rule,
        sensitivity=float(sensitivity[place]),
        specificity=float(specificity[place]),
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
    )
