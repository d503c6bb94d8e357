"""`cxr weights`: the published weights that models can begin with."""

import sys
from typing import Annotated, Literal

import typer

from cxr_cli.commands.command import CONTEXT, CxrCommand, CxrGroup
from cxr_cli.commands.console import say, show
from cxr_cli.models.registry import Arch
from cxr_cli.models.weights.scaling import WeightsScaling

PURPOSE = "List, fetch and verify pretrained weights."

# Settings as those of the program, see `main`.
weights = typer.Typer(
    cls=CxrGroup,
    help=PURPOSE,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
)


@weights.callback(help=PURPOSE)
def group() -> None:
    """The group itself; its help is PURPOSE."""


@weights.command("list", cls=CxrCommand)
def list_(
    arch: Annotated[Arch | None, typer.Option(help="Only weights of this architecture.")] = None,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """List published weights, and which are available locally.

    Sizes on the hub are approximate. A digest is known where the publisher states it, or the file is cached.
    """
    from cxr_cli.models.weights.published import list_weights

    rows = [
        {
            "name": one.card.name,
            "arch": one.card.arch,
            "source": one.card.source,
            "megabytes": f"{one.card.size / 1e6:.1f}" if one.card.size else "",
            "input_size": str(one.card.input_size),
            "license": one.card.license,
            "sha256": one.sha256,
            "here": str(one.path or ""),
            "url": one.card.url,
        }
        for one in list_weights(arch)
    ]
    if not rows:
        say(f"no weights of {arch} are published; it begins with random ones")
    PRINTERS[format](rows)


Rows = list[dict[str, str]]


COLUMNS = ("name", "arch", "source", "megabytes", "input_size", "license", "sha256", "here", "url")


def _print_csv(rows: Rows) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_json(rows: Rows) -> None:
    import json

    show(json.dumps(rows, indent=2), data=True)


def _print_table(rows: Rows) -> None:
    """Print what fits a terminal: digests by their beginning, no addresses."""
    shown = [{**row, "sha256": row["sha256"][:8], "here": "yes" if row["here"] else "no"} for row in rows]
    columns = COLUMNS[:-1]
    lines = [dict(zip(columns, columns, strict=True)), *shown]
    widths = {column: max(len(line[column]) for line in lines) for column in columns}
    for line in lines:
        show("  ".join(line[column].ljust(widths[column]) for column in columns).rstrip())


PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}


@weights.command(cls=CxrCommand)
def fetch(
    weights: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names, as `cxr weights list` prints them.")
    ],
) -> None:
    """Download weights into the local cache.

    It is the Hugging Face cache (HF_HOME), which can be carried to a machine without a network. Any other of
    timm's repositories on the hub can be named too.
    """
    from cxr_cli.models.weights.published import fetch_weights

    for one in fetch_weights(weights):
        show(f"{one.card.name}: {one.path}, sha256 {one.sha256}")


@weights.command(cls=CxrCommand)
def verify(
    weights: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A name, or a file of weights.")],
    arch: Annotated[
        Arch | None, typer.Option(help="Architecture; needed for a file. [the name's own]")
    ] = None,
    weights_scaling: Annotated[
        WeightsScaling, typer.Option(help="Input that they expect; for a file, training needs it.")
    ] = "published",
) -> None:
    """Verify the digest of weights, and that they fit their architecture.

    Every tensor must have its place in the architecture, and every place its tensor. Nothing is trained or
    written; weights that are only on the hub are downloaded.
    """
    from cxr_cli.models.weights.published import verify_weights

    verified = verify_weights(weights, arch, weights_scaling)
    for part, as_published in zip(verified.found, verified.as_published, strict=True):
        show(
            f"{part.describe()}, {'as published' if as_published else 'no published digest to compare with'}"
        )
    say(f"each of its {verified.tensors} tensors has its place in {verified.arch}, or is known to need none")
    if weights_scaling == "published" and any(part.card.input_size is None for part in verified.found):
        say("a file does not state what input its weights expect: training needs --weights-scaling")
