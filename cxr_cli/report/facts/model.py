"""Facts about the model and its training."""

from cxr_cli.report.facts.words import count, listed
from cxr_cli.report.study import Study
from cxr_cli.training.history import WORDS
from cxr_cli.training.recipes import value_of

VERSIONS = ("cxr-cli", "python", "jax", "flax", "optax", "numpy", "scikit-learn")
"""Packages that are named; all are in the table of versions."""


def technology(study: Study) -> str:
    """The kind of model, and its classes."""
    kind = "a siamese convolutional network" if study.config.siamese else "a convolutional network"
    return (
        f"Deep learning: {kind} ({study.config.network.arch}) that classifies chest radiographs as "
        f"{listed(study.config.classes, 'or')}."
    )


def architecture(study: Study) -> str:
    """The network and its input."""
    network, size = study.config.network, study.config.size
    width = f", {network.width:g} times the channels of the original" if network.width != 1 else ""
    frozen = f"; frozen: {network.freeze}" if network.freeze != "none" else ""
    return f"{network.arch}{width}, input {size} × {size} × 1{frozen}. {technology(study)}"


def predictors(study: Study) -> str:
    """The input of the model."""
    size = study.config.size
    return f"The pixels of one frontal chest radiograph, {size} × {size}; nothing else."


def software(study: Study) -> str:
    """Versions of the software."""
    versions = study.record["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in VERSIONS if name in versions)
    return f"{named}; all versions are listed under Settings and versions."


def initialization(study: Study) -> str:
    """The initial parameters."""
    config = study.config
    if config.weights_digest:
        digest = config.weights_digest[:16]
        return f"Pretrained weights {config.network.weights}, SHA-256 {digest}...; seed {config.seed}."
    return f"Random, seed {config.seed}."


def training(study: Study) -> str:
    """Optimizer, learning rate, batch size, epochs, loss, and augmentation."""
    config, optimization, augmentation = study.config, study.config.optimization, study.config.augmentation
    changes = {
        "flip": augmentation.flip if augmentation.flip != "none" else "",
        "rotation": f"up to {augmentation.rotation:g} degrees" if augmentation.rotation else "",
        "zoom": f"up to {augmentation.zoom:.0%}" if augmentation.zoom else "",
        "shift": f"up to {augmentation.shift:.0%}" if augmentation.shift else "",
        "contrast": f"up to {augmentation.contrast:.0%}" if augmentation.contrast else "",
    }
    augmented = ", ".join(f"{name} {value}" for name, value in changes.items() if value) or "none"
    loss = "binary cross entropy of pairs" if config.siamese else f"{value_of(config, 'loss')} cross entropy"
    probe = (
        "A linear probe (logistic regression on feature vectors, tuned by cross-validation), then the "
        if value_of(config, "linear_probe")
        else ""
    )
    return (
        f"{probe}{optimization.optimizer} optimizer, learning rate {optimization.lr:g} "
        f"({optimization.schedule}), batch size {optimization.batch_size} "
        f"{'pairs' if config.siamese else 'images'}, {count(optimization.epochs, 'epoch')}, {loss}, "
        f"augmentation: {augmented}; recipe {config.recipe}, precision {config.network.precision}, "
        f"{study.record['device']}, {study.record['training_seconds']:.0f} s."
    )


def model_selection(study: Study) -> str:
    """How the epoch was selected."""
    best = study.selected
    select = study.config.optimization.select
    by = "lowest loss" if select == "loss" else f"highest {WORDS[select]}"
    also = "" if select in ("loss", "accuracy") else f", {WORDS[select]} {best.validation(select):.3f}"
    last = study.history[-1].epoch
    early = last < study.config.optimization.epochs
    stopped = f"Training stopped {count(last - best.epoch, 'epoch')} after the best. " if early else ""
    where = "in three-way validation" if study.config.siamese else "on the validation images"
    return (
        f"The epoch with the {by} {where}: {best.epoch} of {last} "
        f"(loss {best.val_loss:.3f}, accuracy {best.val_accuracy:.3f}{also}). {stopped}"
        "Test images were not used."
    )


def ensembles(study: Study) -> str:
    """What is averaged."""
    averaged = []
    if study.config.flip_tta:
        averaged.append("scores of each image and its horizontal flip (test-time augmentation)")
    if study.config.optimization.ema:
        averaged.append(f"parameters over training steps (decay {study.config.optimization.ema:g})")
    return f"No ensemble of models{f'; averaged: {listed(averaged)}' if averaged else ''}."


def imbalance(study: Study) -> str:
    """How class imbalance was handled."""
    sampled = {
        "balanced": "Each epoch has the same number of images of each class, sampled at random",
        "all": "Each epoch has all images",
    }.get(value_of(study.config, "sampling") or "", "Pairs are balanced over the classes")
    class_weights = value_of(study.config, "class_weights")
    return f"{sampled}{f'; class weights {class_weights}' if class_weights not in (None, 'none') else ''}."


def calculation(study: Study) -> str:
    """How an image becomes a prediction."""
    passes = "Two forward passes, of the image and its flip" if study.config.flip_tta else "One forward pass"
    if study.config.siamese:
        decides = "the class whose template is most similar to the image's feature vector is predicted"
    elif point := (study.metrics or {}).get("operating_point"):
        decides = f"an image with a score of {point['threshold']:.4g} or more is positive"
    else:
        decides = "the class with the highest score is predicted"
    return f"{passes}; {decides}."


def output(study: Study) -> str:
    """The scores and their threshold."""
    scores = "a similarity to each class" if study.config.siamese else "a probability of each class"
    point = (study.metrics or {}).get("operating_point")
    if point is None:
        return f"{scores.capitalize()}, 0 to 1; the highest decides."
    where = f", chosen on {point['chosen_on']}" if point["chosen_on"] else ""
    return (
        f"{scores.capitalize()}, 0 to 1; positive: {point['score']} ≥ {point['threshold']:.4g} "
        f"({point['rule']}{where})."
    )


def updating(study: Study) -> str:  # noqa: ARG001 - the same for every study
    """Updating of the model."""
    return "None."


def details(study: Study) -> str:
    """Which files of the run have all details."""
    return f"config.json, split.csv, and the model of the run, digest {study.config.digest[:16]}..."


def availability(study: Study) -> str:
    """The software, and the digests that identify the data."""
    return (
        f"Software: cxr-cli {study.record['versions']['cxr-cli']}, Apache-2.0. Images: SHA-256 "
        f"{study.config.dataset_digest[:16]}...; split: {study.config.split_digest[:16]}..."
    )
