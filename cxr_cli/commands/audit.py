"""`cxr audit`: do the figures come from a shortcut? Of a RUN, or of a DATASET and its split alone."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import CONSOLE
from cxr_cli.errors import AuditFound, BadInput, UsageFault

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cxr_cli.dataset.store import Dataset
    from cxr_cli.runs.model_store import TrainedRun
    from cxr_cli.splitting.file import Split

EXAMINED = 10_000
"""Images that are looked at for shortcuts and associations; of more, whole patients are drawn."""
SEED = 0
"""Of what is drawn: the same audit again gives the same figures."""


def audit(
    place: Annotated[Path, typer.Argument(metavar="RUN|DATASET", help="A RUN, or a DATASET without one.")],
    split: Annotated[
        Path | None,
        typer.Option(help="The split.csv: needed for a DATASET; for a RUN where it is now, if it was moved."),
    ] = None,
    dataset: options.MovedDataset = None,
    fold: options.Fold = None,
    subset: Annotated[str, typer.Option(help="Images that the run is tried on: val, test or train.")] = "val",
    templates: options.Templates = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A characteristic that is not to be asked for; repeatable."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="End with code 5 if a shortcut, association or leak is found; repeatable."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="For audit.json and figures/audit.png. [RUN]"),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Figures as JSON. [DIR/audit.json]")] = None,
) -> None:
    """Look for shortcuts, associations and leaks.

    Does the class go with the manufacturer, the view, the source of an image? Can it be told from corners and
    borders, by this run or at all? Is a patient or a picture in two subsets? Test images are looked at for
    leaks alone, but with --subset test.
    """
    from cxr_cli.artifacts import write_json
    from cxr_cli.audit.findings import KINDS, findings
    from cxr_cli.audit.plot import audit_figure
    from cxr_cli.audit.text import format_audit
    from cxr_cli.runs.folder import FIGURES

    for kind in fail_on or ():
        if kind not in KINDS:
            raise UsageFault(f"--fail-on {kind!r}: known are {', '.join(KINDS)}")
    subject = _open(place, dataset, split, fold, subset, templates)
    # The run first: what it lacks is told before the rest is worked out.
    seen = _seen(subject, subset, templates)
    report: dict[str, Any] = {
        "run": str(place) if subject.run else None,
        "epoch": subject.run.epoch if subject.run else None,
        "dataset": str(subject.images.folder),
        "split": str(subject.split.path),
        "classes": list(subject.split.classes),
        "interval": "95 %, by patients: DeLong for the AUC of a class, else bootstrap",
        "association": _association(subject, ignore or []),
        "offered": _offered(subject),
        "seen": seen,
        "leaks": _leaks(subject),
    }
    report["findings"] = [finding._asdict() for finding in findings(report)]

    suffix = "" if subset == "val" else f"-{subset}"
    folder = output or (place if subject.run else None)
    if json or folder:
        write_json(json or Path(folder or "") / f"audit{suffix}.json", report)
    if folder:
        audit_figure(report, _pictures(subject.mean_image), folder / FIGURES / f"audit{suffix}.png")
    typer.echo(format_audit(report))
    found = sorted({finding["kind"] for finding in report["findings"]} & set(fail_on or ()), key=KINDS.index)
    if found:
        raise AuditFound(f"{place}: found: {', '.join(found)} (--fail-on)")


@dataclass(frozen=True)
class _Subject:
    """What is audited."""

    images: "Dataset"
    split: "Split"
    run: "TrainedRun | None"

    @cached_property
    def mean_image(self) -> "NDArray[np.uint8]":
        """The mean training image, uint8 [H, W]; every training image is read for it."""
        from cxr_cli.dataset.pixel_statistics import mean_image

        return mean_image(self.images.images, self.split.rows("train"))


def _open(
    place: Path,
    dataset: Path | None,
    split: Path | None,
    fold: int | None,
    subset: str,
    templates: Path | None,
) -> _Subject:
    from cxr_cli.dataset.store import INFO, open_dataset
    from cxr_cli.runs.config import CONFIG
    from cxr_cli.runs.folder import open_run_with_images
    from cxr_cli.splitting.file import open_split

    if not (place / CONFIG).exists() and not (place / INFO).exists():
        raise BadInput(f"{place}: neither a RUN (with {CONFIG}) nor a DATASET (with {INFO})")
    if (place / CONFIG).exists():
        if fold is not None:
            raise UsageFault(f"--fold {fold}: a run knows its fold")
        trained, images, division = open_run_with_images(place, dataset, split, CONSOLE)
        return _Subject(images, division, trained)
    for option, value in (("--dataset", dataset), ("--templates", templates)):
        if value is not None:
            raise UsageFault(f"{option} {value}: goes with a RUN; {place} is a DATASET")
    if subset != "val":
        raise UsageFault(f"--subset {subset}: goes with a RUN; {place} is a DATASET")
    if split is None:
        raise UsageFault(f"{place}: is a DATASET, which needs --split beside it")
    images = open_dataset(place)
    return _Subject(images, open_split(split, images, fold, leaks=True), None)


def _association(subject: _Subject, ignored: list[str]) -> dict[str, Any]:
    """How class and characteristics go together, over the images that train and validate."""
    import numpy as np

    from cxr_cli.audit.association import associations
    from cxr_cli.audit.levels import characteristics_of

    rows, extent = _sample(subject, ("train", "val"))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    characteristics = characteristics_of(subject.images.manifest.iloc[rows], ignored)
    rng = np.random.default_rng(SEED)
    found = associations(characteristics.table, labels, patients, subject.split.classes, rng)
    return {**extent, **found, "left_out": characteristics.left_out}


def _offered(subject: _Subject) -> dict[str, Any]:
    """How well a classifier made anew for each part of the image tells the classes."""
    import numpy as np

    from cxr_cli.audit.predictability import auc_figures, out_of_fold_scores, part_model, patient_folds
    from cxr_cli.audit.regions import VIEWS, cell_features

    rows, extent = _sample(subject, ("train", "val"))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    features = cell_features(subject.images.images, rows)
    folds = patient_folds(labels, patients, subject.split.classes)
    rng = np.random.default_rng(SEED)

    def figures(cells: "NDArray[np.bool_]") -> dict[str, Any]:
        of_part = features[:, cells].reshape(len(rows), -1)
        scores = out_of_fold_scores(part_model(), of_part, labels, folds)
        return auc_figures(labels, scores, patients, subject.split.classes, rng)

    seen = {view.name: figures(view.cells) for view in VIEWS if view.cells is not None}
    return {**extent, "views": _described(seen)}


def _seen(subject: _Subject, subset: str, templates: Path | None) -> dict[str, Any] | None:
    """How well the run tells the classes when it sees a part of the images; None without a run."""
    if subject.run is None:
        return None
    import numpy as np

    from cxr_cli.audit.occlusion import scores_by_view
    from cxr_cli.audit.predictability import auc_figures
    from cxr_cli.audit.regions import VIEWS

    subject.split.rows(subset)  # or say that there is none
    rows, extent = _sample(subject, (subset,))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    rng = np.random.default_rng(SEED)
    scores = scores_by_view(subject.run, subject.images.images, rows, VIEWS, subject.mean_image, templates)
    seen = {
        name: auc_figures(labels, of_view, patients, subject.split.classes, rng)
        for name, of_view in scores.items()
    }
    return {**extent, "views": _described(seen)}


def _leaks(subject: _Subject) -> dict[str, Any]:
    from cxr_cli.splitting.leaks import find_leaks

    leaks = find_leaks(subject.images, subject.split.subsets)
    return {name: [leak._asdict() for leak in of] for name, of in leaks._asdict().items()}


def _sample(subject: _Subject, subsets: tuple[str, ...]) -> "tuple[NDArray[np.int64], dict[str, Any]]":
    """The rows of subsets, or of so many patients that there are `EXAMINED`; and what they are."""
    import numpy as np

    rows = np.flatnonzero(np.isin(subject.split.subsets, subsets))
    if len(rows) > EXAMINED:
        patients = subject.split.patients[rows]
        order = np.random.default_rng(SEED).permutation(int(patients.max()) + 1)[patients]
        # A patient's images stand together in this order; the last patient may be cut.
        rows = np.sort(rows[np.argsort(order, kind="stable")[:EXAMINED]])
    patients = np.unique(subject.split.patients[rows])
    return rows, {"images": len(rows), "patients": len(patients), "subset": " and ".join(subsets)}


def _described(figures: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Put what is seen beside its figures."""
    from cxr_cli.audit.regions import VIEWS

    views = {view.name: view for view in VIEWS}
    return {
        name: {"words": views[name].words, "beside_lungs": views[name].beside_lungs, **of}
        for name, of in figures.items()
    }


def _pictures(mean: "NDArray[np.uint8]") -> "dict[str, NDArray[np.uint8]]":
    """The mean training image as each view shows it, the rest black."""
    import numpy as np

    from cxr_cli.audit.regions import VIEWS, see

    return {view.name: see(mean[None], view, np.zeros_like(mean))[0] for view in VIEWS}
