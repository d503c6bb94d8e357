"""`cxr weights`: the published weights that models can begin with."""

import sys
from typing import Annotated, Literal

import typer

from cxr_cli.commands.command import CONTEXT, CxrCommand
from cxr_cli.commands.console import say
from cxr_cli.errors import UsageFault
from cxr_cli.models.registry import Arch

PURPOSE = "List, fetch and verify pretrained weights."

# Settings as those of the program, see `main`.
weights = typer.Typer(
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
    arch: Annotated[Arch | None, typer.Option(help="Only those of an architecture.")] = None,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="How to print them.")] = "table",
) -> None:
    """Print what is published, and what of it is here.

    Sizes on the hub are about right. A digest is known where the publisher's file is, or where it is cached.
    """
    from cxr_cli.models.registry import cards, parts_of
    from cxr_cli.models.weights.sources import locate, published_digest

    rows = []
    for card in (card for card in cards() if arch is None or card.arch in parts_of(arch)):
        path = locate(card)
        rows.append(
            {
                "name": card.name,
                "arch": card.arch,
                "source": card.source,
                "megabytes": f"{card.size / 1e6:.1f}" if card.size else "",
                "input_size": str(card.input_size),
                "license": card.license,
                "sha256": (published_digest(card, path) if path else card.sha256) or "",
                "here": str(path or ""),
                "url": card.url,
            }
        )
    PRINTERS[format](rows)


Rows = list[dict[str, str]]


def _print_csv(rows: Rows) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_json(rows: Rows) -> None:
    import json

    typer.echo(json.dumps(rows, indent=2))


def _print_table(rows: Rows) -> None:
    """Print what fits a terminal: digests by their beginning, no addresses."""
    shown = [{**row, "sha256": row["sha256"][:8], "here": "yes" if row["here"] else "no"} for row in rows]
    columns = [column for column in rows[0] if column != "url"]
    lines = [dict(zip(columns, columns, strict=True)), *shown]
    widths = {column: max(len(line[column]) for line in lines) for column in columns}
    for line in lines:
        typer.echo("  ".join(line[column].ljust(widths[column]) for column in columns).rstrip())


PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}


@weights.command(cls=CxrCommand)
def fetch(
    weights: Annotated[list[str], typer.Argument(metavar="NAME...", help="As `cxr weights list` has them.")],
) -> None:
    """Download weights into the local cache.

    It is the Hugging Face cache (HF_HOME), which can be carried to a machine without a network. Any other of
    timm's repositories on the hub can be named too.
    """
    from cxr_cli.models.registry import card_named
    from cxr_cli.models.weights import hub
    from cxr_cli.models.weights.sources import checked_digest, locate
    from cxr_cli.models.weights.sources import fetch as fetch_card

    cards = [card_named(name) or hub.read_card(name) for name in weights]
    for card in cards:
        path = locate(card) or fetch_card(card)
        typer.echo(f"{card.name}: {path}, sha256 {checked_digest(card, path)}")


@weights.command(cls=CxrCommand)
def verify(
    weights: Annotated[str, typer.Argument(metavar="NAME|FILE", help="Weights' name, or a file of weights.")],
    arch: Annotated[Arch | None, typer.Option(help="Architecture. [the name's own]")] = None,
) -> None:
    """Read weights, and check digest and fit.

    Every tensor must have its place in the architecture, and every place its tensor. Nothing is trained or
    written; what is only on the hub is fetched.
    """
    from cxr_cli.models.architecture import NetworkSpec
    from cxr_cli.models.network import outline
    from cxr_cli.models.registry import card_named
    from cxr_cli.models.weights.pretrained import load_pretrained
    from cxr_cli.models.weights.sources import find_all, published_digest

    card = card_named(weights)
    arch = arch or (card.arch if card else None)
    if arch is None:
        raise UsageFault(f"{weights}: no name that `cxr weights list` has; for a file, --arch is needed")
    found = find_all(weights, arch)
    spec = NetworkSpec(arch, width=1.0, size=found[0].card.input_size, classes=2, siamese=False)
    _, shapes = outline(spec)
    load_pretrained(shapes, *found)
    for part in found:
        as_published = published_digest(part.card, part.path) == part.sha256
        typer.echo(
            f"{part.describe()}, {'as published' if as_published else 'no published one to compare with'}"
        )
    tensors = sum(len(part.state) for part in found)
    say(f"each of its {tensors} tensors has its place in {arch}, or is known to need none")
