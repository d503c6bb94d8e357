"""Run every command under other circumstances, and compare all that it leaves.

    python tests/fuzz/environments.py WORK

makes the study of `stages.py` in WORK, unless it is there, and runs each stage once more with another number
of workers, PYTHONHASHSEED, LC_ALL, TZ, umask, HOME and order of the directory's entries, no compiled programs
kept, and modules of every name and a matplotlibrc in the working folder. Files and stdout are to be the same
bytes, but for the times in them.
"""

import argparse
import os
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from stages import STAGES, Stage, Study, preload

CIRCUMSTANCES = {
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "de_DE.UTF-8",
    "TZ": "Pacific/Kiritimati",
    "PYTHONHASHSEED": "4711",
    "COLUMNS": "40",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "svg",
}

SCRIPT = """
import os
from cxr_cli.main import entry
if __name__ == "__main__":
    os.umask(0o077)
    entry()
"""


def disturbed(study: Study, stage: Stage, planted: list[str]) -> list[str]:
    """Run a stage under other circumstances; name what is not the same."""
    study.restore(stage)
    for folder in [path for path in study.here.rglob("*") if path.is_dir()]:
        _reverse(folder)
    for name in planted:
        (study.here / f"{name}.py").write_text("raise SystemExit(f'planted {__name__}')")
    (study.here / "matplotlibrc").write_text("font.size: 30\nsavefig.dpi: 20\nfigure.facecolor: red\n")
    home = study.work / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    words = list(stage.words)
    if "--workers" in words:
        words[words.index("--workers") + 1] = "1"
    script = study.work / "cxr"  # begins with its own folder on the path, as the installed one does
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, *words],
        cwd=study.here,
        env={**os.environ, **CIRCUMSTANCES, "HOME": str(home), "XDG_CACHE_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    for path in (*study.here.glob("*.py"), study.here / "matplotlibrc"):
        path.unlink()
    if done.returncode:
        return [f"code {done.returncode}: {done.stderr[-2000:]}"]
    said = (study.after(stage) / ".stdout").read_text()
    return [*(["stdout differs"] if done.stdout != said else []), *study.differences(stage)]


def _reverse(folder: Path) -> None:
    """Make a folder's entries anew in the reverse of their order."""
    entries = [entry.name for entry in os.scandir(folder)]
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    for name in reversed(entries):
        (aside / name).rename(folder / name)
    aside.rmdir()


def run() -> None:
    """Run every stage and print what is not the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", default=[stage.name for stage in STAGES])
    asked = parser.parse_args()
    preload()
    study = Study(asked.work.resolve())
    study.make()
    names = {*sys.stdlib_module_names, *packages_distributions()}
    planted = sorted(name for name in names if name.isidentifier())
    failures = 0
    for stage in STAGES:
        if stage.name in asked.only:
            found = disturbed(study, stage, planted)
            failures += bool(found)
            print(f"{stage.name:13} {'the same bytes' if not found else '; '.join(found)}", flush=True)
    print(f"{failures} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    run()
