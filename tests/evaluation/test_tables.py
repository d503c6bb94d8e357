"""Tables of results, in every format."""

from cxr_cli.evaluation.tables import DAGGER, Cell, Table, as_html, as_latex, as_markdown, as_text, columns

TABLE = Table("Metrics", ["", "AUC"], [[Cell("a|b_*"), Cell("0.8", "0.7-0.9")], [Cell("c"), Cell("-")]])


def test_columns_are_aligned_to_the_left() -> None:
    assert list(columns([["a", "bb"], ["ccc", "d"]])) == ["a    bb", "ccc  d"]


def test_text_has_intervals_on_a_line_of_their_own() -> None:
    assert as_text([TABLE], ["* few"]).splitlines() == [
        "Metrics",
        "       AUC",
        "a|b_*  0.8",
        "       0.7-0.9",
        "c      -",
        "",
        "* few",
    ]


def test_markdown_is_a_pipe_table() -> None:
    assert as_markdown([TABLE], ["* few"]).splitlines() == [
        "Metrics:",
        "",
        "|  | AUC |",
        "| --- | --- |",
        r"| a\|b\_\* | 0.8 (0.7-0.9) |",
        "| c | - |",
        "",
        r"\* few",
    ]


def test_latex_is_a_tabular() -> None:
    assert as_latex([TABLE]).splitlines() == [
        "% Metrics",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r" & AUC \\",
        r"\midrule",
        r"a|b\_* & 0.8 (0.7-0.9) \\",
        r"c & - \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_the_mark_of_an_unreliable_interval_is_a_command_in_latex() -> None:
    table = Table("Metrics", ["", "F1"], [[Cell("all"), Cell("0.8", f"0.7-0.9{DAGGER}")]])
    assert r"all & 0.8 (0.7-0.9\dag{}) \\" in as_latex([table])
    assert "| all | 0.8 (0.7-0.9†) |" in as_markdown([table])


def test_html_is_escaped_and_has_intervals() -> None:
    table = Table("a < b", ["", "AUC"], [[Cell("<b>"), Cell("0.812", "0.750-0.868")]])
    page = as_html([table], ["5 % & more"], ["run: <i>"])
    assert "<caption>a &lt; b</caption>" in page
    assert '<tr><th scope="row">&lt;b&gt;</th><td>0.812 (0.750-0.868)</td></tr>' in page
    assert page.startswith("<p>run: &lt;i&gt;</p>")
    assert page.endswith("<p>5 % &amp; more</p>")
