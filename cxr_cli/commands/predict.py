"""`cxr predict`: images without labels -> a table of predictions, or lines of JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.compiling import compiles
from cxr_cli.commands.console import CONSOLE, say, show
from cxr_cli.errors import UsageError


@compiles
def predict(
    run: options.ModelFolder,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT...", help="A DATASET; or image files, folders, zip archives."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The predictions to write. [stdout]"),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Sort by the score for this class, highest first. [of two classes the positive one; "
            "else the order of the images]",
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--json", help="Of files: a line of JSON for each, as soon as it is predicted.")
    ] = False,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Predict files as they arrive, each once; needs -o FILE of lines."
        ),
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="For --watch: stop when no file came for so long. [never]"),
    ] = None,
    members: Annotated[
        list[Path] | None,
        typer.Option("--member", metavar="RUN", help="Average with this run, too; repeatable."),
    ] = None,
    templates: options.Templates = None,
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Predict images without labels.

    A DATASET must be preprocessed with the size and crops of the run's own images. Files are preprocessed on
    the way exactly as these were. A file that cannot be read, or is of another view, is rejected by name; an
    image that is far from the training images in feature space is flagged, and has no prediction. With two
    classes, an image is called positive at the operating point that `cxr test` chose. Images, and patients,
    of training and validation are named in the column `overlap`.
    """
    from cxr_cli.dataset.folder import INFO

    if idle is not None and watch is None:
        raise UsageError("--idle: only with --watch")
    settings: dict[str, Any] = {"members": members or (), "templates": templates}
    if watch is not None:
        if inputs or first or lines or output is None:
            raise UsageError(
                "--watch: needs -o FILE for its lines of JSON, and takes no INPUT, --first or --json"
            )
        _watch(run, watch, output, idle, {**settings, "dataset": dataset, "split": split})
        return
    if not inputs:
        raise UsageError("INPUT: a DATASET, or image files, folders or zip archives are needed, or --watch")
    if len(inputs) == 1 and (inputs[0] / INFO).is_file():
        if lines:
            raise UsageError("--json: is for files; a DATASET's predictions are a table")
        from cxr_cli.prediction.predict import predict as predict_dataset

        settings |= {"own_dataset": dataset, "own_split": split}
        result = predict_dataset(run, inputs[0], output=output, first=first, **settings, reporter=CONSOLE)
        if result.path is None:
            show(result.table.to_csv(index=False), data=True, end="")
        else:
            say(f"{result.path}: {len(result.table)} images")
        return
    from cxr_cli.prediction.predict_files import predict_files

    records = predict_files(run, inputs, **settings, dataset=dataset, split=split, reporter=CONSOLE)
    if lines:
        _print_lines(records, output)
    else:
        _print_table(list(records), output, first)


def _print_lines(records: Iterator[dict[str, Any]], output: Path | None) -> None:
    from cxr_cli.artifacts import write_text

    if output is None:
        for record in records:
            show(json.dumps(record, ensure_ascii=False), data=True)
    else:
        every = list(records)
        write_text(output, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in every))
        say(f"{output}: {len(every)} files")


def _print_table(records: list[dict[str, Any]], output: Path | None, first: str | None) -> None:
    """Print a table of the predicted and flagged images; rejected files go to stderr."""
    import pandas as pd

    from cxr_cli.artifacts import write_csv
    from cxr_cli.errors import BadInput
    from cxr_cli.images.raster import DESPITE
    from cxr_cli.prediction.columns import SCORE, THRESHOLD
    from cxr_cli.prediction.predictions_file import by_score

    rejected = [record for record in records if "rejected" in record]
    for record in rejected:
        say(f"rejected: {record['source']}: {record['rejected']}")
    if len(rejected) == len(records):
        raise BadInput(f"none of {len(records)} files is an image that can be predicted")
    table = pd.DataFrame([record for record in records if "rejected" not in record])
    named = [str(name).removeprefix(THRESHOLD) for name in table if str(name).startswith(THRESHOLD)]
    first = first or (named[0] if named else None)
    if first is not None:
        if f"{SCORE}{first}" not in table:
            raise UsageError(f"--first {first}: the run has no such class")
        table = by_score(table.astype({f"{SCORE}{first}": float}), first)
    flagged = int((table["flag"] != "").sum())
    doubtful = int(table["pixel_mapping"].str.contains(DESPITE).sum())
    if output is None:
        show(table.to_csv(index=False), data=True, end="")
    else:
        write_csv(output, table)
        say(f"{output}: {len(table)} images")
    say(f"{len(table) - flagged} images predicted, {flagged} flagged, {len(rejected)} files rejected")
    if doubtful:
        say(f"images whose header and pixels disagree: {doubtful} (column pixel_mapping)")


def _watch(run: Path, folder: Path, output: Path, idle: float | None, settings: dict[str, Any]) -> None:
    from cxr_cli.prediction.ensemble import open_ensemble
    from cxr_cli.prediction.predict_files import FilePredictor, watch_folder
    from cxr_cli.training.run import preemption

    ensemble = open_ensemble(run, settings.pop("members"))
    # A file is predicted as soon as it is there.
    predictor = FilePredictor(ensemble, 1, **settings, reporter=CONSOLE)
    with preemption() as stopped:
        count = watch_folder(folder, output, predictor, idle=idle, stopped=stopped, reporter=CONSOLE)
    say(f"{output}: {count} files predicted")
