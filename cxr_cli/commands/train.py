"""`cxr train`: a DATASET and its split to a RUN folder."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.commands import options
from cxr_cli.commands.console import say


def train(
    dataset: options.DatasetFolder,
    split: options.SplitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The RUN folder.")],
    recipe: options.RecipeName = "single",
    arch: options.Arch = None,
    width: options.Width = None,
    weights: options.Weights = None,
    freeze: Annotated[
        str | None,
        typer.Option(help="What does not learn: none, features, or so many stages from the image on. [none]"),
    ] = None,
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Begin with a classifier by logistic regression on the training images' vectors. [no]",
        ),
    ] = None,
    batch_norm: Annotated[
        str | None,
        typer.Option(help="Statistics of batch norm in training: batch, or running, which stay. [batch]"),
    ] = None,
    epochs: options.Epochs = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Images or pairs a step; images for in-batch pairs. [16 single, 32 siamese, 256 finetune]"
        ),
    ] = None,
    micro_batch: Annotated[
        int | None,
        typer.Option(help="Images at once, gradients being summed over the batch. [as memory allows]"),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, adamw or sgd. [adam; sgd finetune]")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate of the first step. [1e-4; 1e-2 finetune]")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="constant, step or cosine. [constant; step finetune]")
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Share of all steps in which the rate rises. [0]")
    ] = None,
    step_epochs: Annotated[
        int | None, typer.Option(help="A step takes the rate to a tenth every so many epochs. [25]")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of kernels. [0]")] = None,
    layer_decay: Annotated[
        float | None,
        typer.Option(help="Each stage learns at this share of the rate of the stage behind it. [1]"),
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(help="Keep an average over steps, this share of itself each step, such as 0.99. [0]"),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="softmax, or binary: two classes by one logit. [softmax; binary finetune]"),
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share of each label spread over all classes. [0]")
    ] = None,
    class_weights: Annotated[
        str | None, typer.Option(help="none, balanced, or CLASS=WEIGHT,... [none]")
    ] = None,
    sampling: Annotated[
        str | None,
        typer.Option(
            help="Images of an epoch: all, or balanced (the rarest class, as many of each). "
            "[balanced single, all finetune]"
        ),
    ] = None,
    flip: Annotated[
        str | None,
        typer.Option(help="Random flips: none, horizontal, both. [none; both finetune]"),
    ] = None,
    rotation: Annotated[
        float | None, typer.Option(help="Random rotation, up to so many degrees. [0; 15 finetune]")
    ] = None,
    zoom: Annotated[float | None, typer.Option(help="Random zoom in and out, up to this share. [0]")] = None,
    shift: Annotated[
        float | None, typer.Option(help="Random shift, up to this share of height and width. [0]")
    ] = None,
    contrast: Annotated[
        float | None, typer.Option(help="Random contrast, up to this share more or less. [0]")
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror", help="Score an image with its mirror image, as their mean. [no]"
        ),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(help="The epoch kept: best validation accuracy, or loss. [accuracy; loss finetune]"),
    ] = None,
    pairs: options.Pairs = None,
    pairing: options.Pairing = None,
    trials: options.Trials = None,
    fold: options.Fold = None,
    precision: options.Precision = None,
    seed: options.Seed = 0,
) -> None:
    """Train a model on a DATASET.

    Brackets hold what the papers' recipes set; RUN/config.json has all values of a run, small-data's too.
    Keeps the epoch that does best in validation. The same command line again goes on from the last
    checkpoint, or says that the run is finished.
    """
    from cxr_cli.commands.training_run import resolve_memory, resolve_weights, train_run
    from cxr_cli.dataset.store import open_dataset
    from cxr_cli.splitting.file import open_split
    from cxr_cli.training.recipes import resolve_recipe
    from cxr_cli.training.train import run_config

    overrides = {
        "arch": arch,
        "width": width,
        "weights": weights,
        "freeze": freeze,
        "probe": probe,
        "batch_norm": batch_norm,
        "epochs": epochs,
        "batch_size": batch_size,
        "micro_batch": micro_batch,
        "optimizer": optimizer,
        "lr": lr,
        "schedule": schedule,
        "warmup": warmup,
        "step_epochs": step_epochs,
        "weight_decay": weight_decay,
        "layer_decay": layer_decay,
        "ema": ema,
        "loss": loss,
        "label_smoothing": label_smoothing,
        "class_weights": class_weights,
        "sampling": sampling,
        "flip": flip,
        "rotation": rotation,
        "zoom": zoom,
        "shift": shift,
        "contrast": contrast,
        "mirror": mirror,
        "select": select,
        "pairs": pairs,
        "pairing": pairing,
        "trials": trials,
        "precision": precision,
    }
    images = open_dataset(dataset)
    division = open_split(split, images, fold)
    settings, notices = resolve_recipe(recipe, overrides, division)
    for notice in notices:
        say(notice)
    found = resolve_weights(settings, images.images.shape[1])
    config = run_config(recipe, settings, images, division, seed, found)
    config, rematerialize = resolve_memory(output, config)
    best, trained = train_run(output, config, images, division, found, rematerialize)
    if trained:
        say(f"{output}: finished; selected epoch {best.epoch} of {config.epochs}")
    else:
        say(f"{output}: this run is finished already ({config.epochs} epochs); nothing to do")
    figure = f"best validation accuracy {best.val_accuracy:.4f}"
    if config.select == "loss":
        figure = f"lowest validation loss {best.val_loss:.4f}, accuracy {best.val_accuracy:.4f}"
    typer.echo(f"{figure} (epoch {best.epoch})")
