"""Facts about the images, their labels, and the split."""

from cxr_cli.recorded_values import NOT_RECORDED
from cxr_cli.report.facts.words import count, counts, listed, plain, sentence, spaced
from cxr_cli.report.study import Study
from cxr_cli.splitting.criteria import SUBSETS

BY_DOMAIN = ("train_where", "train_per_class", "val_per_class")
"""Criteria of a split that restrict the training or validation images."""
ACQUISITION = ("manufacturer", "view_position", "portable")


def sources(study: Study) -> str:
    """Number of files, and the institutions they came from."""
    institutions = centers(study)
    files = count(study.dataset["counts"]["inputs"], "file")
    return f"{files} read.{f' {institutions}' if institutions else ''}"


def centers(study: Study) -> str | None:
    """Institutions of the images."""
    institutions = [name for name in study.characteristics.get("institution", {}) if name != NOT_RECORDED]
    return f"Institutions named in image headers or tables: {listed(institutions)}." if institutions else None


def exclusions(study: Study) -> str:
    """Files and images that were excluded, by reason."""
    views = study.dataset["settings"].get("views")
    included = f"Views included: {listed(views)}. " if views else ""
    return f"{included}{flow(study)}"


def flow(study: Study) -> str:
    """Numbers of files, images, and images in no subset."""
    numbers = study.dataset["counts"]
    rejected, left_out = (
        "; ".join(f"{reason}: {number}" for reason, number in reasons.items())
        for reasons in (study.rejected, study.split.get("left_out", {}))
    )
    return (
        f"{count(numbers['inputs'], 'file')}: {count(numbers['images'], 'image')}, "
        f"{numbers['rejected']} rejected{f' ({rejected})' if rejected else ''}"
        f"{f'; in no subset: {left_out}' if left_out else ''}."
    )


def preprocessing(study: Study) -> str:
    """What was done to the pixels."""
    settings, config = study.dataset["settings"], study.config
    crops = [
        f"{settings[name]:.0%} cropped from {where}; "
        for name, where in (("crop_top", "the top"), ("crop_border", "each border"))
        if settings.get(name)
    ]
    return (
        "Display-ready gray values (DICOM: modality LUT, VOI LUT or window, MONOCHROME1 inverted), 8 bits; "
        f"{''.join(crops)}resized to {config.size} × {config.size} pixels; gray values divided by 255, then "
        f"standardized (mean {config.mean:.3f}, standard deviation {config.std:.3f})."
    )


def selection(study: Study) -> str | None:
    """The condition for training images."""
    condition = study.split["criteria"].get("train_where")
    if not condition:
        return None
    return f"Training and validation images meet the condition “{condition}”; all other patients are tested."


def deidentification(study: Study) -> str:
    """What the tool itself did."""
    hashed = study.dataset["settings"].get("patient_key_digest")
    return (
        "No name, birth date, study date, or free text was copied from image headers; patient ids were "
        f"{'replaced by keyed hashes, and so were paths' if hashed else 'kept as provided'}."
    )


def missing(study: Study) -> str:
    """What is missing, and how it was handled."""
    unknown = {
        spaced(name): sum(values[NOT_RECORDED].values())
        for name, values in study.characteristics.items()
        if NOT_RECORDED in values
    }
    without = study.split.get("images_without_patient_id", 0)
    patients = (
        f"{count(without, 'image')} without a patient id, each treated as a separate patient"
        if without
        else "every image has a patient id"
    )
    not_recorded = "; ".join(f"{name} in {count(number, 'image')}" for name, number in unknown.items())
    return (
        f"No imputation; missing characteristics form a group of their own; {patients}."
        f"{f' Not recorded: {not_recorded}.' if unknown else ''}"
    )


def acquisition(study: Study) -> str | None:
    """Manufacturers, views, and portable systems, where headers or tables name them."""
    recorded = []
    for name in ACQUISITION:
        if name in study.characteristics:
            images = {value: sum(of.values()) for value, of in study.characteristics[name].items()}
            recorded.append(f"by {spaced(name)}: {counts(images)}")
    return f"Images {'; '.join(recorded)}." if recorded else None


def label_source(study: Study) -> str:
    """Where labels came from."""
    settings = study.dataset["settings"]
    tables = settings.get("labels") or []
    classes = f"Classes: {listed(study.config.classes)}"
    if not tables:
        return f"{classes}, labeled by the names of the images' folders."
    published = f" in the format {settings['format']}" if settings.get("format") else ""
    finding = f", finding {settings['finding']}" if settings.get("finding") else ""
    return f"{classes}, from {count(len(tables), 'label table')}{published}{finding}."


def partitions(study: Study) -> str:
    """How patients were assigned to subsets."""
    criteria = study.split["criteria"]
    seed = f"seed {criteria['seed']}"
    if criteria.get("from_column"):
        how = f"by the column “{criteria['from_column']}” of the label table"
    elif criteria.get("folds"):
        how = f"into {criteria['folds']} folds, with fold {study.config.fold} as the test set, {seed}"
    elif any(criteria.get(name) for name in BY_DOMAIN):
        by = [f"{spaced(name)} {plain(criteria[name])}" for name in BY_DOMAIN if criteria.get(name)]
        how = f"by domain ({'; '.join(by)}), {seed}; all other patients are tested"
    else:
        how = (
            f"at random within each class, {criteria['val']:.0%} for validation and {criteria['test']:.0%} "
            f"for testing, {seed}"
        )
    return f"Split {how}. {images_and_patients(study)}"


def images_and_patients(study: Study) -> str:
    """Images, patients, and classes of each subset."""
    subsets = [
        f"{subset}: {count(sum(study.images[subset].values()), 'image')} of "
        f"{count(study.patients[subset], 'patient')} ({counts(study.images[subset])})"
        for subset in SUBSETS
    ]
    return sentence("; ".join(subsets))


def disjoint(study: Study) -> str:
    """The level at which subsets are disjoint."""
    searched = study.split["criteria"].get("near_duplicates")
    pairs = count(len(study.split.get("near_duplicates", [])), "pair")
    near_duplicates = (
        f" Near-duplicate images of different patient ids: {pairs}, kept in the same subset."
        if searched
        else ""
    )
    return f"Patient: no patient is in two subsets (checked whenever the split is opened).{near_duplicates}"


def characteristics(study: Study) -> str | None:
    """Where the table of characteristics is."""
    first = (row[0].value for row in study.table_one.rows)
    named = [spaced(name) for name in first if name not in ("", "images", "patients", "class")]
    return f"By subset, in Table 1: {listed(named)}." if named else None


def differences(study: Study) -> str | None:
    """How test images differ from training images."""
    return external_test(study) or characteristics(study)


def external_test(study: Study) -> str | None:
    """Number of test images from outside the domain of the training images."""
    if not selection(study):
        return None
    inside = study.split.get("test_images_of_domain", 0)
    outside = sum(study.images["test"].values()) - inside
    condition = study.split["criteria"]["train_where"]
    return (
        f"{count(outside, 'test image')} outside the training domain (not meeting “{condition}”), "
        f"and {inside} inside it."
    )
