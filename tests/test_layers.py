"""The house: a room imports only from rooms below it, inside functions and for type checking too."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cxr_cli

PACKAGE = Path(cxr_cli.__file__).resolve().parent

ORDER: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("main",),
    ("commands",),
    ("report",),
    ("explain", "audit", "training"),
    ("prediction",),
    ("runs",),
    ("splitting",),
    ("dataset",),
    ("labels", "models", "phantom", "plots"),
    ("images", "evaluation"),
    ("user_tables",),
    ("artifacts",),
    (
        "locks",
        "determinism",
        "import_path",
        "limits",
        "reporting",
        "array_task",
        "compile_cache",
        "extras",
        "interruption",
        "processes",
        "recorded_values",
        "slurm_script",
        "name_lists",
    ),
    ("errors", "printable"),
)
"""The rooms from top to bottom. Those in one row do not import each other."""

ABOVE_THE_LIBRARY = ("__main__", "main", "commands")
FLOOR = {room: floor for floor, row in enumerate(ORDER) for room in row}


@dataclass(frozen=True)
class Import:
    """One import of a module of this package.

    Attributes:
        importer: the module that imports, such as `training.loop`; `training` for the room's `__init__`.
        imported: the module imported, written likewise.
        line: where.
        at_load: whether it runs when `importer` is loaded: not in a function, not for type checking alone.
    """

    importer: str
    imported: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}


def _room(module: str) -> str:
    return module.partition(".")[0]


def _under(node: ast.AST, at_load: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_load
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _under(child, False)
        else:
            deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _under(child, at_load and not deferred)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield what is imported, by its full dotted name."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, f"relative import of {node.module}"
    for alias in node.names:
        yield f"{node.module}.{alias.name}"


def _imports() -> Iterator[Import]:
    for importer, tree in TREES.items():
        for node, at_load in _under(tree, True):
            for full in _imported(node):
                package, _, module = full.partition(".")
                if package == "cxr_cli":
                    while module and module not in MODULES:  # a name in a module
                        module = module.rpartition(".")[0]
                    if module:
                        yield Import(importer, module, node.lineno, at_load)


IMPORTS = list(_imports())


def _external(module: str) -> set[str]:
    """Return the top-level packages that a module imports, anywhere in it."""
    return {full.partition(".")[0] for node, _ in _under(TREES[module], True) for full in _imported(node)}


def test_every_room_has_its_place_in_the_order() -> None:
    assert {_room(module) for module in MODULES} == set(FLOOR)


def test_imports_are_found() -> None:
    assert any(each.importer == "commands.split" and not each.at_load for each in IMPORTS)
    assert any(each.at_load for each in IMPORTS)


def test_no_room_imports_from_above_or_from_beside() -> None:
    wrong = [
        str(each)
        for each in IMPORTS
        if _room(each.importer) != _room(each.imported)
        and FLOOR[_room(each.importer)] >= FLOOR[_room(each.imported)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for each in IMPORTS:
        if each.at_load and each.importer != each.imported:
            graph[each.importer].add(each.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


def test_only_the_command_line_imports_typer_or_commands() -> None:
    library = [module for module in MODULES if _room(module) not in ABOVE_THE_LIBRARY]
    assert [module for module in library if _external(module) & {"typer", "click"}] == []
    assert [
        str(each) for each in IMPORTS if _room(each.imported) == "commands" and each.importer in library
    ] == []


def test_evaluation_is_arithmetic_on_arrays() -> None:
    """No jax, and no files."""
    rooms = [module for module in MODULES if _room(module) == "evaluation"]
    assert [
        module for module in rooms if _external(module) & {"jax", "flax", "optax", "pathlib", "os", "io"}
    ] == []
    files = re.compile(r"\b(open|read_csv|to_csv|read_text|write_text|read_json|write_json)\(")
    assert [module for module in rooms if files.search(ast.unparse(TREES[module]))] == []


A_FLAG = re.compile(r"(?<![\w-])--[a-z]\w*")


def _strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the string constants that are not docstrings: an expression that is a string alone is one."""
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node


def test_the_library_knows_no_flags() -> None:
    """A message names a field in backticks, and the command puts its flag there."""
    # What slurm_script writes are command lines, determinism's flag is XLA's: flags are their data.
    library = {
        module: tree
        for module, tree in TREES.items()
        if _room(module) not in (*ABOVE_THE_LIBRARY, "slurm_script", "determinism")
    }
    wrong = [
        f"{module}:{string.lineno} {string.value!r}"
        for module, tree in library.items()
        for string in _strings(tree)
        if A_FLAG.search(re.sub(r"`cxr [^`]*`", "", string.value))
    ]
    assert wrong == []
