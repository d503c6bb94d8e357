"""Tables of results: for a terminal, a notebook, LaTeX and Markdown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import NamedTuple

from cxr_cli.evaluation.choices import ShownFormat, TableFormat
from cxr_cli.printable import printable


class Cell(NamedTuple):
    """A cell's text, and an interval that belongs to it."""

    value: str
    limits: str = ""

    def in_one(self) -> str:
        """Write "0.812 (0.750-0.868)"."""
        return f"{self.value} ({self.limits})" if self.limits else self.value


WIDTH = 110
"""Letters of a line in a terminal."""
DAGGER = "†"
"""Marks an interval that is unreliable."""


def limits(low: float, high: float) -> str:
    """Write an interval as "0.750-0.868", with "to" where a limit is negative."""
    return f"{low:.3f}-{high:.3f}" if low >= 0 else f"{low:.3f} to {high:.3f}"


@dataclass(frozen=True)
class Table:
    """Rows of as many cells as there are headings; the first is a name."""

    title: str
    headings: list[str]
    rows: list[list[Cell]]


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out rows of cells under each other, to the left."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_text(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Lay tables out for a terminal, intervals on a line of their own, notes in lines of `WIDTH` letters."""
    blocks = []
    for table in tables:
        rows = [table.headings]
        for cells in table.rows:
            rows.append([cell.value for cell in cells])
            if any(cell.limits for cell in cells):
                rows.append([cell.limits for cell in cells])
        blocks.append("\n".join([table.title, *columns(rows)]))
    lines = [line for note in notes for line in wrap(note, WIDTH)]
    return "\n\n".join([*blocks, "\n".join(lines)]).rstrip()


def as_markdown(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Write pipe tables."""
    blocks = []
    for table in tables:
        rows = [[_markdown(heading) for heading in table.headings], ["---"] * len(table.headings)]
        rows += [[_markdown(cell.in_one()) for cell in row] for row in table.rows]
        title = f"{_markdown(table.title)}:"
        blocks.append("\n".join([title, "", *("| " + " | ".join(row) + " |" for row in rows)]))
    return "\n\n".join([*blocks, *map(_markdown, notes)])


def _markdown(text: str) -> str:
    """Escape what Markdown, or HTML in it, would take for markup; an underscore within a word is none."""
    return re.sub(r"([\\`*|<>\[\]&#]|(?<!\w)_|_(?!\w))", r"\\\1", printable(text))


def as_html(tables: Sequence[Table], notes: Sequence[str] = (), heading: Sequence[str] = ()) -> str:
    """Write tables for a notebook; every text is escaped."""
    blocks = [f"<p>{'<br>'.join(map(escape, heading))}</p>"] if heading else []
    for table in tables:
        head = "".join(f'<th scope="col">{escape(each)}</th>' for each in table.headings)
        rows = [
            f'<tr><th scope="row">{escape(name.in_one())}</th>'
            + "".join(f"<td>{escape(cell.in_one())}</td>" for cell in cells)
            + "</tr>"
            for name, *cells in table.rows
        ]
        caption = f"<caption>{escape(table.title)}</caption>"
        blocks.append(
            "\n".join([f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>", *rows, "</tbody></table>"])
        )
    return "\n".join([*blocks, *(f"<p>{escape(note)}</p>" for note in notes)])


SUFFIXES: Mapping[TableFormat, str] = {
    "table": "txt",
    "csv": "csv",
    "json": "json",
    "latex": "tex",
    "markdown": "md",
}


def files_of(stem: str) -> dict[TableFormat, str]:
    """Name the file of each format."""
    return {form: f"{stem}.{suffix}" for form, suffix in SUFFIXES.items()}


def write_tables(
    form: ShownFormat, tables: Sequence[Table], notes: Sequence[str], heading: Sequence[str] = ()
) -> str:
    """Write tables as text, HTML, LaTeX or Markdown, below lines that say what they are of."""
    if form == "html":
        return as_html(tables, notes, heading)
    if form == "latex":
        return "\n".join([*(f"% {printable(line)}" for line in heading), as_latex(tables, notes), ""])
    if form == "markdown":
        return "\n\n".join([*map(_markdown, heading), as_markdown(tables, notes)]) + "\n"
    return "\n".join([*heading, *([""] if heading else []), as_text(tables, notes), ""])


LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    DAGGER: r"\dag{}",
}


def as_latex(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Write tabulars with booktabs' rules, a comment above each saying what it is."""
    blocks = []
    for table in tables:
        alignment = "l" + "r" * (len(table.headings) - 1)
        rows = [" & ".join(_latex(cell.in_one()) for cell in row) + r" \\" for row in table.rows]
        head = " & ".join(_latex(heading) for heading in table.headings) + r" \\"
        lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", head, r"\midrule", *rows]
        blocks.append("\n".join([f"% {printable(table.title)}", *lines, r"\bottomrule", r"\end{tabular}"]))
    return "\n\n".join([*blocks, *(f"% {printable(note)}" for note in notes)])


def _latex(text: str) -> str:
    return "".join(LATEX_SPECIAL.get(sign, sign) for sign in printable(text))
