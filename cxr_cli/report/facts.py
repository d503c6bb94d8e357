"""What a study's files tell, each fact in a sentence or two; None where they tell nothing of it."""

from collections.abc import Mapping
from typing import Any

from cxr_cli.evaluation.report import format_metric
from cxr_cli.recorded_values import NOT_RECORDED
from cxr_cli.report.study import Study
from cxr_cli.splitting.criteria import SUBSETS
from cxr_cli.training.recipes import value_of

BY_DOMAIN = ("train_where", "train_per_class", "val_per_class")
"""Criteria of a split whose training images are of one kind, or so many."""
FAIRNESS = ("sex", "age")
"""Characteristics of people, not of machines."""


def technology(study: Study) -> str:
    """Name the kind of model, and what it tells apart."""
    kind = "a siamese convolutional network" if study.config.siamese else "a convolutional network"
    return (
        f"Deep learning: {kind} ({study.config.network.arch}) that tells {_listed(study.config.classes)} apart on "
        "chest radiographs."
    )


def sources(study: Study) -> str:
    """Tell where images came from, as far as the files say."""
    inputs = study.inputs["counts"]["inputs"]
    institutions = _values(study, "institution")
    told = f" Institutions: {_listed(institutions)}." if institutions else ""
    return f"{_count(inputs, 'file')} read.{told}"


def centers(study: Study) -> str | None:
    """Name the institutions of the images."""
    institutions = _values(study, "institution")
    return f"Institutions in the images' headers: {_listed(institutions)}." if institutions else None


def exclusions(study: Study) -> str:
    """Tell which files gave no image, and which images are in no subset, by reason."""
    views = study.inputs["settings"].get("views")
    taken = f"Views taken: {_listed(views)}. " if views else ""
    return f"{taken}{flow(study)}"


def flow(study: Study) -> str:
    """Count files, images and images in use."""
    counts = study.inputs["counts"]
    rejected = _counts(study.rejected)
    left_out = _counts(study.division.get("left_out", {}))
    return (
        f"{_count(counts['inputs'], 'file')}: {_count(counts['images'], 'image')}, "
        f"{counts['rejected']} rejected{f' ({rejected})' if rejected else ''}"
        f"{f'; in no subset: {left_out}' if left_out else ''}."
    )


def preprocessing(study: Study) -> str:
    """Tell what was done to the pixels."""
    settings, config = study.inputs["settings"], study.config
    crops = [
        f"{settings[name]:.0%} cut off {where}"
        for name, where in (("crop_top", "the top"), ("crop_border", "each border"))
        if settings.get(name)
    ]
    return (
        "Display-ready gray values (DICOM: modality LUT, VOI LUT or window, MONOCHROME1 inverted), 8 bits; "
        f"{''.join(f'{crop}; ' for crop in crops)}resized to {config.size} × {config.size} pixels; "
        f"gray / 255, less {config.mean:.3f}, over {config.std:.3f}."
    )


def selection(study: Study) -> str | None:
    """Tell by which condition training images were chosen."""
    condition = study.division["criteria"].get("train_where")
    return (
        f"Training and validation images meet {condition!r}; all other patients test." if condition else None
    )


def deidentification(study: Study) -> str:
    """Tell what the tool itself did."""
    hashed = study.inputs["settings"].get("patient_key_digest")
    return (
        "No name, birth date, study date or free text of a header was taken over; patient ids are "
        f"{'replaced by keyed hashes' if hashed else 'as they came'}."
    )


def missing(study: Study) -> str:
    """Count what is missing, and say what was done about it."""
    unknown = {
        name: sum(values[NOT_RECORDED].values())
        for name, values in study.characteristics.items()
        if NOT_RECORDED in values
    }
    without = study.division.get("images_without_patient_id", 0)
    patients = (
        f"{_count(without, 'image')} without a patient id, each taken for a patient of its own"
        if without
        else "every image has a patient id"
    )
    told = f" Not recorded: {_counts(unknown)}." if unknown else ""
    return f"Nothing was imputed; a missing characteristic is a group of its own; {patients}.{told}"


