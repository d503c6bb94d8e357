"""Rule tables, and the strict loader that applies them: every tensor has its place or it raises."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.models.network import Variables
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.gray import fold_gray

Conversion = Literal["vector", "kernel", "dense", "stem"]
"""How a tensor becomes ours.

vector: as it is. kernel: OIHW to HWIO. dense: [O,I] to [I,O]. stem: OIHW to HWIO, folded to gray; it fills
`<target>.kernel` and `<target>.offset`.
"""


@dataclass(frozen=True)
class Rule:
    r"""Where the tensors of some keys go.

    Attributes:
        pattern: regular expression for the whole of a key in the file.
        target: dotted path of our leaf, where \1, \2 ... stand for the pattern's groups; list indices are
            digits: "stages.\1.conv1.kernel". For a stem, the path of the layer.
        convert: how the tensor becomes ours.
        head: the target belongs to a classifier, whose classes are the publisher's and not ours: it is loaded
            only if asked for, and its target has no groups.
    """

    pattern: str
    target: str
    convert: Conversion = "vector"
    head: bool = False


@dataclass(frozen=True)
class Naming:
    """How a publisher names the tensors of a family.

    Attributes:
        rules: for every tensor that we use.
        ignored: regular expressions for the whole keys of those that we do not.
        optional: our layers that a network may be built without, as a siamese network is without what
            classifies; the tensors of a layer that is not there are dropped.
        counts_from: what the publisher numbers the first of several layers; ours is 0.
    """

    rules: tuple[Rule, ...]
    ignored: tuple[str, ...]
    optional: tuple[str, ...] = ()
    counts_from: int = 0

    def place(self, key: str) -> tuple[Rule, str] | None:
        """Find the rule for a key of the file, and our path by it; None for a key that has none.

        Raises:
            ValueError: an error in the table: two rules for one key.
        """
        matches = [(rule, found) for rule in self.rules if (found := re.fullmatch(rule.pattern, key))]
        if len(matches) > 1:
            patterns = ", ".join(rule.pattern for rule, _ in matches)
            raise ValueError(f"{key} has {len(matches)} rules: {patterns}")
        if not matches:
            return None
        rule, found = matches[0]

        def ours(reference: re.Match[str]) -> str:
            group = found[int(reference[1])]
            return str(int(group) - self.counts_from) if group.isdecimal() else group

        return rule, re.sub(r"\\(\d)", ours, rule.target)

    def key_of(self, path: str) -> str:
        """Write the key that a leaf of ours would have in the file, to name a tensor that is missing."""
        for rule in self.rules:
            target = re.sub(r"\\\\\d", r"(\\w+)", re.escape(rule.target))
            found = re.fullmatch(rf"{target}\.kernel" if rule.convert == "stem" else target, path)
            if found:
                pattern = rule.pattern
                for group in found.groups():
                    theirs = str(int(group) + self.counts_from) if group.isdecimal() else group
                    pattern = re.sub(r"\([^?].*?\)", theirs, pattern, count=1)
                key = re.sub(r"\\\.\?|\(\?:|\)\?|\\", "", pattern)
                if (place := self.place(key)) and place[0] is rule:
                    return key
        return path


def batch_norm(pattern: str, target: str) -> tuple[Rule, ...]:
    """Rules of a batch normalization in torch's names; `pattern` and `target` are the layer's own."""
    return (
        Rule(rf"{pattern}\.weight", f"{target}.scale"),
        Rule(rf"{pattern}\.bias", f"{target}.bias"),
        Rule(rf"{pattern}\.running_mean", f"{target}.mean"),
        Rule(rf"{pattern}\.running_var", f"{target}.var"),
    )


def classifier(pattern: str, target: str) -> tuple[Rule, ...]:
    """Rules of the last dense layer in torch's names; `pattern` and `target` are the layer's own."""
    return (
        Rule(rf"{pattern}\.weight", f"{target}.kernel", "dense", head=True),
        Rule(rf"{pattern}\.bias", f"{target}.bias", head=True),
    )


BATCHES_SEEN = r".*\.num_batches_tracked"
"""Ignored: torch counts batches for a kind of momentum that no published network uses."""

HEADS = re.compile(r"(classifier|fc|head|last_linear|linear)\.[\w.]+")
"""Tensors of the classifiers that people put in the place of the publisher's: "classifier.0.weight"."""


class FirstConvolution(NamedTuple):
    """Where a file has a network's first convolution, and so by which names it has the others.

    Attributes:
        key: of its kernel in the file.
        prefix: what stands there before the names that the rules know, such as "module.densenet121.".
    """

    key: str
    prefix: str


def find_first_convolution(keys: Collection[str], namings: Iterable[Naming]) -> FirstConvolution | None:
    """Find the first convolution of a network in a file, None for a file without any.

    Of several keys that may be its, that is taken whose prefix and names give most keys a place; less than
    half of them is another network.
    """
    candidates = {
        FirstConvolution(key, found["prefix"]): naming
        for naming in namings
        for rule in naming.rules
        if rule.convert == "stem"
        for key in keys
        if (found := re.fullmatch(rf"(?P<prefix>(?:.*?\.)??){rule.pattern}", key))
    }

    def places(candidate: FirstConvolution) -> int:
        place, prefix = candidates[candidate].place, candidate.prefix
        return sum(key.startswith(prefix) and place(key[len(prefix) :]) is not None for key in keys)

    best = max(candidates, key=places, default=None)
    return best if best and 2 * places(best) > len(keys) else None


