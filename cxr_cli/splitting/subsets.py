"""The names of a split's subsets. Light to import: command lines take their choices from here."""

from typing import Literal

Subset = Literal["train", "val", "test"]
