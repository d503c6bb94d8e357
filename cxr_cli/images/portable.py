"""Whether an image was taken with a mobile unit or in an X-ray room: rules over the header, weighed.

No tag says it. The rules look for words in the tags that are informative, and each word found weighs for a
mobile unit (+) or for a room (-). That an image is AP weighs nothing: rooms take AP images too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Portability = Literal["portable", "fixed", "unknown"]

DECISIVE = 2
"""The weight, either way, from which on an image is said to be one or the other."""

MODEL = ("ManufacturerModelName",)
STATION = ("StationName",)
DESCRIPTIONS = (
    "StudyDescription",
    "SeriesDescription",
    "PerformedProcedureStepDescription",
    "RequestedProcedureDescription",
    "ProtocolName",
)
VIEW = ("ViewPosition",)
KEYWORDS = (*MODEL, *STATION, *DESCRIPTIONS, *VIEW)
"""The tags that the rules read."""


@dataclass(frozen=True)
class Rule:
    """A word (regular expression, any case, not within a longer word) that weighs so much in these tags."""

    tags: tuple[str, ...]
    word: re.Pattern[str]
    weight: int


def _rule(tags: tuple[str, ...], word: str, weight: int) -> Rule:
    return Rule(tags, re.compile(rf"(?<![^\W\d_])(?:{word})(?![^\W\d_])", re.IGNORECASE), weight)


RULES = (
    # Product names; what is only a detector or a plate reader (DRX-1, CXDI, AeroDR) says nothing of the tube.
    _rule(MODEL, r"mobil\w*|portable|practix\w*|polymobil\w*", +5),
    _rule(
        MODEL, r"\w*amx\w*|vmx\w*|fdr[ -]?(?:go|nano|aqro|xair)|drx[ -]?(?:revolution|rise|transportable)", +5
    ),
    _rule(MODEL, r"dx-?d ?100|dr ?100[es]|mobiledart\w*|mux-?\d+\w*|gm ?(?:60|85)\w*|sirius\w*|mkdr", +5),
    _rule(
        MODEL, r"digitaldiagnost|essenta|duradiagnost|buckydiagnost|prograde|combidiagnost|thoravision", -5
    ),
    _rule(MODEL, r"ysio|multix|aristos|vertix|luminos|multitom|thorax ?fd", -5),
    _rule(MODEL, r"definium [568]0\d\d|discovery xr\d*|revolution xr/?d|xq/?i|proteus|optima xr6\d\d", -5),
    _rule(
        MODEL, r"fdr (?:acselerate|smart|visionary|velocity|clinica)|drx[ -]?(?:evolution|ascend|compass)", -5
    ),
    _rule(MODEL, r"dx-?d ?[3-6]00|dr ?[468]00|radspeed|g[cu] ?[68]\d\w*|dr ?[379]500", -5),
    _rule(DESCRIPTIONS, r"(?<!non[ -])(?<!not )(?:portables?|bedside|mobile)", +3),
    _rule(DESCRIPTIONS, r"(?:non|not)[ -]portable", -3),
    # Not the port of a catheter.
    _rule(DESCRIPTIONS, r"port(?!\W*(?:a\W*cath|cath|placement|check|insert|remov))", +3),
    _rule(DESCRIPTIONS, r"bettlunge|bettaufnahme|au lit|al letto", +3),
    # Not where the order leaves it open: AP or PA.
    _rule(DESCRIPTIONS, r"(?<!ap/)(?<!ap )(?<!ap or )pa(?!/ap| ap| or ap)", -2),
    _rule(DESCRIPTIONS, r"2 ?v(?:ws?|iews?)?|two views?|(?:and|&) lat(?:eral)?", -2),
    _rule(DESCRIPTIONS, r"upright|erect|standing", -1),
    _rule(STATION, r"port(?:able)?|mob(?:ile)?|amx", +2),
    _rule(STATION, r"(?:xr|x-?ray|dx|dr|cr)?[-_ ]?(?:room|rm)|bucky|wall", -2),
    # A PA image needs a stand.
    _rule(VIEW, r"pa", -2),
)


def portability(stated: Mapping[str, str]) -> tuple[Portability, str]:
    """Weigh the rules over a header's values.

    Args:
        stated: values by keyword, of those in KEYWORDS.

    Returns:
        "portable" or "fixed" if the words found weigh DECISIVE either way, else "unknown"; and the evidence:
        the tags, only the words that rules found in them, and their weights.
    """
    found = list(_findings(stated))
    weight = sum(weight for _, _, weight in found)
    evidence = "; ".join(f"{tag} {word} {weight:+d}" for tag, word, weight in found)
    if abs(weight) < DECISIVE:
        return "unknown", evidence
    return ("portable" if weight > 0 else "fixed"), evidence


def _findings(stated: Mapping[str, str]) -> Iterator[tuple[str, str, int]]:
    """A rule counts once, for the first tag that it fits: one order text is copied to many tags."""
    for rule in RULES:
        for tag in rule.tags:
            match = rule.word.search(stated.get(tag, ""))
            if match:
                yield tag, match.group(), rule.weight
                break
