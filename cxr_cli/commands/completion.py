"""`cxr completion`: the completion of a shell, printed or put where the shell looks."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

import cxr_cli
from cxr_cli.commands.console import say
from cxr_cli.errors import CxrError

Shell = Literal["bash", "zsh", "fish"]


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell.")],
    install: Annotated[
        bool, typer.Option("--install", help="Write it into the folder of your own completions instead.")
    ] = False,
) -> None:
    """Print or install the completion of a shell.

    It completes commands, options, their values, and columns of a table and classes of a run that are on the
    line, and starts no Python. `pip install cxr-cli` puts it where the shells of the same environment look.
    """
    script = _script(shell)
    if not install:
        typer.echo(script, nl=False)
        return
    from cxr_cli.artifacts import write_text

    place = _place(shell)
    write_text(place, script)
    say(f"{place}: written; a new {shell} has it")
    if shell == "zsh":
        say(f"zsh looks there if ~/.zshrc has: fpath=({place.parent} $fpath); autoload -U compinit; compinit")
    if shell == "bash":
        say(f"bash looks there with the package bash-completion; without it ~/.bashrc needs: source {place}")


def _script(shell: Shell) -> str:
    """Read the script that completions/generate.py made: a part of the package, or of its checkout."""
    package = Path(cxr_cli.__file__).parent
    for folder in (package / "completions", package.parent / "completions"):
        path = folder / f"cxr.{shell}"
        if path.is_file():
            return path.read_text("utf-8")
    from cxr_cli.extras import install_command

    raise CxrError(f"{package / 'completions'}: no completion of {shell}; {install_command()}")


def _place(shell: Shell) -> Path:
    """Return where a shell looks for the user's own completion of a command."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "cxr",
        "zsh": data / "zsh" / "site-functions" / "_cxr",
        "fish": config / "fish" / "completions" / "cxr.fish",
    }[shell]
