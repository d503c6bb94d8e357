"""What `cxr gradcam --check` does: maps of heat put to the proof."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cxr_cli.commands.console import CONSOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_cli.explain.explanation import Explanation, Question
    from cxr_cli.runs.folder import OpenRun

REPORT = "check.json"
TABLE = "check.csv"


def check_maps(
    output: Path,
    opened: "Sequence[OpenRun]",
    explanations: "Sequence[Explanation]",
    question: "Question",
    masks: Path | None,
    seed: int,
) -> None:
    """Put a run's maps to the proof: check.json, check.csv (image by image), and a table on stdout.

    Args:
        output: the folder for them; an earlier check is replaced.
        opened: the run, and maybe another one to compare with.
        explanations: of the same images by each.
        question: what they answer.
        masks: a folder of masks of findings.
        seed: of all that is drawn.

    Raises:
        BadInput: see `check_masks`.
        UsageFault: see `check_other_run`.
    """
    import numpy as np

    from cxr_cli.artifacts import write_csv, write_json
    from cxr_cli.dataset.settings import geometry_of
    from cxr_cli.explain import sanity as cam_check
    from cxr_cli.explain.sanity_text import format_check
    from cxr_cli.splitting.patients import patient_numbers

    run, explanation = opened[0].run, explanations[0]
    patients = patient_numbers(explanation.images.table)
    rng = np.random.default_rng(seed)
    parts: dict[str, Any] = {}
    table = explanation.table
    # What can be refused comes first.
    if masks is not None:
        geometry = geometry_of(opened[0].dataset)
        parts["masks"], columns = cam_check.check_masks(masks, explanation, geometry, patients, rng)
        table = table.assign(**columns)
    if len(explanations) > 1:
        other = cam_check.check_other_run(explanation, explanations[1], patients, rng)
        parts["other_run"] = {"run": str(opened[1].run.folder), **other}
    places = rng.permutation(len(explanation.maps))[: cam_check.IMAGES]
    maker = cam_check.map_maker(run, explanation, question)
    parts["repeating"] = cam_check.check_repeating(run, maker, places)
    with CONSOLE.progress("weights drawn anew") as advance:
        forgetting = cam_check.check_forgetting(run, maker, places, patients[places], rng, advance)
    report = {
        "run": str(run.folder),
        "method": question.method,
        "layer": explanation.layer,
        "target": question.target,
        "seed": seed,
        "cells": list(explanation.maps.shape[1:]),
        "images": len(explanation.maps),
        "without_heat": int((explanation.maps.max((1, 2)) <= 0).sum()),
        "forgetting": forgetting,
        **parts,
    }
    write_csv(output / TABLE, table)
    write_json(output / REPORT, report)
    typer.echo(format_check(report))
