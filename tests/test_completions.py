"""The completions are the app's, and the shells complete by them."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Literal, get_type_hints

import pytest
import typer

from cxr_cli.main import app

COMPLETIONS = Path(__file__).resolve().parents[1] / "completions"
COMMANDS = typer.main.get_command(app).commands
GROUPED = {
    f"{group} {name}": command
    for group, outer in COMMANDS.items()
    for name, command in getattr(outer, "commands", {}).items()
}
SINGLE = {name: command for name, command in COMMANDS.items() if not hasattr(command, "commands")}
"""Commands that are no groups; GROUPED has those of the groups, by both words."""

COMPLETE_IN_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_cxr
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", COMPLETIONS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words, in `folder`."""
    result = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE_IN_BASH, "bash", COMPLETIONS / "cxr.bash", "cxr", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return sorted(line for line in result.stdout.splitlines() if line)


OFFERS_OF_ZSH = """
zmodload zsh/zpty
zpty shell zsh --no-rcs -i
zpty -w shell "PS1=; autoload -Uz compinit; compinit -u -D; source $1; cd $2; setopt list_packed"
zpty -w shell "zstyle ':completion:*' list-colors ''; LISTMAX=9999; bindkey '^I' list-choices; print READY"
zpty -r shell seen '*READY*READY*'
zpty -w -n shell "$3"$'\t'
sleep 1
zpty -w -n shell $'\x15print OVER\n'
zpty -r shell seen '*OVER*OVER*'
print -r -- $seen
"""


