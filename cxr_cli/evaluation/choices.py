"""The closed choices of evaluation: completion, help and errors take them from here. Light to import."""

from typing import Literal

TableFormat = Literal["table", "csv", "json", "latex", "markdown"]
"""How tables of results are written."""

ShownFormat = TableFormat | Literal["html"]
"""The same, and how a notebook shows them."""

CalibrationMethod = Literal["temperature", "platt", "isotonic"]
"""How scores are recalibrated."""