def acquisition(study: Study) -> str | None:
    """Name makers and views, where headers or tables say."""
    told = [
        f"{name.replace('_', ' ')}: {_counts(_totals(study, name))}"
        for name in ("manufacturer", "view_position", "portable")
        if name in study.characteristics
    ]
    return f"{'; '.join(told)}." if told else None


def label_source(study: Study) -> str:
    """Tell where labels came from."""
    settings = study.inputs["settings"]
    tables = settings.get("labels") or []
    published = f" in the format {settings['format']}" if settings.get("format") else ""
    finding = f", finding {settings['finding']}" if settings.get("finding") else ""
    classes = f"Classes: {_listed(study.config.classes)}"
    if tables:
        return f"{classes}, from {_count(len(tables), 'label table')}{published}{finding}."
    return f"{classes}, by the folders that the images lay in."


def partitions(study: Study) -> str:
    """Tell by what images were divided."""
    criteria = study.division["criteria"]
    seed = f"seed {criteria['seed']}"
    if criteria.get("from_column"):
        how = f"by the column {criteria['from_column']!r} of the label table"
    elif criteria.get("folds"):
        how = f"into {criteria['folds']} folds, of which fold {study.config.fold} tests, {seed}"
    elif any(criteria.get(name) for name in BY_DOMAIN):
        told = [f"{name.replace('_', ' ')} {criteria[name]}" for name in BY_DOMAIN if criteria.get(name)]
        how = f"by domain ({'; '.join(told)}), {seed}; all other patients test"
    else:
        shares = f"{criteria['val']:.0%} to validate and {criteria['test']:.0%} to test"
        how = f"at random within each class, {shares}, {seed}"
    return f"Divided {how}. {images_and_patients(study)}"


def images_and_patients(study: Study) -> str:
    """Count images, patients and classes of each subset."""
    told = [
        f"{subset}: {_count(sum(study.images[subset].values()), 'image')} of "
        f"{_count(study.patients[subset], 'patient')} ({_counts(study.images[subset])})"
        for subset in SUBSETS
    ]
    return f"{'; '.join(told)}."


def disjoint(study: Study) -> str:
    """Tell at which level the subsets are disjoint."""
    near_duplicates = study.division.get("near_duplicates", [])
    looked = study.division["criteria"].get("near_duplicates")
    told = (
        f" Pictures under two patient ids were looked for: {_count(len(near_duplicates), 'pair')}, kept together."
        if looked
        else ""
    )
    return f"Patient: no patient is in two subsets (checked whenever the split is opened).{told}"


def model(study: Study) -> str:
    """Describe the network."""
    config = study.config
    width = f", channels times {config.network.width:g}" if config.network.width != 1 else ""
    frozen = f"; frozen: {config.network.freeze}" if config.network.freeze != "none" else ""
    return (
        f"{config.network.arch}{width}, {config.size} × {config.size} × 1 input{frozen}. {technology(study)}"
    )


def software(study: Study) -> str:
    """Name the versions that the result depends on."""
    versions = study.record["versions"]
    named = ("cxr-cli", "python", "jax", "flax", "optax", "numpy", "scikit-learn")
    told = ", ".join(f"{name} {versions[name]}" for name in named if name in versions)
    return f"{told}; all are listed below."


def initialization(study: Study) -> str:
    """Tell where the first parameters came from."""
    config = study.config
    if config.weights_digest:
        digest = config.weights_digest[:16]
        return f"Pretrained weights {config.network.weights}, SHA-256 {digest}...; seed {config.seed}."
    return f"Random, seed {config.seed}."