def in_zsh(folder: Path, line: str) -> str:
    """What an interactive zsh shows at the end of the line, in `folder`."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed")
    command = [zsh, "--no-rcs", "-c", OFFERS_OF_ZSH, "zsh", COMPLETIONS / "cxr.zsh", folder, line]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def in_fish(folder: Path, line: str) -> list[str]:
    """What fish offers at the end of the line, in `folder`, without the descriptions."""
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    script = f'source "{COMPLETIONS / "cxr.fish"}"; complete -C "{line}"'
    result = subprocess.run(
        [fish, "--no-config", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return sorted(offer.split("\t")[0] for offer in result.stdout.splitlines())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dataset one").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(
        json.dumps({"classes": ["normal", "pleural effusion"], "views": ["PA"]}, indent=2)
    )
    (tmp_path / "split.csv").write_text("image_id,sex,age\n1,F,50\n")
    return tmp_path


def spellings(command: str) -> list[str]:
    found = (SINGLE | GROUPED)[command]
    given = found.get_params(typer.Context(found))
    parameters = [each for each in given if not getattr(each, "hidden", False)]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    return sorted(spelling for option in options for spelling in (*option.opts, *option.secondary_opts))


def test_the_scripts_are_what_the_app_says_now(generate: ModuleType) -> None:
    assert generate.stale_files(COMPLETIONS) == [], "run `python completions/generate.py`"


def test_a_stale_script_is_named(generate: ModuleType, tmp_path: Path) -> None:
    for name in ("cxr.bash", "cxr.zsh", "cxr.fish"):
        shutil.copy(COMPLETIONS / name, tmp_path)
    assert generate.stale_files(tmp_path) == []
    with (tmp_path / "cxr.zsh").open("a") as script:
        script.write("# by hand\n")
    (tmp_path / "cxr.fish").unlink()
    assert generate.stale_files(tmp_path) == ["cxr.zsh", "cxr.fish"]


def test_check_exits_1_and_names_the_stale_file_without_touching_it(
    generate: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("cxr.bash", "cxr.zsh", "cxr.fish"):
        shutil.copy(COMPLETIONS / name, tmp_path)
    (tmp_path / "cxr.bash").write_text("old\n")
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert capsys.readouterr().err.startswith("completions/cxr.bash: stale")
    assert (tmp_path / "cxr.bash").read_text() == "old\n"
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert (tmp_path / "cxr.bash").read_text() == (COMPLETIONS / "cxr.bash").read_text()


def test_values_written_down_beside_the_app_are_of_options_whose_type_is_text(generate: ModuleType) -> None:
    text = {
        parameter.name
        for command in (SINGLE | GROUPED).values()
        for parameter in command.params
        if generate.scalar(get_type_hints(command.callback).get(parameter.name)) is str
    }
    assert set(generate.KNOWN_VALUES) <= text


@pytest.mark.parametrize(
    ("kind", "metavar", "values"),
    [
        (Literal["mean", "medoid"], None, ("mean", "medoid")),
        (list[Literal["tp", "fp"]] | None, None, ("tp", "fp")),
        (int | None, None, ()),
        (str, "N", ()),
        (str | None, "predicted|label|CLASS", ("predicted", "label")),
    ],
)
def test_values_come_from_the_type_and_the_metavar(
    generate: ModuleType, kind: object, metavar: str | None, values: tuple[str, ...]
) -> None:
    parameter = SimpleNamespace(name="value", metavar=metavar, help="")
    assert generate.values_of(parameter, kind) == values


def test_columns_and_classes_are_found_on_the_line(generate: ModuleType) -> None:
    for metavar, place in (("COLUMN", generate.Place.COLUMN), ("CLASS", generate.Place.CLASS)):
        parameter = SimpleNamespace(name="value", metavar=metavar, help="")
        assert generate.values_of(parameter, str | None) is place


def test_the_scripts_start_no_python() -> None:
    for name in ("cxr.bash", "cxr.zsh", "cxr.fish"):
        code = [line for line in (COMPLETIONS / name).read_text().splitlines() if not line.startswith("#")]
        assert not any("python" in line.lower() or "_CXR_COMPLETE" in line for line in code), name


def test_bash_offers_every_command(folder: Path) -> None:
    assert in_bash(folder, "") == sorted([*COMMANDS, "-h", "--help", "--version"])
    assert in_bash(folder, "sp") == ["split"]


@pytest.mark.parametrize("command", [*SINGLE, *GROUPED])
def test_bash_offers_every_option_of_a_command(folder: Path, command: str) -> None:
    assert in_bash(folder, *command.split(), "-") == spellings(command)


def test_bash_offers_a_group_s_commands_and_what_they_take(folder: Path) -> None:
    assert in_bash(folder, "weights", "") == ["--help", "-h", "fetch", "list", "verify"]
    assert in_bash(folder, "weights", "f") == ["fetch"]
    assert in_bash(folder, "weights", "list", "--format", "") == ["csv", "json", "table"]
    assert in_bash(folder, "weights", "fetch", "timm/resnet50") == ["timm/resnet50.tv_in1k"]
    assert in_bash(folder, "weights", "verify", "") == ["dataset one", "run", "split.csv"]


def test_bash_offers_values(folder: Path) -> None:
    assert in_bash(folder, "train", "data", "--recipe", "") == ["finetune", "siamese", "single", "small-data"]
    assert in_bash(folder, "train", "data", "--recipe", "=", "si") == ["siamese", "single"]
    assert in_bash(folder, "train", "data", "--recipe", "=") == [
        "finetune",
        "siamese",
        "single",
        "small-data",
    ]
    assert in_bash(folder, "test", "--subset", "t") == ["test", "train"]
    assert in_bash(folder, "train", "--epochs", "") == []


def test_bash_offers_paths_and_folders_where_a_folder_is_needed(folder: Path) -> None:
    assert in_bash(folder, "split", "") == ["dataset one", "run"]
    assert in_bash(folder, "split", "d") == ["dataset one"]
    assert in_bash(folder, "train", "-o", "") == ["dataset one", "run"]
    assert in_bash(folder, "train", "run", "--split", "") == ["dataset one", "run", "split.csv"]
    assert in_bash(folder, "preprocess", "run", "") == ["dataset one", "run", "split.csv"]


def test_bash_offers_columns_and_classes_of_what_is_on_the_line(folder: Path) -> None:
    assert in_bash(folder, "stratify", "split.csv", "--by", "") == ["age", "image_id", "sex"]
    assert in_bash(folder, "stratify", "split.csv", "--by", "s") == ["sex"]
    assert in_bash(folder, "test", "run", "--positive", "") == ["normal", "pleural effusion"]
    assert in_bash(folder, "test", "--positive", "") == []


def test_zsh_offers_values_columns_and_classes(folder: Path) -> None:
    assert "small-data" in in_zsh(folder, "cxr train d --recipe ")
    assert "image_id" in in_zsh(folder, "cxr stratify split.csv --by ")
    assert "pleural" in in_zsh(folder, "cxr test run --positive ")


def test_a_value_that_is_a_command_s_name_is_not_taken_for_the_command(folder: Path) -> None:
    assert in_bash(folder, "train", "--output", "test", "--preci") == ["--precision"]


def test_fish_offers_commands_options_values_and_paths(folder: Path) -> None:
    assert in_fish(folder, "cxr ") == sorted(COMMANDS)
    assert in_fish(folder, "cxr split --") == [word for word in spellings("split") if word.startswith("--")]
    assert in_fish(folder, "cxr train d --recipe ") == ["finetune", "siamese", "single", "small-data"]
    assert in_fish(folder, "cxr train --epochs ") == []
    assert in_fish(folder, "cxr split ") == ["dataset one/", "run/"]
    assert in_fish(folder, "cxr train run --split ") == ["dataset one/", "run/", "split.csv"]
    assert in_fish(folder, "cxr train --output test --preci") == ["--precision"]
    assert in_fish(folder, "cxr stratify split.csv --by ") == ["age", "image_id", "sex"]
    assert in_fish(folder, "cxr test run --positive ") == ["normal", "pleural effusion"]
    assert in_fish(folder, "cxr weights ") == ["fetch", "list", "verify"]
    assert in_fish(folder, "cxr weights list --format ") == ["csv", "json", "table"]
    assert in_fish(folder, "cxr weights list ") == []


def test_zsh_can_read_its_script_and_finds_the_command_s_name_in_it() -> None:
    zsh = shutil.which("zsh")
    assert (COMPLETIONS / "cxr.zsh").read_text().startswith("#compdef cxr\n")
    if zsh is None:
        pytest.skip("zsh is not installed")
    subprocess.run([zsh, "-n", COMPLETIONS / "cxr.zsh"], check=True)


@pytest.mark.parametrize("script", ["cxr.zsh", "cxr.fish"])
def test_every_command_and_option_stands_with_its_help(script: str) -> None:
    text = (COMPLETIONS / script).read_text().replace("\\", "")
    for name, command in (SINGLE | GROUPED).items():
        assert name.split()[-1] in text
        for option in (each for each in command.params if each.param_type_name == "option"):
            if option.hidden:  # taken for scripts of earlier versions
                continue
            # Up to the first quotation mark, which each shell writes in its own way.
            assert " ".join((option.help or "").split("\n\n")[0].split()).split("'")[0] in text
