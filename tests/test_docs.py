"""The documentation: what it shows exists, what exists is in it, links resolve, and its examples run."""

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from cxr_cli.commands.command import RENAMED, WITH_ANOTHER
from cxr_cli.commands.common import common_options
from cxr_cli.main import app, main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BY_HAND = [page for page in PAGES if page.name != "commands.md"]

COMMANDS: dict[str, Any] = {}
for _name, _command in typer.main.get_command(app).commands.items():
    _inner = getattr(_command, "commands", {})
    COMMANDS |= {f"{_name} {word}": each for word, each in _inner.items()} if _inner else {_name: _command}

OF_OTHER_TOOLS = {"--array", "--wrap", "--gres", "--requeue", "--signal", "--version", "--help"}
OF_BENCHMARKS = {
    "--steps",
    "--rounds",
    "--cpu-times",
    "--kinds",
    "--studies",
    "--models",
    "--seeds",
    "--only",
    "--results",
}

SMALLER: dict[str, list[str]] = {
    "preprocess": ["--size", "32", "--workers", "1"],
    "train": ["--width", "0.0625", "--epochs", "1"],
    "crossval": ["--width", "0.0625", "--epochs", "1"],
    "stratify": ["--resamples", "200"],
    "gradcam": ["--count", "2"],
}
"""What makes a command of the examples small; a later option of the same name wins."""


class Block(NamedTuple):
    """A fenced block of code; `run` if it is marked to be run."""

    page: Path
    language: str
    code: str
    run: bool


def _blocks(page: Path) -> Iterator[Block]:
    fenced = re.compile(r"^(<!-- run -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for match in fenced.finditer(page.read_text("utf-8")):
        yield Block(page, match[2], match[3], match[1] is not None)


BLOCKS = [block for page in BY_HAND for block in _blocks(page)]


def _calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of `cxr` in shell code or prose: name and options, without what follows a `;`."""
    joined = text.replace("\\\n", " ")
    call = re.compile(r"\bcxr ([a-z][\w-]*)((?:[^\n#&|;'\"`]|'[^'\n]*'|\"[^\"\n]*\")*)")
    for match in call.finditer(joined):
        name, rest = match[1], match[2]
        if name in WITH_ANOTHER and (inner := re.search(r"\b(preprocess|train|sweep|crossval)\b", rest)):
            yield name, re.findall(r"(?<!\S)(--?[a-z][\w-]*)", rest[: inner.start()])
            name, rest = inner[0], rest[inner.end() :]
        if name not in COMMANDS:
            name = f"{name} {rest.split()[0]}" if rest.split() else name
        yield name, re.findall(r"(?<!\S)(--?[a-z][\w-]*)", re.sub(r"\"[^\"]*\"|'[^']*'", "", rest))


def _spellings(command: Any) -> set[str]:
    options = [each for each in command.params if each.param_type_name == "option"]
    return {word for each in options for word in (*each.opts, *each.secondary_opts)} | {"--help"}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", BY_HAND, ids=_name)
def test_every_command_and_option_shown_exists(page: Path) -> None:
    shell = "".join(block.code for block in BLOCKS if block.page == page and block.language == "bash")
    inline = re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))
    for name, options in (call for text in (shell, *inline) for call in _calls(text)):
        if name == "COMMAND":
            continue
        assert name in COMMANDS, f"cxr {name}"
        assert set(options) <= _spellings(COMMANDS[name]), f"cxr {name}"
    known = set().union(*map(_spellings, COMMANDS.values()), OF_OTHER_TOOLS, OF_BENCHMARKS)
    for text in inline:
        assert set(re.findall(r"(?<!\S)--[a-z][\w-]*", text)) <= known, text


def test_no_renamed_option_is_shown() -> None:
    old = {option for renamed in RENAMED.values() for option in renamed}
    for page in PAGES:
        words = set(re.findall(r"--[a-z][\w-]*", page.read_text("utf-8")))
        assert words & (old - set().union(*map(_spellings, COMMANDS.values()))) == set(), page


def test_the_readme_lists_every_command() -> None:
    listed = re.findall(r"^\| `cxr ([\w-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(typer.main.get_command(app).commands)


def test_the_reference_has_every_option_as_the_app_has_it_now() -> None:
    path = ROOT / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_reference", path)
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for page, write in generate.WRITERS.items():
        assert (ROOT / "docs" / page).read_text("utf-8") == write(), "run `python docs/generate.py`"
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    for name, command in COMMANDS.items():
        section = text.partition(f"\n## cxr {name}\n")[2].partition("\n## ")[0]
        hidden = {opt for option in command.params if getattr(option, "hidden", False) for opt in option.opts}
        everywhere = {opt for option in common_options() for opt in option.opts}
        for option in _spellings(command) - {"--help", "-h"} - hidden - everywhere:
            assert option in section, f"cxr {name} {option}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=_name)
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images/, labels.csv, and what README's study makes of them, at small size."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["phantom", "-o", ".", "--count", "60", "--size", "48", "--workers", "1"]) == 0
        for block in _blocks(ROOT / "README.md"):
            if block.run:
                _run_shell(block.code)
    return folder


def _run_shell(code: str) -> None:
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] == "cxr", line
            assert main([*words[1:], *SMALLER.get(words[1], [])]) == 0, line


def _marked(language: str) -> list[Path]:
    return [
        page
        for page in BY_HAND[1:]
        if any(each.run and each.language == language for each in BLOCKS if each.page == page)
    ]


@pytest.mark.parametrize("page", _marked("bash"), ids=_name)
def test_shell_examples_run(page: Path, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    # An example writes its split.csv in its own folder, for a file that is there is not overwritten.
    for name in ("split.csv", "split.json"):
        if "split dataset" in page.read_text("utf-8") and "-o split.csv" in page.read_text("utf-8"):
            (study / name).unlink(missing_ok=True)
    for block in (each for each in BLOCKS if each.page == page and each.run):
        _run_shell(block.code)


def test_python_examples_run(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").symlink_to(study / "images")
    (tmp_path / "labels.csv").symlink_to(study / "labels.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in _blocks(ROOT / "docs" / "python.md"):
        if block.run:
            exec(compile(block.code, "docs/python.md", "exec"), names)
    for result in ("trained", "tested", "strata", "folds", "compared"):
        assert "<table>" in names[result]._repr_html_(), result


def test_readme_is_a_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 110


Cxr = Callable[..., Any]


@pytest.mark.parametrize("command", RENAMED)
def test_an_option_s_old_name_is_refused_and_the_changelog_has_both(command: str, cxr: Cxr) -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for old, new in RENAMED[command].items():
        code, _, err = cxr(command, old)
        assert (code, err) == (2, f"cxr: {old}: is now {new}\n")
        assert f"`{old}`" in changes
        assert f"`{new}`" in changes
