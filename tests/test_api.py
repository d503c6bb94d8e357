"""The package's functions: all there, loaded at first use, and never hidden by a room of their name."""

import subprocess
import sys
from pathlib import Path

from cxr_cli import FUNCTIONS


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_each_function_is_of_its_module() -> None:
    code = "import cxr_cli\nfor name in cxr_cli.FUNCTIONS: print(name, getattr(cxr_cli, name).__module__)"
    assert python(code) == "".join(f"{name} {module}\n" for name, module in FUNCTIONS.items())


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, cxr_cli; print(sorted({'jax', 'numpy', 'pandas', 'typer'} & set(sys.modules)))"
    assert python(code) == "[]\n"


def test_a_room_of_the_same_name_does_not_take_a_function_s_place() -> None:
    code = (
        "import cxr_cli.audit.kinds, cxr_cli.report.checklists\n"
        "from cxr_cli import audit, report\n"
        "print(audit.__name__, audit.__module__, report.__module__)"
    )
    assert python(code) == "audit cxr_cli.audit.run cxr_cli.report.run\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    code = "import cxr_cli\ntry: cxr_cli.trian\nexcept AttributeError as error: print(error)"
    assert python(code) == "module 'cxr_cli' has no attribute 'trian'\n"


def test_split_by_name_takes_texts_as_paths(small_dataset: Path, tmp_path: Path) -> None:
    from cxr_cli import split

    result = split(str(small_dataset), str(tmp_path / "split.csv"))
    assert result.path == tmp_path / "split.csv"
    assert result.path.exists()
