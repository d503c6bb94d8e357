"""Kill every command at random moments, fill its disk, and run the same command again.

    python tests/fuzz/kills.py WORK [--kills 20] [--fill 5] [--read-only 1] [--vanish 3] [--only train]

makes the study of `stages.py` in WORK, unless it is there. Each stage is then killed (SIGKILL) at random
moments of its run, and run on a file system (tmpfs; for that it takes root) that is full at different points
of its work, or read-only. A command that met such a disk is to end with code 3 and one line, and to have
damaged nothing; and after each of these the same command is to leave what an undisturbed one leaves, but for
the times in it. Where all files vanish on the way there is to be one line.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages import STAGES, Stage, Study, differences, preload, print_outcomes, start

ROOM = 2**30


def duration(study: Study, stage: Stage) -> float:
    """Seconds that a stage takes just now, on this machine with what else runs on it."""
    study.restore(stage)
    began = time.monotonic()
    start(stage.words, study.here).finish()
    return time.monotonic() - began


def killed(study: Study, stage: Stage, after: float) -> str:
    """Kill a stage after so many seconds, and run it again; return what came of it."""
    study.restore(stage)
    command = start(stage.words, study.here)
    time.sleep(after)
    command.kill()
    code, _, _ = command.finish()
    return again(study, stage, f"killed after {after:.2f} s") or (
        "as undisturbed" if code < 0 else "had ended"
    )


def filled(study: Study, stage: Stage, level: float) -> str:
    """Run a stage with room for a part of what it writes, and again with all; return what came of it."""
    with mounted(study.here):
        study.restore(stage)
        before = used(study.here)
        code, _, err = start(stage.words, study.here).finish()
        if code:
            return f"FAILED with room: {code} {err[-500:]}"
        after = used(study.here)
        study.restore(stage)
        room = before + int(level * (after - before)) // 4096 * 4096
        remount(study.here, room)
        code, _, err = start(stage.words, study.here).finish()
        if not is_one_line(code, err):
            return f"FAILED at {level:.0%}: code {code}\n{err[-3000:]}"
        broken = [
            each for each in differences(study.before(stage), study.here) if not each.endswith("left over")
        ]
        unlike = [each for each in study.differences(stage) if not each.endswith("missing")]
        if damaged := names_of(broken) & names_of(unlike):
            return f"FAILED at {level:.0%}: neither as before nor as after: {sorted(damaged)}"
        remount(study.here, ROOM)
        said = again(study, stage, f"at {level:.0%} ({err})")
        return said or ("full: ended with code 3, then as undisturbed" if code else "had room enough")


def read_only(study: Study, stage: Stage) -> str:
    """Run a stage on a file system that is read-only, and again when it is not; return what came of it."""
    with mounted(study.here):
        study.restore(stage)
        remount(study.here, ROOM, "ro")
        code, _, err = start(stage.words, study.here).finish()
        if not is_one_line(code, err):
            return f"FAILED read-only: code {code}\n{err[-3000:]}"
        remount(study.here, ROOM, "rw")
        said = again(study, stage, f"read-only ({err})")
        return said or f"read-only: ended with code {code}, then as undisturbed"


def vanished(study: Study, stage: Stage, after: float) -> str:
    """Take all files away while a stage runs; return what came of it."""
    study.restore(stage)
    command = start(stage.words, study.here)
    time.sleep(after)
    for path in study.here.iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    code, _, err = command.finish()
    if not is_one_line(code, err):
        return f"FAILED with all files gone after {after:.2f} s: code {code}\n{err[-3000:]}"
    return f"files gone: ended with code {code}"


def is_one_line(code: int, err: str) -> bool:
    """Tell whether a command ended well, or with code 3 and one line that says why."""
    lines = [line for line in err.splitlines() if line.startswith("cxr: ")]
    return code in (0, 3) and len(lines) == (code != 0) and "Traceback" not in err


def again(study: Study, stage: Stage, what: str) -> str | None:
    """Run a stage once more, to its end; return what is wrong with it."""
    code, _, err = start(stage.words, study.here).finish()
    if code:
        return f"FAILED {what}: the same command again: code {code}\n{err[-3000:]}"
    if unlike := study.differences(stage):
        return f"FAILED {what}: {'; '.join(unlike)}"
    return None


def names_of(found: list[str]) -> set[str]:
    """Files that `differences` named."""
    return {each.partition(":")[0] for each in found}


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount an empty file system over a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, size: int, mode: str = "rw") -> None:
    subprocess.run(["mount", "-o", f"remount,{mode},size={size}", folder], check=True)


def used(folder: Path) -> int:
    """Bytes that are used of a file system."""
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def run() -> None:
    """Disturb every stage and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--fill", type=int, default=5)
    parser.add_argument("--read-only", type=int, default=1)
    parser.add_argument("--vanish", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[stage.name for stage in STAGES])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    preload()
    study = Study(asked.work.resolve())
    study.make()
    chance, failures = random.Random(asked.seed), 0
    for stage in STAGES:
        if stage.name not in asked.only:
            continue
        seconds = duration(study, stage)
        outcomes = [killed(study, stage, chance.uniform(0, seconds)) for _ in range(asked.kills)]
        outcomes += [filled(study, stage, each / asked.fill) for each in range(asked.fill)]
        outcomes += [read_only(study, stage) for _ in range(asked.read_only)]
        outcomes += [vanished(study, stage, chance.uniform(0, seconds)) for _ in range(asked.vanish)]
        failures += print_outcomes(f"{stage.name:13}", outcomes)
    print(f"{failures} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    run()
