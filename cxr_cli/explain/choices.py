"""The closed choices of saliency maps: completion, help and errors take them from here. Light to import."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

from cxr_cli.errors import InvalidSetting

GALLERY = "gradcam.json"
"""The file of a folder of saliency maps that says what they are of."""

Method = Literal["gradcam", "gradcam++", "hirescam", "layercam"]
METHOD_NAMES: Mapping[Method, str] = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
}
"""As their papers write them."""
Color = Literal["inferno", "viridis", "cividis", "red"]


class Pick(StrEnum):
    """Sample from all images, or from the run's true and false positives and negatives."""

    # Not a Literal, of which Typer takes no lists.
    RANDOM = "random"
    TP = "tp"
    FP = "fp"
    FN = "fn"
    TN = "tn"


def check_choice(field: str, value: str, allowed: Iterable[str]) -> None:
    """Check a value that a caller without a type checker may have misspelled.

    Args:
        field: name of the parameter.
        value: as given.
        allowed: all values that it may have.

    Raises:
        InvalidSetting: it is not one of these.
    """
    if value not in (allowed := tuple(allowed)):
        raise InvalidSetting(field, value, f"known are {', '.join(allowed)}")
