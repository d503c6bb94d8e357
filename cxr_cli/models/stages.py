"""A network's stages from the image to its answer: which stage an array belongs to, and which learn."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import nnx

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.nn.normalization import BatchNorm

Stages = tuple[tuple[str, ...], ...]
"""Dotted paths of modules and arrays, those of one depth together; see `Backbone.STAGES`."""


def frozen_stages(freeze: str, stages: Stages) -> int:
    """Return how many stages from the image on do not learn.

    Args:
        freeze: "none", "features" for all but the last, or a number.
        stages: of the network.

    Raises:
        InvalidSetting: none of these, or a number that leaves nothing to learn.
    """
    if freeze == "none":
        return 0
    if freeze == "features":
        return len(stages) - 1
    if freeze.isdecimal() and int(freeze) < len(stages):
        return int(freeze)
    raise InvalidSetting(
        "freeze",
        freeze,
        f"none, features, or a number of stages up to {len(stages) - 1}, "
        f"from the image on: {', '.join('+'.join(stage) for stage in stages)}",
    )


def freeze_statistics(module: nnx.Module, frozen: Stages) -> None:
    """Let batch normalization in these stages keep to its running statistics."""
    for path, part in nnx.iter_modules(module):
        name = ".".join(map(str, path))
        if isinstance(part, BatchNorm) and any(_within(name, stage) for stage in frozen):
            part.frozen = True


def stage_numbers(arrays: Mapping[Any, Any], stages: Stages) -> Any:
    """Return nested dictionaries like `arrays` with the number of each array's stage.

    Raises:
        ValueError: an array that belongs to no stage, or to two: an error in the architecture's table.
    """

    def number(path: tuple[Any, ...], _: Any) -> int:
        name = ".".join(str(key.key) for key in path)
        found = [index for index, stage in enumerate(stages) if _within(name, stage)]
        if len(found) != 1:
            raise ValueError(f"{name} is in {len(found)} of the stages {stages}")
        return found[0]

    return jax.tree_util.tree_map_with_path(number, arrays)


def _within(name: str, stage: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in stage)
