"""What every command takes: settings from a file, and how much is said."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cxr = Callable[..., Any]


def test_options_come_from_a_file_and_the_command_line_wins(
    cxr: Cxr, small_dataset: Path, tmp_path: Path
) -> None:
    config = tmp_path / "study.toml"
    config.write_text(
        f'[split]\ndataset = "{small_dataset}"\noutput = "{tmp_path / "s.csv"}"\nval = 0.25\nseed = 3\n'
        "near-duplicates = false\n[train]\nlr = 1e-3\n"
    )
    outcome = cxr("split", "--config", config, "--seed", 5, "--show-config")
    assert (outcome.code, outcome.err) == (0, "")
    shown = tomllib.loads(outcome.out)
    assert (shown["val"], shown["seed"], shown["near-duplicates"]) == (0.25, 5, False)
    assert not (tmp_path / "s.csv").exists()

    # What is shown is a file that says the same.
    again = tmp_path / "shown.toml"
    again.write_text(outcome.out)
    assert cxr("split", "--config", again, "--show-config").out == outcome.out
    assert cxr("split", "--config", again).code == 0
    assert (tmp_path / "s.csv").exists()


def test_a_recipe_s_settings_are_shown(cxr: Cxr, small_dataset: Path, split_file: Path) -> None:
    arguments = (
        "train",
        small_dataset,
        "--split",
        split_file,
        "-o",
        "run",
        "--recipe",
        "siamese",
        "--lr",
        1e-3,
    )
    shown = tomllib.loads(cxr(*arguments, "--show-config").out)
    assert (shown["lr"], shown["pairs"], shown["arch"]) == (1e-3, 12_000, "covidnet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("vall = 0.2", "study.toml: split has no option 'vall'; did you mean 'val'?; it has"),
        ('seed = "first"', "study.toml: Input should be a valid integer"),
        ("near-duplicates = 1", "study.toml: near-duplicates is 1, true or false is needed"),
        ("val = [0.1, 0.2]", "study.toml: val is [0.1, 0.2], text or a number is needed"),
        ("val = ", "study.toml: cannot be read as TOML (Invalid value (at end of document))"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(
    cxr: Cxr, small_dataset: Path, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "study.toml").write_text(content)
    outcome = cxr("split", small_dataset, "-o", tmp_path / "s.csv", "--config", tmp_path / "study.toml")
    assert outcome.code in (2, 3)
    assert outcome.err.count("\n") == 1
    assert message in outcome.err


def test_what_is_said_can_be_less_or_more_and_be_kept(cxr: Cxr, small_dataset: Path, tmp_path: Path) -> None:
    path, log = tmp_path / "s.csv", tmp_path / "logs" / "split.log"
    loud = cxr("split", small_dataset, "-o", path)
    quiet = cxr("split", small_dataset, "-o", path, "--force", "--quiet", "--log-file", log)
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out
    stamped = [
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ (.*)", line) for line in log.read_text().splitlines()
    ]
    assert [match and match[1] for match in stamped] == loud.err.splitlines()

    verbose = cxr("split", small_dataset, "-o", path, "--verbose", "--seed", 1, "--log-file", log)
    assert verbose.code == 2  # another split is there
    assert re.match(r"\d\d:\d\d:\d\d cxr split, options:\n", verbose.err)
    assert "seed = 1" in verbose.err
    assert "was made with other settings" in log.read_text().splitlines()[-1]
    assert cxr("split", small_dataset, "-o", path, "--quiet", "--verbose").code == 2


def test_completion_prints_a_script_or_puts_it_where_the_shell_looks(
    cxr: Cxr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    printed = cxr("completion", "bash")
    assert printed.out.endswith("complete -F _cxr cxr\n")
    outcome = cxr("completion", "bash", "--install")
    place = tmp_path / "bash-completion" / "completions" / "cxr"
    assert (outcome.code, outcome.out) == (0, "")
    assert str(place) in outcome.err
    assert place.read_text() == printed.out