def training(study: Study) -> str:
    """Describe optimizer, rate, batch, epochs, loss and augmentation."""
    config = study.config
    changes = {
        "flip": config.augmentation.flip if config.augmentation.flip != "none" else "",
        "rotation": f"up to {config.augmentation.rotation:g} degrees" if config.augmentation.rotation else "",
        "zoom": f"up to {config.augmentation.zoom:.0%}" if config.augmentation.zoom else "",
        "shift": f"up to {config.augmentation.shift:.0%}" if config.augmentation.shift else "",
        "contrast": f"up to {config.augmentation.contrast:.0%}" if config.augmentation.contrast else "",
    }
    augmented = ", ".join(f"{name} {value}" for name, value in changes.items() if value) or "none"
    loss = "binary cross entropy of pairs" if config.siamese else f"{value_of(config, 'loss')} cross entropy"
    begun = (
        "A logistic regression on the model's vectors, by cross-validation; then "
        if value_of(config, "linear_probe")
        else ""
    )
    optimization = config.optimization
    return (
        f"{begun}{optimization.optimizer}, learning rate {optimization.lr:g} ({optimization.schedule}), "
        f"{'pairs' if config.siamese else 'images'} a step {optimization.batch_size}, "
        f"{_count(optimization.epochs, 'epoch')}, {loss}, augmentation: {augmented}; recipe {config.recipe!r}, "
        f"{config.network.precision}, {study.record['device']}, {study.record['training_seconds']:.0f} s."
    )


def model_selection(study: Study) -> str:
    """Tell how the epoch was chosen."""
    best = study.selected
    by = "lowest loss" if study.config.optimization.select == "loss" else "highest accuracy"
    judged = "three-way validation" if study.config.siamese else "the validation images"
    return (
        f"The epoch with the {by} in {judged}: {best.epoch} of {study.config.optimization.epochs} "
        f"(loss {best.val_loss:.3f}, accuracy {best.val_accuracy:.3f}). Test images took no part."
    )


def ensembles(study: Study) -> str:
    """Tell what is averaged."""
    averaged = []
    if study.config.flip_tta:
        averaged.append("scores over each image and its mirror image")
    if study.config.optimization.ema:
        averaged.append(f"parameters over the steps (decay {study.config.optimization.ema:g})")
    return f"No ensemble of models{f'; averaged: {_listed(averaged)}' if averaged else ''}."


def metrics(study: Study) -> str | None:
    """Name the figures that were computed."""
    if study.metrics is None:
        return None
    named = [name for name, value in study.metrics.items() if isinstance(value, Mapping) and "low" in value]
    return f"{_listed([name.replace('_', ' ') for name in named])}; confusion matrix."


def uncertainty(study: Study) -> str | None:
    """Tell how intervals were made."""
    return None if study.metrics is None else f"Intervals: {study.metrics['interval']}."


def robustness(study: Study) -> str | None:
    """Tell what the audit tried."""
    if study.audit is None:
        return None
    found = study.audit["findings"]
    return (
        "The model was tried on parts of images (border, corners, thumbnail, center blanked) and class was told "
        f"from characteristics alone: {_count(len(found), 'finding')}, listed under Audit."
    )


def explainability(study: Study) -> str | None:
    """Tell of Grad-CAM maps."""
    return f"Grad-CAM; {_count(len(study.sheets), 'contact sheet')} below." if study.sheets else None


def internal_test(study: Study) -> str | None:
    """Count the test images, if they are of the kind that the model learned from."""
    if study.metrics is None or selection(study):
        return None
    return (
        f"{_count(study.metrics['images'], 'test image')} of {_count(study.metrics['patients'], 'patient')}."
    )


def external_test(study: Study) -> str | None:
    """Count the test images that are of another kind than the model learned from."""
    if not selection(study):
        return None
    inside = study.division.get("test_images_of_domain", 0)
    tested = sum(study.images["test"].values())
    condition = study.division["criteria"]["train_where"]
    return f"{_count(tested - inside, 'test image')} that do not meet {condition!r}, and {inside} that do."


def characteristics(study: Study) -> str | None:
    """Point to the table of characteristics."""
    named = [*(["age"] if study.ages else []), *study.characteristics]
    if not named:
        return None
    return f"By subset, in the table under Images: {_listed([name.replace('_', ' ') for name in named])}."


def performance(study: Study) -> str | None:
    """Give the main figures."""
    if study.metrics is None:
        return None
    shown = ("accuracy", "balanced_accuracy", "auc" if "auc" in study.metrics else "macro_auc")
    told = [f"{name.replace('_', ' ')} {format_metric(study.metrics[name])}" for name in shown]
    return f"{'; '.join(told)}; the others, and those of strata, under Test."


