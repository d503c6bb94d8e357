"""Colors of classes and curves: one for each number, wherever it is drawn."""

COLORS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b5478a",
    "#8a6d00",
    "#3f90c9",
    "#6a3d9a",
    "#8c4a2f",
    "#4d4d4d",
    "#c21e3a",
)
"""Told apart with every color vision, for the most part (Okabe & Ito 2008), and dark enough for lines."""
DASHES = ("-", "--", ":")
REST = "0.6"
"""Of the images of all other classes."""


def color_of(number: int) -> str:
    """Return the color of a class, or of another thing that is numbered; they repeat after ten."""
    return COLORS[number % len(COLORS)]


def dashes_of(number: int) -> str:
    """Return the line style of a number: dashed, then dotted, where colors repeat."""
    return DASHES[number // len(COLORS) % len(DASHES)]
