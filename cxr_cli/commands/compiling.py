"""The options of commands that compile programs for the device: how, and whether the next one finds them."""

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from cxr_cli.commands.console import say

NoCompileCache = Annotated[
    bool, typer.Option("--no-compile-cache", help="Do not keep compiled programs for the next command.")
]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="On a GPU, compute the same bits in every run; slower.")
]
NO_COMPILE_CACHE = "no_compile_cache"
OPTIONS = (
    inspect.Parameter(
        "deterministic", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Deterministic
    ),
    inspect.Parameter(
        NO_COMPILE_CACHE, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=NoCompileCache
    ),
)


def compiles(command: Callable[..., None]) -> Callable[..., None]:
    """Keep what a command compiles; give it the options not to, and to compile for the same bits always."""

    @wraps(command)
    def cached(*, deterministic: bool = False, no_compile_cache: bool = False, **given: Any) -> None:
        from cxr_cli.compile_cache import use_compile_cache
        from cxr_cli.determinism import require_determinism

        if deterministic:
            require_determinism()
        if not no_compile_cache and (obstacle := use_compile_cache()):
            say(f"compiled programs are not kept: {obstacle}")
        with warnings.catch_warnings():
            # A program that was cut short by a kill or a full disk is compiled again; users need not know.
            warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")
            command(**given)

    # What Typer reads a command's parameters from.
    signature = inspect.signature(command, eval_str=True)
    parameters = [*signature.parameters.values(), *OPTIONS]
    cached.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    cached.__annotations__ = {one.name: one.annotation for one in parameters}
    return cached