def _of_a_head(key: str, prefix: str) -> bool:
    """Whether a tensor is of a classifier, within the network or within a module around it."""
    around = ["", *(prefix[: dot.end()] for dot in re.finditer(r"\.", prefix))]
    return any(key.startswith(module) and HEADS.fullmatch(key, len(module)) for module in around)


def load_strict(
    state: Mapping[str, NDArray[Any]],
    naming: Naming,
    variables: Variables,
    card: Card,
    source: str,
    keep_head: bool = False,
    prefix: str = "",
) -> Variables:
    """Fill a network with a file's tensors: each is used once or ignored, and each leaf is filled once.

    Args:
        state: tensors by the file's keys.
        naming: the rules for these keys.
        variables: the network's arrays; only their shapes matter, except those of the head.
        card: of the weights; the stem is folded by it.
        source: the file, for messages.
        keep_head: load the classifier too, else the one in `variables` stays.
        prefix: what stands before the names that the rules know, in every key but those of a classifier.

    Returns:
        New nested dictionaries of float32 arrays, shaped as `variables`; the head's leaves are its own.

    Raises:
        BadInput: the first key that has no place, the first leaf without a tensor, a wrong shape, a tensor
            that is not of finite real numbers.
        ValueError: an error in the table: two rules for one key, or one leaf filled twice.
    """
    try:
        return _load(state, naming, variables, card, keep_head, prefix)
    except _Misfit as misfit:
        raise BadInput(f"{source}: {misfit}") from None


class _Misfit(Exception):
    """A tensor that has no place, or a place that has no tensor."""


def _load(
    state: Mapping[str, NDArray[Any]],
    naming: Naming,
    variables: Variables,
    card: Card,
    keep_head: bool,
    prefix: str,
) -> Variables:
    leaves = _flatten(variables.params) | _flatten(variables.stats)
    kept = set() if keep_head else {rule.target for rule in naming.rules if rule.head}
    absent = tuple(
        f"{layer}." for layer in naming.optional if not any(path.startswith(f"{layer}.") for path in leaves)
    )
    filled: dict[str, NDArray[np.float32]] = {}
    for key, tensor in state.items():
        if any(re.fullmatch(pattern, key) for pattern in naming.ignored):
            continue
        place = naming.place(key[len(prefix) :]) if key.startswith(prefix) else None
        if place is None and _of_a_head(key, prefix):
            continue
        if place is None:
            raise _Misfit(f"{key} is no tensor of {card.arch}")
        rule, target = place
        if (rule.head and not keep_head) or target.startswith(absent):
            continue
        for path, array in _convert(rule.convert, target, key, _checked(key, tensor), card):
            if path in filled:
                raise ValueError(f"{path} is filled twice, the second time by {key}")
            if path not in leaves:
                raise _Misfit(f"{key} would be {path}, which this {card.arch} has not")
            if array.shape != leaves[path].shape:
                raise _Misfit(
                    f"{key} has shape {tensor.shape}, which makes {path} {array.shape}; "
                    f"this {card.arch} needs {leaves[path].shape}"
                )
            filled[path] = array
    for path in leaves:
        if path not in filled and path not in kept:
            raise _Misfit(f"no tensor {prefix}{naming.key_of(path)} for {path} of {card.arch}")
    filled |= {path: leaf for path, leaf in leaves.items() if path in kept}
    return Variables(_unflatten(variables.params, filled), _unflatten(variables.stats, filled))


def _checked(key: str, tensor: NDArray[Any]) -> NDArray[np.float32]:
    if not np.issubdtype(tensor.dtype, np.floating):
        raise _Misfit(f"{key} holds {tensor.dtype}, real numbers are needed")
    with np.errstate(over="ignore"):  # what float32 cannot hold is not finite, and said below
        narrow = tensor.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise _Misfit(f"{key} holds values that are not finite")
    return narrow


RANKS: dict[Conversion, int] = {"vector": 1, "kernel": 4, "dense": 2, "stem": 4}


def _convert(
    conversion: Conversion, target: str, key: str, tensor: NDArray[np.float32], card: Card
) -> list[tuple[str, NDArray[np.float32]]]:
    """Turn a file's tensor into our leaves, by path."""
    if tensor.ndim != RANKS[conversion]:
        raise _Misfit(f"{key} has shape {tensor.shape}, {target} needs {RANKS[conversion]} dimensions")
    match conversion:
        case "vector":
            return [(target, tensor)]
        case "dense":
            return [(target, np.ascontiguousarray(tensor.T))]
        case "kernel":
            return [(target, np.ascontiguousarray(tensor.transpose(2, 3, 1, 0)))]
        case "stem":
            channels = tensor.shape[1]
            if channels != len(card.mean):
                raise _Misfit(
                    f"{key} has {channels} input channels, those of {card.name} are {len(card.mean)}"
                )
            kernel, offset = fold_gray(tensor.transpose(2, 3, 1, 0), card)
            return [(f"{target}.kernel", kernel), (f"{target}.offset", offset)]


def _flatten(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested dictionary's leaves by dotted path."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{prefix}{name}"
        leaves |= _flatten(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return leaves


def _unflatten(tree: Mapping[Any, Any], leaves: Mapping[str, Any], prefix: str = "") -> dict[Any, Any]:
    """Return a nested dictionary shaped as `tree` with these leaves."""
    return {
        name: _unflatten(value, leaves, f"{prefix}{name}.")
        if isinstance(value, Mapping)
        else leaves[f"{prefix}{name}"]
        for name, value in tree.items()
    }
