"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DatasetFolder = Annotated[Path, typer.Argument(metavar="DATASET", help="A DATASET folder.")]


def _check_run(folder: Path) -> Path:
    """Refuse what is no RUN at once, before the command imports JAX."""
    from cxr_cli.runs.config import read_config

    read_config(folder)
    return folder


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A RUN folder.", callback=_check_run)]
SplitFile = Annotated[Path, typer.Option(help="The split.csv that divides the DATASET.")]
MovedDataset = Annotated[Path | None, typer.Option(help="Where the DATASET is now, if it was moved.")]
MovedSplit = Annotated[Path | None, typer.Option(help="Where the split.csv is now, if it was moved.")]
Templates = Annotated[Path | None, typer.Option(help="Templates of a siamese run. [RUN/templates.npz]")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all that is drawn.")]
Resamples = Annotated[
    int, typer.Option(min=100, help="Resamples of patients, by which bootstrap intervals are made.")
]

# Training, by recipe: None takes the recipe's value.
RecipeName = Annotated[
    str, typer.Option(help="The papers' settings, single, siamese or finetune; or small-data.")
]
Arch = Annotated[
    str | None,
    typer.Option(
        help="covidnet, resnet50, resnet101, resnext50_32x4d, resnext101_32x8d, densenet121, densenet161, "
        "inception_v3, efficientnet_lite0, _lite1, _lite2, _lite0_mid or _lite2_mid. "
        "[covidnet; efficientnet_lite0 finetune; efficientnet_lite2_mid small-data]"
    ),
]
Width = Annotated[
    float | None, typer.Option(help="Channels and units of a COVID-Net, times the paper's. [1]")
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="auto|none|FILE|HUB-ID",
        help="What the model begins with; auto takes what is at hand, then the hub. [none; auto finetune]",
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs. [100 single and finetune, 50 siamese]")]
Pairs = Annotated[int | None, typer.Option(help="Pairs an epoch, siamese only. [12000]")]
Pairing = Annotated[
    str | None, typer.Option(help="Siamese only: random pairs, or all pairs in-batch. [random]")
]
Trials = Annotated[
    int | None,
    typer.Option(help="Three-way trials that judge an epoch, siamese only. [129, or what can be had]"),
]
Fold = Annotated[int | None, typer.Option(help="The fold that tests, where the split has folds.")]
Precision = Annotated[str | None, typer.Option(help="float32, tf32 or bfloat16 arithmetic. [float32]")]
