"""An audit of a RUN, or of a DATASET and its split: shortcuts, associations and leaks."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_cli.artifacts import write_record
from cxr_cli.audit.association import associations
from cxr_cli.audit.findings import Finding, correct_p, findings
from cxr_cli.audit.kinds import FindingKind
from cxr_cli.audit.levels import characteristics_of
from cxr_cli.audit.plot import audit_figure
from cxr_cli.audit.predictability import (
    REGIONS_PENALTY,
    auc_by_class,
    out_of_fold_scores,
    patient_folds,
    refitted_p,
    region_classifier,
)
from cxr_cli.audit.regions import REGIONS, cell_features, occlude
from cxr_cli.dataset.folder import INFO
from cxr_cli.dataset.pixel_statistics import mean_image
from cxr_cli.dataset.reader import Dataset, open_dataset
from cxr_cli.errors import AuditFound, BadInput, InvalidSetting
from cxr_cli.locks import locked
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.config import CONFIG
from cxr_cli.runs.folder import FIGURES, open_run_with_images
from cxr_cli.runs.model_store import TrainedRun
from cxr_cli.splitting.criteria import Subset
from cxr_cli.splitting.file import Split, open_split
from cxr_cli.splitting.leaks import Leaks, find_leaks

EXAMINED = 10_000
"""Images that are examined for shortcuts and associations; of more, a random sample of whole patients."""
SEED = 0
"""Of all sampling: the same audit again gives the same numbers."""
INTERVAL = "95%, by patients: DeLong for the AUC of a class, else bootstrap"


@dataclass(frozen=True)
class Extent:
    """The images that a part of an audit is about: how many, of how many patients, of which subsets."""

    images: int
    patients: int
    subset: str


@dataclass(frozen=True)
class Association:
    """How class and characteristics go together; see `association.associations`.

    Attributes:
        characteristics: metrics by characteristic, as in audit.json.
        together: AUC of a classifier of all characteristics; None without any.
        left_out: the characteristics not examined, and why.
    """

    extent: Extent
    characteristics: dict[str, dict[str, Any]]
    together: dict[str, Any] | None
    left_out: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """As audit.json has it."""
        rest = {name: value for name, value in vars(self).items() if name != "extent"}
        return {**asdict(self.extent), **rest}


@dataclass(frozen=True)
class RegionAucs:
    """AUC by visible region: `description`, `outside_lungs`, and AUCs as `auc_by_class` gives them."""

    extent: Extent
    regions: dict[str, dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """As audit.json has it."""
        return {**asdict(self.extent), "regions": self.regions}


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes:
        run: of a RUN, its folder; else None.
        model_id: of the run's model; None without a run.
        epoch: of the run's model; None without a run.
        dataset, split: what was examined.
        classes: names, sorted.
        association: between class and characteristics.
        refitted: AUC of a classifier refitted on each region.
        occlusion: AUC of the run where the rest of the image is occluded; None without a run.
        leaks: patients and images in more than one subset.
        findings: shortcuts, associations and leaks, in words.
    """

    run: Path | None
    model_id: str | None
    epoch: int | None
    dataset: Path
    split: Path
    classes: tuple[str, ...]
    association: Association
    refitted: RegionAucs
    occlusion: RegionAucs | None
    leaks: Leaks
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As audit.json has it."""
        return {
            "run": str(self.run) if self.run else None,
            "model_id": self.model_id,
            "epoch": self.epoch,
            "dataset": str(self.dataset),
            "split": str(self.split),
            "classes": list(self.classes),
            "interval": INTERVAL,
            "association": self.association.as_json(),
            "refitted": self.refitted.as_json(),
            "occlusion": self.occlusion and self.occlusion.as_json(),
            "leaks": {name: [leak._asdict() for leak in of] for name, of in self.leaks._asdict().items()},
            "findings": [finding._asdict() for finding in self.findings],
        }

    def refuse(self, kinds: Collection[FindingKind]) -> None:
        """Raise AuditFound if there is a finding of these kinds."""
        found = [
            kind for kind in FindingKind if kind in kinds and any(each.kind == kind for each in self.findings)
        ]
        if found:
            raise AuditFound(f"{self.run or self.dataset}: found: {', '.join(found)} (`fail_on`)")


def audit(
    place: Path | str,
    split: Path | str | None = None,
    *,
    dataset: Path | None = None,
    fold: int | None = None,
    subset: Subset = "val",
    templates: Path | None = None,
    ignore: Sequence[str] = (),
    output: Path | None = None,
    json: Path | None = None,
    reporter: Reporter = SILENT,
) -> AuditResult:
    """Look for shortcuts, associations and leaks; write audit.json and figures/audit.png.

    Args:
        place: a RUN, or a DATASET without one.
        split: split.csv; needed for a DATASET, and for a RUN if it was moved.
        dataset: of a RUN, where its DATASET is now, if it was moved.
        fold: of a DATASET, the fold that tests, where the split has folds.
        subset: the images that the run is applied to.
        templates: of a siamese run; None takes the run's own.
        ignore: characteristics not to examine.
        output: the folder to write into; None takes the RUN, or writes nothing.
        json: the file to write instead of audit.json.
        reporter: takes notices.

    Raises:
        InvalidSetting: settings that do not go with a run, or with a dataset.
        BadInput: `place` is neither, or lacks what is needed.
    """
    place = Path(place)
    split = Path(split) if split is not None else None
    subject = _open(place, dataset, split, fold, subset, templates, reporter)
    # The run first: what it lacks is reported before the rest is computed.
    occlusion = _occlusion(subject, subset, templates)
    association, refitted = _association(subject, ignore), _refitted(subject)
    correct_p(
        subject.split.classes,
        association.characteristics,
        *(of.regions for of in (occlusion, refitted) if of is not None),
    )
    result = AuditResult(
        run=place if subject.run else None,
        model_id=subject.run.model_id if subject.run else None,
        epoch=subject.run.epoch if subject.run else None,
        dataset=subject.dataset.folder,
        split=subject.split.path,
        classes=subject.split.classes,
        association=association,
        refitted=refitted,
        occlusion=occlusion,
        leaks=find_leaks(subject.dataset, subject.split.subsets),
    )
    result = replace(result, findings=tuple(findings(result.as_json())))

    suffix = "" if subset == "val" else f"-{subset}"
    folder = output or result.run
    with locked(Path(folder)) if folder else nullcontext():
        if json or folder:
            write_record(json or Path(folder or "") / f"audit{suffix}.json", result.as_json())
        if folder:
            mean = subject.mean_image
            images = {each.name: occlude(mean[None], each, np.zeros_like(mean))[0] for each in REGIONS}
            audit_figure(result.as_json(), images, folder / FIGURES / f"audit{suffix}.png")
    return result


@dataclass(frozen=True)
class _Subject:
    """What is audited."""

    dataset: Dataset
    split: Split
    run: TrainedRun | None

    @cached_property
    def mean_image(self) -> NDArray[np.uint8]:
        """The mean training image, uint8 [H, W]; every training image is read for it."""

        return mean_image(self.dataset.images, self.split.rows("train"))


def _open(
    place: Path,
    dataset: Path | None,
    split: Path | None,
    fold: int | None,
    subset: str,
    templates: Path | None,
    reporter: Reporter,
) -> _Subject:

    if not (place / CONFIG).exists() and not (place / INFO).exists():
        raise BadInput(f"{place}: neither a RUN (with {CONFIG}) nor a DATASET (with {INFO})")
    if (place / CONFIG).exists():
        if fold is not None:
            raise InvalidSetting("fold", fold, "a run knows its fold")
        opened = open_run_with_images(place, dataset, split, reporter)
        return _Subject(opened.dataset, opened.split, opened.run)
    for option, value in (("dataset", dataset), ("templates", templates)):
        if value is not None:
            raise InvalidSetting(option, value, f"goes with a RUN; {place} is a DATASET")
    if subset != "val":
        raise InvalidSetting("subset", subset, f"goes with a RUN; {place} is a DATASET")
    if split is None:
        raise InvalidSetting("split", True, f"{place} is a DATASET, which needs its split")
    opened_dataset = open_dataset(place)
    return _Subject(opened_dataset, open_split(split, opened_dataset, fold, leaks=True), None)


def _association(subject: _Subject, ignored: Sequence[str]) -> Association:
    """How class and characteristics go together, over the images that train and validate."""

    rows, extent = _sample(subject, ("train", "val"))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    characteristics = characteristics_of(subject.dataset.manifest.iloc[rows], ignored)
    rng = np.random.default_rng(SEED)
    found = associations(characteristics.table, labels, patients, subject.split.classes, rng)
    return Association(extent, found["characteristics"], found["together"], characteristics.left_out)


def _refitted(subject: _Subject) -> RegionAucs:
    """Fit a classifier to each region of the image, and compute how well it predicts the class."""

    rows, extent = _sample(subject, ("train", "val"))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    features = cell_features(subject.dataset.images, rows)
    folds = patient_folds(labels, patients, subject.split.classes)
    rng = np.random.default_rng(SEED)

    def aucs(cells: NDArray[np.bool_]) -> dict[str, Any]:
        of_region = features[:, cells].reshape(len(rows), -1)
        scores = out_of_fold_scores(region_classifier(), of_region, labels, folds)
        p = refitted_p(of_region, labels, patients, folds, REGIONS_PENALTY, rng)
        return auc_by_class(labels, scores, patients, subject.split.classes, rng, (folds, p))

    regions = {region.name: aucs(region.cells) for region in REGIONS if region.cells is not None}
    return RegionAucs(extent, _described(regions))


def _occlusion(subject: _Subject, subset: str, templates: Path | None) -> RegionAucs | None:
    """Compute the run's AUC with all but one region occluded; None without a run."""
    if subject.run is None:
        return None

    subject.split.rows(subset)  # refuses a subset without an image
    rows, extent = _sample(subject, (subset,))
    labels, patients = subject.split.labels[rows], subject.split.patients[rows]
    rng = np.random.default_rng(SEED)
    from cxr_cli.audit.occlusion import scores_by_region  # imports JAX, which a DATASET does not need

    scores = scores_by_region(
        subject.run, subject.dataset.images, rows, REGIONS, subject.mean_image, templates
    )
    regions = {
        name: auc_by_class(labels, of_region, patients, subject.split.classes, rng)
        for name, of_region in scores.items()
    }
    return RegionAucs(extent, _described(regions))


def _sample(subject: _Subject, subsets: tuple[str, ...]) -> tuple[NDArray[np.int64], Extent]:
    """Return the rows of subsets, or a random sample of `EXAMINED` of them by whole patients."""

    rows = np.flatnonzero(np.isin(subject.split.subsets, subsets))
    if len(rows) > EXAMINED:
        patients = subject.split.patients[rows]
        order = np.random.default_rng(SEED).permutation(int(patients.max()) + 1)[patients]
        # A patient's images stand together in this order; the last patient may be cut.
        rows = np.sort(rows[np.argsort(order, kind="stable")[:EXAMINED]])
    patients = np.unique(subject.split.patients[rows])
    return rows, Extent(len(rows), len(patients), " and ".join(subsets))


def _described(aucs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Put a region's description beside its AUCs."""

    regions = {region.name: region for region in REGIONS}
    return {
        name: {"description": regions[name].description, "outside_lungs": regions[name].outside_lungs, **of}
        for name, of in aucs.items()
    }
