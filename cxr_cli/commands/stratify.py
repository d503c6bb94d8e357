"""`cxr stratify`: the figures of a model by characteristics of the images."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from cxr_cli.evaluation.metrics.answers import Answers
    from cxr_cli.evaluation.subgroups.strata import Stratum
    from cxr_cli.evaluation.subgroups.tables import Subject
    from cxr_cli.plots.plots import Curve
    from cxr_cli.prediction.predictions_file import Predictions


class Format(StrEnum):
    """How tables are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"
    MARKDOWN = "markdown"


FILES = {
    Format.TABLE: "strata.txt",
    Format.CSV: "strata.csv",
    Format.JSON: "strata.json",
    Format.LATEX: "strata.tex",
    Format.MARKDOWN: "strata.md",
}


INTERVALS = (
    "95 % intervals by patients: AUC by DeLong; proportions by Wilson where each image of a\n"
    "stratum is of its own patient, or all images or none are hits; the rest by bootstrap"
)


def stratify(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS", help="A predictions.csv, or any table with label and score_<class>."
        ),
    ],
    by: Annotated[
        list[str],
        typer.Option(
            metavar="COLUMN",
            help="A characteristic; repeatable. `a,b` crosses two; `age:40,60` puts numbers into bins.",
        ),
    ],
    compare: Annotated[
        Path | None, typer.Option(metavar="OTHER", help="Another model's predictions of the same images.")
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="The finding; of more than two classes, against all others."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Call images positive from this score on. [as the table's column `predicted` says]"
        ),
    ] = None,
    small: Annotated[int, typer.Option(min=0, help="Mark strata with fewer images of a class.")] = 20,
    form: Annotated[Format, typer.Option("--format", help="How tables are printed.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for all tables and ROC figures.")
    ] = None,
    resamples: options.Resamples = 2000,
    seed: options.Seed = 0,
) -> None:
    """Print every figure of a model by characteristics of the images.

    Counts and figures with intervals by patients, ROC curves, and each stratum's difference to all other
    images, with a permutation test, corrected for the number of differences (Holm). What is not recorded is a
    stratum of its own.
    """
    import numpy as np

    from cxr_cli.artifacts import write_text
    from cxr_cli.evaluation.subgroups.strata import compare_strata, describe_strata, divide
    from cxr_cli.evaluation.subgroups.tables import Subject
    from cxr_cli.plots.plots import roc_curves
    from cxr_cli.prediction.predictions_file import match_images, read_predictions

    table, other = read_predictions(predictions, positive, threshold), None
    if compare is not None:
        images = len(table.images)
        whole = read_predictions(compare, positive or table.positive, threshold)
        table, other = match_images(table, whole)
        _tell_left_out({predictions: images, compare: len(whole.images)}, len(table.images))
    if not table.has_patients:
        say(f"{predictions}: no column patient_id: each image counts as a patient of its own")
    divisions = divide(by, table.column, str(predictions))
    for name, strata_of in divisions.items():
        _tell_spellings(name, list(strata_of))

    rng = np.random.default_rng(seed)
    strata = describe_strata(table.answers, divisions, rng, resamples, small)
    if other is not None:
        strata = compare_strata(strata, table.answers, other.answers, divisions, rng, resamples)
    subject = Subject(table.answers.classes, table.answers.positive, small)
    about = _about(table, other) | {"resamples": resamples, "seed": seed, "small": small}
    texts = _texts(strata, subject, about)
    typer.echo(texts[form], nl=False)
    if output is not None:
        for file, text in zip(FILES.values(), texts.values(), strict=True):
            write_text(output / file, text)
        for name, curves in _roc_curves(table.answers, divisions, strata).items():
            roc_curves(curves, name, output / f"roc-{re.sub('[^A-Za-z0-9_.-]+', '-', name)}.png")
        say(f"{output}: {', '.join(FILES.values())} and ROC curves")


def _tell_left_out(images: dict[Path, int], shared: int) -> None:
    for path, count in images.items():
        if count > shared:
            say(f"{path}: {count - shared} of {count} images are not in the other table and are left out")


def _tell_spellings(by: str, names: list[str]) -> None:
    """Tell of strata that may be one, spelled in two ways; they stay apart."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name.casefold().strip(), []).append(name)
    for alike in spellings.values():
        if len(alike) > 1:
            say(f"{by}: {' and '.join(map(repr, alike))} differ in case or blanks alone; they stay apart")


def _about(table: "Predictions", other: "Predictions | None") -> dict[str, Any]:
    """Say what the tables are of."""
    about = {
        "predictions": str(table.path),
        "positive": table.positive,
        "predicted": table.rule,
        "interval": INTERVALS,
    }
    if other is not None:
        about |= {"compared_with": str(other.path), "predicted_there": other.rule}
    return about


def _texts(strata: "Sequence[Stratum]", subject: "Subject", about: dict[str, Any]) -> dict[Format, str]:
    """Lay the strata out in every format."""
    import json

    import pandas as pd

    from cxr_cli.evaluation.subgroups import tables as strata_tables

    lines = _about_lines(about)
    table = pd.DataFrame(strata_tables.records(strata, subject))
    in_one_line = about["interval"].replace("\n", " ")
    content = {**about, "interval": in_one_line, "strata": strata_tables.as_json(strata, subject)}
    return {
        Format.TABLE: "\n".join([*lines, "", strata_tables.as_text(strata, subject), ""]),
        Format.CSV: table.to_csv(index=False),
        Format.JSON: json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        Format.LATEX: "\n".join(
            [*(f"% {line}" for line in lines), strata_tables.as_latex(strata, subject), ""]
        ),
        Format.MARKDOWN: "\n\n".join([*lines, strata_tables.as_markdown(strata, subject)]) + "\n",
    }


def _about_lines(about: dict[str, Any]) -> list[str]:
    positive = "" if about["positive"] is None else f"positive: {about['positive']}, "
    lines = [f"{about['predictions']}: {positive}{about['predicted']}"]
    if "compared_with" in about:
        lines.append(f"the other model: {about['compared_with']}: {about['predicted_there']}")
    return [*lines, *about["interval"].split("\n")]


def _roc_curves(
    answers: "Answers",
    divisions: "Mapping[str, Mapping[str, NDArray[np.bool_]]]",
    strata: "Sequence[Stratum]",
) -> "dict[str, list[Curve]]":
    """Make the curves of each characteristic's strata; for each class, where none is the finding."""
    from cxr_cli.plots.roc import curve_of

    one = answers.positive is not None
    found: dict[str, list[Curve]] = {}
    for number, label in enumerate(answers.classes):
        if answers.positive not in (None, number):
            continue
        for stratum in strata:
            if stratum.by:
                images = answers.take(divisions[stratum.by][stratum.name])
                name = f"{stratum.name}{' *' * stratum.small}"
                curve = curve_of(images, number, name, stratum.estimates.per_class["auc"][number].as_json())
                found.setdefault(stratum.by if one else f"{stratum.by}, {label}", []).append(curve)
    return found
