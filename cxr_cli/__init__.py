"""Chest X-ray classification studies, from the shell and from Python. For research, not for diagnosis.

    from cxr_cli import preprocess, split, train, test

Each command's work is one of these functions; docs/python.md shows them at work.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.2.0"

FUNCTIONS = {
    "preprocess": "cxr_cli.dataset.preprocess",
    "split": "cxr_cli.splitting.split",
    "describe": "cxr_cli.splitting.describe",
    "train": "cxr_cli.training.train",
    "crossval": "cxr_cli.training.crossval",
    "validate3way": "cxr_cli.prediction.validate3way",
    "template": "cxr_cli.prediction.templates",
    "test": "cxr_cli.prediction.test",
    "external_test": "cxr_cli.prediction.external",
    "stratify": "cxr_cli.prediction.stratify",
    "compare": "cxr_cli.prediction.compare",
    "predict": "cxr_cli.prediction.predict",
    "load_run": "cxr_cli.prediction.loaded_run",
    "predict_files": "cxr_cli.prediction.predict_files",
    "audit": "cxr_cli.audit.run",
    "gradcam": "cxr_cli.explain.gradcam",
    "report": "cxr_cli.report.run",
    "export": "cxr_cli.prediction.export",
}
"""The functions of this package and their modules, loaded at first use: they import JAX and pandas."""


def __getattr__(name: str) -> Any:
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'cxr_cli' has no attribute {name!r}")
    function = getattr(import_module(FUNCTIONS[name]), name)
    globals()[name] = function
    return function


class _Package(ModuleType):
    """Keeps `audit` and `report` the functions when the subpackages of these names are imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in FUNCTIONS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
