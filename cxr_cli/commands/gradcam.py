"""`cxr gradcam`: what in its images a trained RUN's scores rest on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE, say
from cxr_cli.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cxr_cli.explain.explanation import Choice, Explanation, Question
    from cxr_cli.explain.gallery import Look, Panel
    from cxr_cli.explain.select import ImageSet
    from cxr_cli.runs.folder import OpenRun

IMAGES_BY_DEFAULT = 16
WORDS = {
    "runs": "the run",
    "images": "the choice of images",
    "operating_points": "the operating point",
}
"""What to call the entries of a gallery's record that are no settings themselves."""


def gradcam(
    run: options.RunFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder of overlays to make.")
    ],
    subset: Annotated[str, typer.Option(help="Images to choose from: test, val or train.")] = "test",
    images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH|ID", help="Images by file, folder, zip archive or image_id, instead; repeatable."
        ),
    ] = None,
    pick: Annotated[
        list[str] | None,
        typer.Option(help="random, or by the run's prediction: tp, fp, fn or tn; repeatable. [random]"),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=0, help="Images to draw of each pick; 0: all. [16; all of --images or --check]"),
    ] = None,
    seed: options.Seed = 0,
    target: Annotated[
        str, typer.Option(metavar="predicted|label|CLASS", help="The class whose score is explained.")
    ] = "predicted",
    positive: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="The finding that --pick tp, fp, fn and tn are of. "
            "[--target CLASS; of two classes, the one not named like a negative]",
        ),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Siamese runs: explain the similarity of two images."),
    ] = None,
    method: Annotated[str, typer.Option(help="gradcam, gradcam++, hirescam or layercam.")] = "gradcam",
    layer: Annotated[
        str | None, typer.Option(help="The layer whose map is weighed, such as stage3. [the last]")
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Another run, of the same images cropped, say, to show beside it."),
    ] = None,
    color: Annotated[str, typer.Option(help="inferno, viridis, cividis or red.")] = "inferno",
    shared_scale: Annotated[
        bool, typer.Option("--shared-scale", help="One scale of heat for all images of a run.")
    ] = False,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also a DICOM Secondary Capture of each image that is DICOM.")
    ] = False,
    templates: options.Templates = None,
    check: Annotated[
        bool, typer.Option("--check", help="Put the maps to the proof instead of drawing them.")
    ] = False,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For --check: masks of findings, CLASS/NAME.png of CLASS/NAME.dcm."),
    ] = None,
    source_root: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the images' relative paths begin.")
    ] = Path(),
    dataset: options.MovedDataset = None,
    split: options.MovedSplit = None,
) -> None:
    """Show what in an image speaks for a score.

    DIR gets an overlay of each image at its own size, contact sheets (sheet.png), the maps themselves
    (maps.npz), and index.csv. What was cropped off has no heat, and an image without anything that speaks for
    the score is said to have none. The same command again goes on after an interruption.

    With --check, DIR gets check.json and check.csv: whether maps change when the model forgets what it has
    learnt, whether they come out the same again (and by --beside RUN, of another seed, say), and whether
    they lie on the findings of --masks.
    """
    from cxr_cli.explain.cam import choose_layer
    from cxr_cli.explain.cam_methods import check_method
    from cxr_cli.explain.explanation import Choice, Question
    from cxr_cli.explain.gallery import is_done, write_gallery
    from cxr_cli.explain.masks import find_masks
    from cxr_cli.explain.overlay import check_color
    from cxr_cli.explain.sanity_run import check_maps
    from cxr_cli.explain.select import check_picks
    from cxr_cli.prediction.metrics_file import read_operating_point
    from cxr_cli.runs.folder import open_run_with_images

    ways = pick or ["random"]
    check_picks(ways)
    check_method(method)
    check_color(color)
    names = list(pair or images or ())
    _refuse_without_use(pair, images, pick, count, beside)
    _refuse_without_check(check, masks, pair, dicom)
    opened = [
        open_run_with_images(run, dataset, split),
        *([] if beside is None else [open_run_with_images(beside)]),
    ]
    for each in opened:
        choose_layer(each.run, layer)
    if pair is not None and not opened[0].run.config.siamese:
        raise UsageFault(f"--pair: {run} is no siamese run and has no similarity of images")
    sets = _image_sets(opened, names, subset)

    drawn = count if count is not None else 0 if names or check else IMAGES_BY_DEFAULT
    choice = Choice(ways, drawn, seed, positive)
    question = Question(method, layer, target, templates)
    if check:
        if masks is not None:
            # Refused before anything is computed.
            find_masks(masks, sets[0].table["source"].tolist())
        explanations = _explanations(opened, sets, choice, question, pair=False)
        check_maps(output, opened, explanations, question, masks, seed)
        return
    settings = {
        "runs": [[each.run.config.digest, each.run.epoch, each.dataset.digest] for each in opened],
        "images": sets[0].table["image_id"].tolist() if names else subset,
        "pair": pair is not None,
        "pick": ways,
        "count": drawn,
        "seed": seed,
        "target": target,
        "positive": positive,
        "method": method,
        "layer": layer,
        "operating_points": [
            [point.positive, point.threshold] if (point := read_operating_point(each.run)) else []
            for each in opened
        ],
        "templates": _digest_templates(run, templates),
        "color": color,
        "shared_scale": shared_scale,
        "dicom": dicom,
    }
    if is_done(output, settings, WORDS):
        say(f"{output}: already done with these settings and images; nothing to do")
        return
    panels = _panels(opened, sets, choice, question, pair is not None)
    look = _look(opened, settings, source_root)
    with CONSOLE.progress("images") as advance:
        index = write_gallery(output, settings, panels, look, advance)
    _print_summary(output, index, dicom)


