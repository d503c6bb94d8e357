"""The layouts of published label tables by name; light, for the command line reads it."""

from typing import Literal

Format = Literal["nih", "rsna", "covidx", "cohen", "chexpert", "padchest", "vindr", "mimic", "siim", "openi"]