def diagnostic_performance(study: Study) -> str | None:
    """Give sensitivity and specificity."""
    if study.metrics is None:
        return None
    positive = study.metrics.get("positive")
    told = [
        f"{name}: sensitivity {format_metric(of['sensitivity'])}, "
        f"specificity {format_metric(of['specificity'])}"
        for name, of in study.metrics["per_class"].items()
        if positive in (None, name)
    ]
    return f"{'; '.join(told)}."


def failures(study: Study) -> str | None:
    """Count the images that were called wrongly."""
    if study.metrics is None:
        return None
    confusion = study.metrics["confusion_matrix"]
    classes = study.metrics["classes"]
    wrong = {
        f"{true} called {called}": confusion[i][j]
        for i, true in enumerate(classes)
        for j, called in enumerate(classes)
        if i != j and confusion[i][j]
    }
    total = sum(wrong.values())
    return f"{_count(total, 'image')} called wrongly{f': {_counts(wrong)}' if wrong else ''}."


def limitations(study: Study) -> str | None:
    """Name what the audit found, by kind."""
    if study.audit is None or not study.audit["findings"]:
        return None
    told = [
        f"{finding['kind']} ({finding['label'] or 'between subsets'})" for finding in study.audit["findings"]
    ]
    return f"The audit found: {_listed(list(dict.fromkeys(told)))}; in full under Audit."


def details(study: Study) -> str:
    """Point to the run's files."""
    return f"config.json, split.csv and the model of the run, digest {study.config.digest[:16]}..."


def availability(study: Study) -> str:
    """Name the software and the digests by which data are known."""
    return (
        f"Software: cxr-cli {study.record['versions']['cxr-cli']}, Apache-2.0. Images: SHA-256 "
        f"{study.config.dataset_digest[:16]}...; split: {study.config.split_digest[:16]}..."
    )


def predictors(study: Study) -> str:
    """Name what the model sees."""
    size = study.config.size
    return f"The pixels of one frontal chest radiograph, {size} × {size}; nothing else."


def heterogeneity(study: Study) -> str | None:
    """Point to strata."""
    return f"Strata by {_listed(study.strata.by)}, under Strata." if study.strata else None


def fairness(study: Study) -> str | None:
    """Point to strata by sex and age."""
    groups = [name for name in study.strata.by if name in FAIRNESS] if study.strata else []
    return f"Figures by {_listed(groups)}, under Strata." if groups else None


def updating(study: Study) -> str:  # noqa: ARG001 - the same for every study
    """Tell that a model is not updated."""
    return "None."


def calculation(study: Study) -> str:
    """Tell how an image becomes a prediction."""
    if study.config.siamese:
        decides = "the class decides whose template its vector is most similar to"
    elif point := (study.metrics or {}).get("operating_point"):
        decides = f"positive from a score of {point['threshold']:.4g} on"
    else:
        decides = "the highest score decides"
    return f"One pass of the image through the model; {decides}."


def imbalance(study: Study) -> str:
    """Tell how classes of unlike size were handled."""
    config = study.config
    sampled = {
        "balanced": "Each epoch shows equally many images of each class, drawn anew",
        "all": "Each epoch shows all images",
    }.get(value_of(config, "sampling") or "", "Pairs are even over the classes")
    weighted = value_of(config, "class_weights")
    weights = f"; class weights {weighted}" if weighted not in (None, "none") else ""
    return f"{sampled}{weights}."


def output(study: Study) -> str:
    """Describe the model's output and its threshold."""
    scores = "a similarity to each class" if study.config.siamese else "a probability of each class"
    point = (study.metrics or {}).get("operating_point")
    if point is None:
        return f"Scores, {scores}, 0 to 1; the highest decides."
    where = f", chosen on {point['chosen_on']}" if point["chosen_on"] else ""
    return f"Scores, {scores}, 0 to 1; {point['score']} >= {point['threshold']:.4g} ({point['rule']}{where})."


def differences(study: Study) -> str | None:
    """Tell how test images differ from training images by design."""
    return external_test(study) or characteristics(study)


def _values(study: Study, name: str) -> list[str]:
    return [value for value in study.characteristics.get(name, {}) if value != NOT_RECORDED]


def _totals(study: Study, name: str) -> dict[str, int]:
    return {value: sum(images.values()) for value, images in study.characteristics[name].items()}


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _listed(names: Any) -> str:
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last
