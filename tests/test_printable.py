"""What becomes of signs that a terminal obeys, or nobody sees."""

import pytest

from cxr_cli.commands.console import show
from cxr_cli.evaluation.tables import Cell, Table, as_latex, as_markdown, as_text
from cxr_cli.main import main
from cxr_cli.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("covid19, AP", "covid19, AP"),
        ("\u80ba\u708e \u00e9 \U0001f469\u200d\u2695", "\u80ba\u708e \u00e9 \U0001f469\u200d\u2695"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\udc80", r"\udc80"),
    ],
)
def test_signs_that_steer_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_results_keep_their_lines_and_data_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show("a\n\x1bb")
    show("a\n\x1bb", data=True, end="")
    assert capsys.readouterr().out == "a\n\\x1bb\na\n\x1bb"


def test_an_error_is_one_line_whatever_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "a\n\x1b[2J\u202e"]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert r"a\n\x1b[2J\u202e" in err


def test_names_are_no_markup_in_tables() -> None:
    name = "<b>`|*_x_\n\\input{y}%$&"
    table = Table("t", ["", name], [[Cell(name), Cell("1")]])
    assert as_text([table]).count("\n") == 2
    markdown = as_markdown([table])
    assert r"\<b\>\`\|\*\_x\_\\n\\input{y}%$\&" in markdown
    assert markdown.count("\n") == 4
    latex = r"$<$b$>$`|*\_x\_\textbackslash{}n\textbackslash{}input\{y\}\%\$\&"
    assert as_latex([table]).count(latex) == 2