def _refuse_without_use(
    pair: tuple[str, str] | None,
    images: list[str] | None,
    pick: list[str] | None,
    count: int | None,
    beside: Path | None,
) -> None:
    """Refuse what a pair leaves no room for."""
    others = {"--images": images, "--pick": pick, "--count": count, "--beside": beside}
    for option, value in others.items():
        if pair is not None and value is not None:
            raise UsageFault(f"{option}: not with --pair, which says which images are explained")


def _refuse_without_check(check: bool, masks: Path | None, pair: tuple[str, str] | None, dicom: bool) -> None:
    """Refuse what only a check has a use for, or none has."""
    if masks is not None and not check:
        raise UsageFault("--masks: only with --check, which compares maps with masks")
    if check and (pair is not None or dicom):
        raise UsageFault(f"--check: not with {'--dicom' if pair is None else '--pair'}; it draws no images")


def _image_sets(opened: "Sequence[OpenRun]", names: list[str], subset: str) -> "list[ImageSet]":
    """Return the images to choose from, as each run takes them, the same ones in the same order."""
    from cxr_cli.explain.explanation import images_of_both, images_of_subset
    from cxr_cli.explain.select import images_named

    sets = [images_named(each.dataset, names) if names else images_of_subset(each, subset) for each in opened]
    if len(sets) == 1:
        return sets
    common = images_of_both(*sets)
    if len(common[0].rows) < len(sets[0].rows):
        say(f"images of the first run that the second has too: {len(common[0].rows)}")
    return list(common)


def _explanations(
    opened: "Sequence[OpenRun]",
    sets: "Sequence[ImageSet]",
    choice: "Choice",
    question: "Question",
    pair: bool,
) -> "list[Explanation]":
    """Explain the chosen images by each run."""
    from cxr_cli.explain.explanation import choose_images, explain_pair, explain_scores

    if pair:
        return [explain_pair(opened[0], sets[0], question)]
    places, ways = choose_images(opened[0], sets[0], choice, question)
    # Picked by what the first run says of them, not by what the second does.
    picked = (ways, [""] * len(ways))
    return [
        explain_scores(each, images.at(places), how, question)
        for each, images, how in zip(opened, sets, picked, strict=False)
    ]


def _panels(
    opened: "Sequence[OpenRun]",
    sets: "Sequence[ImageSet]",
    choice: "Choice",
    question: "Question",
    pair: bool,
) -> "list[Panel]":
    from cxr_cli.dataset.settings import geometry_of
    from cxr_cli.explain.gallery import Panel

    found = _explanations(opened, sets, choice, question, pair)
    return [
        Panel(
            name=str(each.run.folder),
            suffix=suffix,
            table=explanation.table,
            images=explanation.images.images,
            rows=explanation.images.rows,
            geometry=geometry_of(each.dataset),
            maps=explanation.maps,
            layer=explanation.layer,
            method=question.method,
        )
        for each, explanation, suffix in zip(opened, found, ("", "-beside"), strict=False)
    ]


def _look(opened: "Sequence[OpenRun]", settings: dict[str, Any], images: Path) -> "Look":
    import hashlib
    import json

    from cxr_cli.explain.gallery import Look

    hashed = [bool(each.dataset.info.get("settings", {}).get("patient_key_digest")) for each in opened]
    return Look(
        color=settings["color"],
        shared_scale=settings["shared_scale"],
        images=images,
        captures=settings["dicom"],
        hashed_patients=any(hashed),
        digest=hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
    )


def _digest_templates(run: Path, templates: Path | None) -> str | None:
    from cxr_cli.artifacts import digest_file
    from cxr_cli.runs.folder import TEMPLATES

    path = templates or run / TEMPLATES
    return digest_file(path) if path.is_file() else None


def _print_summary(output: Path, index: "pd.DataFrame", dicom: bool) -> None:
    from cxr_cli.explain.gallery import AT_FULL_SIZE, NO_HEAT, SHEET

    typer.echo(f"{output}: {index['image_id'].nunique()} images, see {SHEET}")
    without = int((index["note"] == NO_HEAT).sum())
    if without:
        typer.echo(f"  maps without positive values: {without} of {len(index)}")
    elsewhere = index.loc[index["drawn_on"] != AT_FULL_SIZE, "drawn_on"]
    for reason, images in elsewhere.value_counts().items():
        typer.echo(f"  drawn on the {reason}: {images}")
    if dicom:
        typer.echo(f"  DICOM Secondary Captures: {int((index['dicom'] != '').sum())} of {len(index)}")
